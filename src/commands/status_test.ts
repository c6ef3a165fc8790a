import assert from "node:assert/strict";
import { createAdmin } from "../admin/admin.ts";
import { FakeView, skewedSession } from "../../test/support/fake_view.ts";
import { CommandFailure } from "./command_line/command_failure.ts";
import { painter } from "../terminal/terminal.ts";
import { status, type StatusOptions } from "./status.ts";

/** Runs the command against a proxy that `ask` gives, in time that only waiting lets pass. */
async function run(options: Partial<StatusOptions>, ask: (url: URL, seconds: number) => Promise<unknown>) {
  const lines: string[] = [];
  const said: string[] = [];
  let time = 0;
  let asked = 0;
  let failure: CommandFailure | undefined;
  try {
    await status({ admin: "http://127.0.0.1:24780", ...options }, {
      ask: (url) => (asked++, ask(url, time / 1000)),
      write: (line) => Promise.resolve(void lines.push(line)),
      say: (line) => void said.push(line),
      now: () => time,
      pause: (milliseconds) => Promise.resolve(void (time += milliseconds)),
      width: 80,
      paint: painter(false),
    });
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    failure = error;
  }
  return { exit: failure?.exitStatus ?? 0, message: failure?.message, output: lines.join("\n"), said, asked, time };
}

/** What a real admin server over this view answers. */
function answerOf(view: FakeView): (url: URL) => Promise<unknown> {
  const app = createAdmin(view, { boundHost: "127.0.0.1" });
  return async (url) => await (await app.request(url.href)).json();
}

Deno.test("0 without skew, 3 with it, whatever else there is", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1", { skewed: false }));
  const done = await run({}, answerOf(view));
  assert.equal(done.exit, 0);
  assert.match(done.output, /^no skew left, the proxy can go: none has been seen\n/);
  assert.match(
    done.output,
    /^ {2}collector {2}127\.0\.0\.1:4739 connected, antrea\/v1\.15 \(go-ipfix-legacy\),\n {13}2 reconnects$/m,
  );
  view.open.push(skewedSession("2"), skewedSession("3"));
  view.ended.recordsDropped.set("unknown_template", 4);
  const skewed = await run({}, answerOf(view));
  assert.equal(skewed.exit, 3);
  assert.equal(skewed.message, "");
  for (const line of skewed.output.split("\n")) assert.ok(line.length <= 80, line);
  assert.equal(skewed.asked, 1);
  assert.match(skewed.output, /^skew: 2 sessions still need rewriting\n/);
  assert.match(skewed.output, /^ {2}sessions {3}3 open, 2 of them skewed, 7 ended$/m);
  assert.match(skewed.output, /^ {2}records dropped {2,}unknown_template {2,}4$/m);
  assert.match(skewed.output, /^ {2}records that may be lost {2}with broken connections {2}6$/m);
});

Deno.test("a proxy that keeps lost values is read like any other; the values are in its JSON alone", async () => {
  const view = new FakeView();
  view.ended.informationLost.add("httpVals", 2);
  const octets = new TextEncoder().encode("private");
  view.ended.noteLostValue("httpVals", { type: "string", length: 7, octets });
  const { exit, output } = await run({}, answerOf(view));
  assert.equal(exit, 0);
  assert.match(output, /^ {2}records that lost a value {2,}httpVals {2,}2$/m);
  assert.ok(!output.includes("private"));
  assert.match((await run({ json: true }, answerOf(view))).output, /"lastLostValues":\{"httpVals":"private"\}/);
});

Deno.test("--json is the answer as it came, on one line, with the same exit status", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("2"));
  const { output, exit } = await run({ json: true }, answerOf(view));
  assert.equal(exit, 3);
  assert.ok(!output.includes("\n"));
  assert.equal(JSON.parse(output).skew.left, 1);
});

Deno.test("1 where nobody answers, or somebody else does", async () => {
  const unreachable = await run({}, () => Promise.reject(new Error("connection refused")));
  assert.equal(unreachable.exit, 1);
  assert.equal(unreachable.message, "error: no status from http://127.0.0.1:24780: connection refused");
  assert.equal(unreachable.output, "");
  const stranger = await run({ json: true }, () => Promise.resolve({ status: "green" }));
  assert.equal(stranger.exit, 1);
  assert.match(stranger.message ?? "", /is not this proxy/);
});

Deno.test("--wait asks again until no skew is left", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  const answer = answerOf(view);
  const { exit, time, said } = await run({ wait: "30m" }, (url, seconds) => {
    if (seconds < 2) return Promise.reject(new Error("not yet"));
    if (seconds >= 90) view.open.length = 0;
    return answer(url);
  });
  assert.equal(exit, 0);
  assert.equal(time, 90_000);
  assert.deepEqual(said, ["no status from http://127.0.0.1:24780: not yet", "sessions that still need rewriting: 1"]);
});

Deno.test("--wait ends only once there was no skew for the time that the proxy, or --settle, says", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  const answer = answerOf(view);
  // Skew ends after a minute, comes back for a while after two, and stays away from then on.
  const ask = (url: URL, seconds: number) => {
    const skewed = seconds < 60 || (seconds >= 65 && seconds < 70);
    view.open = skewed ? [skewedSession("1")] : [];
    view.skew = { ...view.skew, quiet: 1000 * (seconds - (seconds < 65 ? 60 : 70)) };
    return answer(url);
  };
  const own = await run({ wait: "30m" }, ask);
  assert.deepEqual([own.exit, own.time], [0, 80_000]);
  assert.ok(
    own.said.includes("no session needs rewriting now; waiting to see whether it stays so"),
    own.said.join("\n"),
  );
  const shorter = await run({ wait: "30m", settle: "2s" }, ask);
  assert.deepEqual([shorter.exit, shorter.time], [0, 62_000]);
  const longer = await run({ wait: "90s", settle: "1h" }, ask);
  assert.deepEqual([longer.exit, longer.time], [0, 90_000], "at the end of the wait, what is true then counts");
  assert.equal((await run({ settle: "soon" }, ask)).exit, 2);
});

Deno.test("--wait ends with its time: 3 with skew, 1 without an answer", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  const skewed = await run({ wait: "2500ms" }, answerOf(view));
  assert.deepEqual([skewed.exit, skewed.time, skewed.asked], [3, 2500, 4]);
  assert.match(skewed.output, /still need rewriting/);
  const gone = await run({ wait: "5s" }, () => Promise.reject(new Error("gone")));
  assert.deepEqual([gone.exit, gone.time], [1, 5000]);
});

Deno.test("2 for what is no address or duration, before anything is asked", async () => {
  for (
    const options of [{ admin: "http://[" }, { admin: "ftp://host" }, { admin: "" }, { wait: "30" }, { wait: "soon" }]
  ) {
    const { exit, asked } = await run(options, () => Promise.resolve({}));
    assert.deepEqual([exit, asked], [2, 0], JSON.stringify(options));
  }
});

Deno.test("an address without scheme is enough", async () => {
  let asked = "";
  await run({ admin: "127.0.0.1:99" }, (url) => Promise.resolve(asked = url.href));
  assert.equal(asked, "http://127.0.0.1:99/api/status");
});
