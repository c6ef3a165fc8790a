import assert from "node:assert/strict";
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

Deno.test("a message with braces is written as it is", () => {
  const lines = collect("info", "json");
  logEvent("proxy", "info", "warning", "name {session} {{x}}", { session: "a" });
  assert.equal(JSON.parse(lines[0] ?? "").message, "name {session} {{x}}");
});

Deno.test("what is below the level is not written", () => {
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

Deno.test("the environment overrides level and format, and a wrong word is named with the allowed ones", () => {
  const environment = new Map([["IPFIX_PROXY_LOG_LEVEL", "debug"]]);
  assert.deepEqual(overrideLogging({ level: "info", format: "json" }, environment), { level: "debug", format: "json" });
  environment.set("IPFIX_PROXY_LOG_FORMAT", "xml");
  assert.throws(
    () => overrideLogging({ level: "info", format: "json" }, environment),
    /IPFIX_PROXY_LOG_FORMAT: "xml" is none of json, text/,
  );
});
