import assert from "node:assert/strict";
import { increment } from "../../mediation/templates/counters.ts";
import { FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import { FaultHistory, RECENT } from "../view/fault_history.ts";
import { health, losses, verdict } from "./verdict.ts";

Deno.test("the sentence that the proxy can be removed stands only where it is true", () => {
  const view = new FakeView();
  assert.match(verdict(view).sentence, /^No exporter has connected yet/);
  view.open = [skewedSession("1"), skewedSession("2", { skewed: false }), skewedSession("3", { closing: true })];
  assert.equal(verdict(view).sentence, "This proxy is needed: 1 of 3 sessions need rewriting");
  view.mode = "observe";
  assert.match(verdict(view).sentence, /1 of 3 sessions would need rewriting, but are only observed$/);
  view.open = [skewedSession("2", { skewed: false })];
  view.skew = { lastSeen: new Date("2026-01-01T00:00:30Z"), quiet: 7_900, settle: 10_000, over: false };
  assert.equal(verdict(view).sentence, "No session needs rewriting at the moment");
  assert.match(verdict(view).detail ?? "", /at 2026-01-01 00:00:30 UTC\. If that remains so for another 3 seconds/);
  view.skew = { ...view.skew, quiet: 10_000, over: true };
  assert.equal(verdict(view).sentence, "No skew left: this proxy can be removed");
  view.open = [skewedSession("1")];
  assert.equal(verdict(view).level, "notice", "skew that came since the last look counts");
});

Deno.test("health is one line: what is worst", () => {
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

Deno.test("what went wrong long ago is told without a warning", () => {
  const view = new FakeView();
  view.open = [skewedSession("1")];
  view.collector = { ...view.collector, recordsPossiblyLost: 0 };
  let time = 0;
  const faults = new FaultHistory(view, () => new Date(time));
  increment(view.ended.messagesRejected, "message_version", 1);
  assert.deepEqual(health(view, view.totals(), faults.recent()), {
    level: "warning",
    sentence: "Running, with losses in the last 10 minutes: 1 message rejected",
  });
  assert.equal(losses(view, view.totals(), faults.recent()).level, "warning");
  time += RECENT / 2;
  faults.sample();
  time += RECENT;
  faults.sample();
  assert.deepEqual(health(view, view.totals(), faults.recent()), {
    level: "good",
    sentence: "Healthy: collector connected, 1 session open, no record dropped in the last 10 minutes",
    detail: "Since the proxy started: 1 message rejected.",
  });
  assert.equal(losses(view, view.totals(), faults.recent()).level, "notice");
  increment(view.ended.recordsDropped, "unknown_template", 2);
  assert.deepEqual(health(view, view.totals(), faults.recent()), {
    level: "warning",
    sentence: "Running, with losses in the last 10 minutes: 2 records dropped",
    detail: "Since the proxy started: 2 records dropped, 1 message rejected.",
  });
  view.mode = "observe";
  assert.equal(
    health(view, view.totals(), faults.recent()).sentence,
    "Observing: in the last 10 minutes, 2 records would have been dropped",
  );
});

Deno.test("nothing was lost only where nothing was", () => {
  const fresh = () => {
    const view = new FakeView();
    view.collector = { ...view.collector, recordsPossiblyLost: 0 };
    view.ended.recordsReceived = 4;
    return view;
  };
  assert.equal(losses(fresh()).sentence, "Nothing was lost");
  const none = fresh();
  none.ended.recordsReceived = 0;
  assert.equal(losses(none).sentence, "No record has been received yet");
  const stripped = fresh();
  stripped.ended.informationLost.add("egressNodeName", 3);
  assert.match(losses(stripped).sentence, /^3 values were stripped/);
  stripped.mode = "observe";
  assert.match(losses(stripped).sentence, /^3 values would be stripped/);
  const rejected = fresh();
  increment(rejected.ended.messagesRejected, "set_overrun", 1);
  assert.match(losses(rejected).sentence, /^1 message was rejected/);
  const torn = fresh();
  torn.collector = { ...torn.collector, recordsPossiblyLost: 1 };
  assert.equal(losses(torn).sentence, "at most 1 record was lost with broken collector connections");
});
