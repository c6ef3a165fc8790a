import assert from "node:assert/strict";
import { increment } from "../../mediation/templates/counters.ts";
import { FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import { FaultHistory, RECENT } from "../view/fault_history.ts";
import { totalsNow } from "../view/totals.ts";
import { health } from "./health.ts";
import { losses, verdict } from "./verdict.ts";

Deno.test("the page says the proxy's own verdict, in its words", () => {
  const view = new FakeView();
  assert.deepEqual(verdict(view), {
    level: "good",
    sentence: "No skew left: this proxy can be removed",
    detail: "All 3 sessions are relayed unchanged.",
  });
  // The page does not judge for itself.
  view.open = [skewedSession("1")];
  view.verdict = { verdict: "unknown", reason: "no exporter is connected" };
  assert.equal(verdict(view).sentence, "It is not known whether this proxy is needed: no exporter is connected");
  view.verdict = { verdict: "needed", reason: "1 of 1 session needs rewriting" };
  assert.equal(verdict(view).sentence, "This proxy is needed: 1 of 1 session needs rewriting");
});

Deno.test("exporters that cannot get in and a refused configuration are bad news", () => {
  const view = new FakeView();
  view.open = [skewedSession("1"), skewedSession("2", { closing: true })];
  view.refusedConfiguration = { since: new Date("2026-01-01T00:00:07Z"), mistakes: ["proxy.yaml:2:7: mode", "more"] };
  assert.deepEqual(health(view), {
    level: "bad",
    sentence: "The configuration changed at 2026-01-01 00:00:07 UTC was refused, and the previous one is in force",
    detail: "proxy.yaml:2:7: mode; more",
  });
  const fault = { file: "/var/templates", since: new Date("2026-01-01T00:00:07Z"), reason: "no space left" };
  view.templateCache = { writes: { written: 0, failed: 1 }, fault };
  assert.deepEqual(health(view), {
    level: "bad",
    sentence: "The template cache /var/templates cannot be written since 2026-01-01 00:00:07 UTC (1 session open)",
    detail: "no space left",
  });
  view.certificateFaults = ["the listener's certificate (CN=a) expired at noon: exporters that check it refuse it"];
  assert.deepEqual(health(view), {
    level: "bad",
    sentence: "The listener's certificate (CN=a) expired at noon: exporters that check it refuse it (1 session open)",
  });
  view.failingHandshakes = { exporters: 2, address: "10.1.2.3", reason: "it shows no certificate" };
  assert.deepEqual(health(view), {
    level: "bad",
    sentence:
      "2 exporters cannot get in: the TLS handshake of 10.1.2.3 fails: it shows no certificate (1 session open)",
  });
});

Deno.test("health is one line, for the worst problem", () => {
  const view = new FakeView();
  view.open = [skewedSession("1")];
  view.collector = { ...view.collector, recordsPossiblyLost: 0 };
  assert.equal(health(view).sentence, "Healthy: collector connected, 1 session open, no record dropped");
  increment(view.ended.recordsDropped, "unknown_template", 2_000);
  assert.equal(health(view).sentence, "Running, with losses in the last 10 minutes: 2,000 records dropped");
  view.collector = { ...view.collector, up: false };
  assert.equal(health(view).sentence, "Collector 127.0.0.1:4739 is unreachable: 1 session open, 5 octets held");
  view.draining = true;
  assert.match(health(view).sentence, /^Draining/);
});

Deno.test("memory that is short is a problem, and a bad one where exporters are refused", () => {
  const view = new FakeView();
  view.collector = { ...view.collector, recordsPossiblyLost: 0 };
  view.memory = { limit: 400 * 2 ** 20, resident: 100 * 2 ** 20, state: "ample" };
  assert.equal(health(view).level, "good");
  view.memory = { ...view.memory, resident: 320 * 2 ** 20, state: "tight" };
  assert.deepEqual(health(view), {
    level: "warning",
    sentence: "320 MiB of limits.memory (400 MiB) are in use: sessions that take most are closed (0 sessions open)",
  });
  view.memory = { ...view.memory, resident: 350 * 2 ** 20, state: "full" };
  assert.equal(health(view).level, "bad");
  assert.match(health(view).sentence, /in use: exporters are refused, and sessions that take most are closed/);
});

Deno.test("a collector that was never tried says nothing of exporters: other collectors may have them", () => {
  const view = new FakeView();
  view.open = [skewedSession("1")];
  view.collector = { ...view.collector, recordsPossiblyLost: 0, up: false, state: "idle" };
  assert.equal(
    health(view).sentence,
    "Healthy: the collector has not been tried yet, 1 session open, no record dropped",
  );
  Object.assign(view, { otherCollectors: [{ ...view.collector, up: true, state: "connected" }] });
  assert.equal(health(view).sentence, "Healthy: collector connected, 1 session open, no record dropped");
});

Deno.test("old problems are shown without a warning", () => {
  const view = new FakeView();
  view.open = [skewedSession("1")];
  view.collector = { ...view.collector, recordsPossiblyLost: 0 };
  let time = 0;
  const faults = new FaultHistory(view, () => new Date(time));
  increment(view.ended.messagesRejected, "message_version", 1);
  assert.deepEqual(health(view, faults.recent()), {
    level: "warning",
    sentence: "Running, with losses in the last 10 minutes: 1 message rejected",
  });
  assert.equal(losses(view, totalsNow(view), faults.recent()).level, "warning");
  time += RECENT / 2;
  faults.sample();
  time += RECENT;
  faults.sample();
  assert.deepEqual(health(view, faults.recent()), {
    level: "good",
    sentence: "Healthy: collector connected, 1 session open, no record dropped in the last 10 minutes",
    detail: "Since the proxy started: 1 message rejected.",
  });
  assert.equal(losses(view, totalsNow(view), faults.recent()).level, "notice");
  increment(view.ended.recordsDropped, "unknown_template", 2);
  assert.deepEqual(health(view, faults.recent()), {
    level: "warning",
    sentence: "Running, with losses in the last 10 minutes: 2 records dropped",
    detail: "Since the proxy started: 2 records dropped, 1 message rejected.",
  });
  view.mode = "observe";
  assert.equal(
    health(view, faults.recent()).sentence,
    "Observing: in the last 10 minutes, 2 records would have been dropped",
  );
});

Deno.test("the page says that nothing was lost only if nothing was", () => {
  const fresh = () => {
    const view = new FakeView();
    view.collector = { ...view.collector, recordsPossiblyLost: 0 };
    view.ended.recordsReceived = 4;
    return view;
  };
  assert.deepEqual(losses(fresh()), {
    level: "good",
    sentence: "Nothing was lost",
    detail: "0 of 4 records were sent on so far, and no value was lost.",
  });
  const sent = fresh();
  sent.ended.recordsSent = 4;
  assert.equal(losses(sent).detail, "All 4 records were sent on, and no value was lost.");
  const none = fresh();
  none.ended.recordsReceived = 0;
  assert.equal(losses(none).sentence, "No record has been received yet");
  const stripped = fresh();
  stripped.ended.informationLost.add("egressNodeName", 3);
  assert.match(losses(stripped).sentence, /^3 values were lost because the collector has no field that can hold them$/);
  stripped.mode = "observe";
  assert.match(losses(stripped).sentence, /^3 values would be lost/);
  const rejected = fresh();
  increment(rejected.ended.messagesRejected, "set_overrun", 1);
  assert.match(losses(rejected).sentence, /^1 message was rejected/);
  const torn = fresh();
  torn.collector = { ...torn.collector, recordsPossiblyLost: 1 };
  assert.equal(losses(torn).sentence, "at most 1 record was lost with broken collector connections");
});
