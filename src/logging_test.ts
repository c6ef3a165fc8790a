import assert from "node:assert/strict";
import { StandingClock } from "../test/support/time/standing_clock.ts";
import { configureLogging, logEvent, overrideLogging } from "./logging.ts";

function collect(level: "debug" | "info" | "warning" | "error", format: "json" | "text"): string[] {
  const lines: string[] = [];
  configureLogging({ level, format }, (line) => lines.push(line));
  return lines;
}

Deno.test("a JSON line has time, level, event and message first, then the fields in their order", () => {
  const lines = collect("info", "json");
  logEvent("proxy", "warning", "records_dropped", "dropped", { reason: "limit", session: 3, extra: 7n });
  assert.equal(lines.length, 1);
  const line = JSON.parse(lines[0] ?? "");
  assert.deepEqual(Object.keys(line), ["time", "level", "event", "message", "session", "reason", "extra"]);
  assert.equal(line.level, "warning");
  assert.equal(line.session, 3);
  assert.equal(line.extra, "7");
  assert.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

Deno.test("a message with braces is written unchanged", () => {
  const lines = collect("info", "json");
  logEvent("proxy", "info", "warning", "name {session} {{x}}", { session: "a" });
  assert.equal(JSON.parse(lines[0] ?? "").message, "name {session} {{x}}");
});

Deno.test("lines below the level are not written", () => {
  const lines = collect("warning", "json");
  logEvent("proxy", "info", "started", "not seen");
  logEvent("proxy", "error", "start_failed", "seen");
  assert.deepEqual(lines.map((line) => JSON.parse(line).event), ["start_failed"]);
});

Deno.test("a text line stays one line and carries no terminal control sequence", () => {
  const lines = collect("info", "text");
  logEvent("proxy", "info", "warning", "name \u001b[31mred\nsecond \u009b", { peer: "a\nb" });
  assert.equal(lines.length, 1);
  assert.doesNotMatch((lines[0] ?? "").slice(0, -1), /\p{Cc}/u);
  assert.match(lines[0] ?? "", /INFO {4}warning name \\u001b\[31mred\\u000asecond \\u009b peer=a\\u000ab\n$/);
});

Deno.test("a JSON line does not act on a terminal either, and reads as what was logged", () => {
  const lines = collect("info", "json");
  logEvent("proxy", "info", "warning", "name \u001b[31mred\u007f \u009b", { peer: "\u202ea\u2028b" });
  assert.doesNotMatch((lines[0] ?? "").slice(0, -1), /[\p{Cc}\u2028\u202e]/u);
  const { message, peer } = JSON.parse(lines[0] ?? "");
  assert.deepEqual([message, peer], ["name \u001b[31mred\u007f \u009b", "\u202ea\u2028b"]);
});

Deno.test("the environment overrides level and format, and a wrong word is named with the allowed ones", () => {
  const environment = new Map([["IPFIX_PROXY_LOG_LEVEL", "debug"]]);
  assert.deepEqual(overrideLogging({ level: "info", format: "json" }, environment), { level: "debug", format: "json" });
  environment.set("IPFIX_PROXY_LOG_FORMAT", "xml");
  assert.throws(
    () => overrideLogging({ level: "info", format: "json" }, environment),
    /IPFIX_PROXY_LOG_FORMAT: "xml" is none of json, text/,
  );
});

Deno.test("a line is at most 4 KiB: lists and texts are shortened with a count and the API's path", () => {
  for (const format of ["json", "text"] as const) {
    const lines = collect("info", format);
    const stripped = Array.from({ length: 16_301 }, (_, id) => `56506/${id}`);
    logEvent("proxy", "info", "template_mapped", "mapped", { session: "7", template: 256, stripped });
    logEvent("proxy", "info", "warning", "\u0001ü".repeat(9_000), {
      session: "7",
      reason: "\u0002".repeat(9_000),
      more: stripped,
    });
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.ok(new TextEncoder().encode(line).length <= 4096, `${line.length}`);
      assert.match(line, /\/api\/sessions\/7/);
    }
    assert.match(lines[0] ?? "", /56506\/31.*and 16269 more/);
    if (format === "json") { for (const line of lines) JSON.parse(line); }
  }
});

Deno.test("50 lines of one event a second are logged; further ones are counted and reported; other events are not affected", async () => {
  const lines: string[] = [];
  const clock = new StandingClock();
  configureLogging({ level: "info", format: "json" }, (line) => lines.push(line), clock);
  for (let count = 0; count < 70; count++) logEvent("proxy", "info", "session_opened", "opened");
  logEvent("proxy", "info", "session_closed", "closed");
  assert.equal(lines.length, 51);
  await clock.advance(1_000);
  const said = JSON.parse(lines[51] ?? "");
  assert.deepEqual([said.event, said.of, said.more], ["log_lines_left_out", "session_opened", 20]);
  logEvent("proxy", "info", "session_opened", "opened");
  assert.equal(lines.length, 53);
  for (let count = 0; count < 60; count++) logEvent("proxy", "info", "session_opened", "opened");
  configureLogging({ level: "info", format: "json" }, (line) => lines.push(line), clock);
  assert.equal(JSON.parse(lines.at(-1) ?? "").more, 11, "another configuration loses no count");
});

Deno.test("a source whose handshakes fail is logged once a minute, whatever its port", async () => {
  const lines: string[] = [];
  const clock = new StandingClock();
  configureLogging({ level: "info", format: "json" }, (line) => lines.push(line), clock);
  const fail = (peer: string) => logEvent("proxy", "warning", "handshake_failed", "failed", { peer });
  for (let port = 1; port <= 40; port++) fail(`10.0.0.1:${port}`);
  fail("[2001:db8::1]:7");
  assert.deepEqual(lines.map((line) => JSON.parse(line).peer), ["10.0.0.1:1", "[2001:db8::1]:7"]);
  await clock.advance(60_000);
  fail("10.0.0.1:99");
  assert.equal(JSON.parse(lines[2] ?? "").more, 39);
});
