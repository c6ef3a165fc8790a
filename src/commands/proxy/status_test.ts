import assert from "node:assert/strict";
import { createAdmin } from "../../admin/admin.ts";
import { Counters, increment } from "../../mediation/templates/counters.ts";
import { FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import { CommandFailure } from "../command_line/command_failure.ts";
import { painter } from "../../terminal/terminal.ts";
import { status, type StatusOptions } from "./status.ts";

/** Runs the command against a proxy that `ask` gives, in time that only waiting lets pass. */
async function run(options: Partial<StatusOptions>, ask: (url: URL, seconds: number) => Promise<unknown>, width = 80) {
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
      width,
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

Deno.test("the exit status is the verdict: 0 not needed, 3 needed, 4 unknown; the first line says why", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1", { skewed: false }));
  view.collector = { ...view.collector, recordsPossiblyLost: 0 };
  const done = await run({}, answerOf(view));
  assert.equal(done.exit, 0);
  assert.match(done.output, /^not needed, the proxy can go: all 3 sessions are relayed unchanged\n/);
  assert.match(
    done.output,
    /^ {2}collector {2}127\.0\.0\.1:4739 connected, antrea\/v1\.15 \(go-ipfix-legacy\),\n {13}2 reconnects$/m,
  );
  assert.match(done.output, /^ {2}losses {5}none$/m);
  view.open.push(skewedSession("2"), skewedSession("3"), skewedSession("4", { closing: true }));
  view.verdict = { verdict: "needed", reason: "2 of 3 sessions need rewriting" };
  const skewed = await run({}, answerOf(view));
  assert.equal(skewed.exit, 3);
  assert.equal(skewed.message, "");
  assert.equal(skewed.asked, 1);
  assert.match(skewed.output, /^needed: 2 of 3 sessions need rewriting\n/);
  assert.match(skewed.output, /^ {2}sessions {3}3 open, 2 of them skewed, 1 closing, 7 ended$/m);
  view.verdict = { verdict: "unknown", reason: "the collector 10.0.0.9:4739 is unreachable: Connection refused" };
  const unknown = await run({}, answerOf(view));
  assert.equal(unknown.exit, 4);
  assert.match(unknown.output, /^unknown: the collector 10\.0\.0\.9:4739 is unreachable: Connection refused\n/);
});

Deno.test("every count that is not zero has a line, and no line is wider than the terminal", async () => {
  const view = new FakeView();
  view.ended.recordsDropped.set("unknown_template", 4);
  view.ended.pluginErrors.set("pad-missing", 2);
  view.ended.sequenceGaps = 5;
  view.handshakeFailures.set("listener_refused", 3);
  view.outcomes.push({ transport: "tcp", outcome: "refused", count: 6 });
  view.refusedConfiguration = {
    since: new Date("2026-01-01T00:00:07Z"),
    mistakes: ['proxy.yaml:2:7: mode: "upside-down" is not allowed (rewrite, observe), which makes this a long line'],
  };
  const fault = { file: "/var/templates", since: new Date("2026-01-01T00:00:07Z"), reason: "no space left" };
  view.templateCache = { writes: { written: 0, failed: 1 }, fault };
  view.memory = { limit: 400 * 2 ** 20, resident: 370 * 2 ** 20, state: "full" };
  const { output } = await run({}, answerOf(view));
  for (const line of output.split("\n")) assert.ok(line.length <= 80, line);
  for (
    const words of [
      /records dropped {2,}unknown_template {2,}4/,
      /records that may be lost {2,}with broken connections {2,}6/,
      /gaps in sequence numbers {2,}of exporters {2,}5/,
      /sessions {2,}refused {2,}6/,
      /handshakes failed {2,}listener_refused {2,}3/,
      /plugin failures {2,}pad-missing {2,}2/,
    ]
  ) assert.match(output, new RegExp(`^ {2}${words.source}$`, "m"));
  assert.match(
    output,
    /^configuration refused at 2026-01-01T00:00:07\.000Z, the previous one is in force:\n {2}proxy\.yaml:2:7/m,
  );
  assert.match(
    output,
    /^the template cache \/var\/templates cannot be written since\n {2}2026-01-01T00:00:07\.000Z: no space left$/m,
  );
  assert.match(output, /^370 MiB of limits\.memory \(400 MiB\) are in use: exporters are refused, and/m);
  assert.doesNotMatch(output, /losses|no_certificate/);
  for (const width of [60, 40]) {
    const narrow = (await run({}, answerOf(view), width)).output;
    for (const line of narrow.split("\n")) {
      assert.ok(line.length <= width || !line.trim().includes(" "), `${width}: ${line}`);
    }
    assert.match(narrow.replaceAll(/\s+/g, " "), /records that may be lost:? with broken connections 6/);
  }
});

Deno.test("a fact that is longer than a line breaks between its words", async () => {
  const view = new FakeView();
  const reason = "the certificate of the collector was issued by an authority that nobody here has ever heard of";
  view.collector = { ...view.collector, state: "away", up: false, reason };
  const { output } = await run({}, answerOf(view));
  for (const line of output.split("\n")) assert.ok(line.length <= 80, line);
  assert.ok(output.replaceAll(/\s+/g, " ").includes(`${reason}, antrea/v1.15`), output);
});

Deno.test("a fallback to another candidate and records on their way are said", async () => {
  const view = new FakeView();
  const [from, to] = [{ profile: "antrea/v2.7" }, { profile: "antrea/v1.1" }];
  const lastStep = { from, to, why: "rejected", how: "ended" };
  const candidates = { profiles: ["antrea/v2.7", "antrea/v1.1"], steps: 1, lastStep };
  view.collector = { ...view.collector, profile: "antrea/v1.1", candidates, recordsInHand: 40 };
  const { output } = await run({}, answerOf(view));
  const words = "antrea/v1.1 in place of antrea/v2.7, on whose templates the collector ended,";
  assert.ok(output.replaceAll(/\s+/g, " ").includes(words), output);
  assert.match(output, /^ {2}records {4}0 received, 0 sent, 40 in hand$/m);
});

Deno.test("reconnects are said to be of all collectors where there are several", async () => {
  const view = new FakeView();
  Object.assign(view, { otherCollectors: [{ ...view.collector, key: "tcp 10.0.0.9:4739", rules: ["peers[0]"] }] });
  assert.match((await run({}, answerOf(view))).output.replaceAll(/\s+/g, " "), /, 2 reconnects of all collectors /);
});

Deno.test("a session may need the proxy without skew: without any now, the last time is that of either", async () => {
  const view = new FakeView();
  assert.match((await run({}, answerOf(view))).output, /7 ended, none has needed the proxy so far|none has\s+needed/);
  view.skew = { ...view.skew, lastSeen: new Date("2026-01-01T00:00:10Z") };
  assert.match(
    (await run({}, answerOf(view))).output.replaceAll(/\s+/g, " "),
    /one last needed the proxy at 2026-01-01/,
  );
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
  view.verdict = { verdict: "needed", reason: "1 of 1 session needs rewriting" };
  const { output, exit } = await run({ json: true }, answerOf(view));
  assert.equal(exit, 3);
  assert.ok(!output.includes("\n"));
  assert.equal(JSON.parse(output).skew.left, 1);
  assert.deepEqual(JSON.parse(output).verdict, view.verdict);
});

Deno.test("exit status 1 where nobody answers, or another program does", async () => {
  const unreachable = await run({}, () => Promise.reject(new Error("connection refused")));
  assert.equal(unreachable.exit, 1);
  assert.equal(unreachable.message, "error: no status from http://127.0.0.1:24780: connection refused");
  assert.equal(unreachable.output, "");
  const stranger = await run({ json: true }, () => Promise.resolve({ status: "green" }));
  assert.equal(stranger.exit, 1);
  assert.match(stranger.message ?? "", /is not this proxy/);
});

const NEEDED = { verdict: "needed", reason: "1 of 1 session needs rewriting" } as const;
const UNKNOWN = { verdict: "unknown", reason: "no exporter is connected" } as const;
const NOT_NEEDED = { verdict: "not_needed", reason: "all 3 sessions are relayed unchanged" } as const;

Deno.test("--wait asks again until the proxy is not needed, and says what it waits for, once each", async () => {
  const view = new FakeView();
  const answer = answerOf(view);
  const { exit, time, said } = await run({ wait: "30m" }, (url, seconds) => {
    if (seconds < 2) return Promise.reject(new Error("not yet"));
    view.verdict = seconds < 60 ? NEEDED : seconds < 90 ? UNKNOWN : NOT_NEEDED;
    return answer(url);
  });
  assert.equal(exit, 0);
  assert.equal(time, 90_000);
  assert.deepEqual(said, [
    "no status from http://127.0.0.1:24780: not yet",
    "waiting, the proxy is needed: 1 of 1 session needs rewriting",
    "waiting, not known whether the proxy is needed: no exporter is connected",
  ]);
});

Deno.test("--settle makes --wait longer than the proxy's own settle time, and never shorter", async () => {
  const view = new FakeView();
  const answer = answerOf(view);
  // The last session that needed rewriting left after a minute; the proxy says so after ten seconds.
  const ask = (url: URL, seconds: number) => {
    view.verdict = seconds < 70 ? NEEDED : NOT_NEEDED;
    view.skew = { ...view.skew, quiet: 1000 * Math.max(0, seconds - 60) };
    return answer(url);
  };
  const own = await run({ wait: "30m" }, ask);
  assert.deepEqual([own.exit, own.time], [0, 70_000]);
  const shorter = await run({ wait: "30m", settle: "2s" }, ask);
  assert.deepEqual([shorter.exit, shorter.time], [0, 70_000]);
  const longer = await run({ wait: "30m", settle: "1m" }, ask);
  assert.deepEqual([longer.exit, longer.time], [0, 120_000]);
  assert.match(longer.said.at(-1) ?? "", /^waiting, not needed at the moment, but not for --settle yet/);
  const end = await run({ wait: "90s", settle: "1h" }, ask);
  assert.deepEqual([end.exit, end.time], [0, 90_000], "at the end of the wait, what is true then counts");
  assert.equal((await run({ settle: "soon" }, ask)).exit, 2);
});

Deno.test("--wait gives up after its time: 3 where the proxy is needed, 4 where that is unknown, 1 without an answer", async () => {
  const view = new FakeView();
  for (const [verdict, exit] of [[NEEDED, 3], [UNKNOWN, 4]] as const) {
    view.verdict = verdict;
    const waited = await run({ wait: "2500ms" }, answerOf(view));
    assert.deepEqual([waited.exit, waited.time, waited.asked], [exit, 2500, 4]);
    assert.ok(waited.output.startsWith(`${verdict.verdict}: ${verdict.reason}`), waited.output);
  }
  const gone = await run({ wait: "5s" }, () => Promise.reject(new Error("gone")));
  assert.deepEqual([gone.exit, gone.time], [1, 5000]);
});

Deno.test("exit status 2 for an invalid address or duration, before anything is requested", async () => {
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

Deno.test("what observed sessions would lose is told apart from what is lost, whatever the mode of the others", async () => {
  const view = new FakeView();
  const [rewritten, observed] = [new Counters(), new Counters()];
  for (const [counters, records] of [[rewritten, 2], [observed, 5]] as const) {
    increment(counters.recordsDropped, "unknown_template", records);
    counters.informationLost.add("httpVals", records);
    counters.recordsSent = records;
  }
  view.open.push(
    skewedSession("1", { counters: rewritten }),
    skewedSession("2", { counters: observed, observed: true }),
  );
  const { output } = await run({}, answerOf(view));
  for (
    const words of [
      /records dropped {2,}unknown_template {2,}2/,
      /records that would be dropped {2,}unknown_template {2,}5/,
      /records that lost a value {2,}httpVals {2,}2/,
      /records that would lose a value {2,}httpVals {2,}5/,
    ]
  ) assert.match(output, new RegExp(`^ {2}${words.source}$`, "m"));
  assert.match(output, /7 sent, 4 in hand$/m);
  view.mode = "observe";
  view.open = [skewedSession("2", { counters: observed, observed: true })];
  view.collector = { ...view.collector, recordsPossiblyLost: 0 };
  const all = await run({}, answerOf(view));
  assert.match(all.output, /5 would be sent, 4 in hand$/m);
  assert.doesNotMatch(all.output, /records dropped|lost a value/);
});
