import assert from "node:assert/strict";
import { increment } from "../../mediation/templates/counters.ts";
import { FakeView } from "../../../test/support/fake_view.ts";
import { FaultHistory, faultsOf, RECENT } from "./fault_history.ts";

const NONE = {
  recordsDropped: 0,
  messagesRejected: 0,
  pluginErrors: 0,
  recordsPossiblyLost: 0,
  wouldBe: { recordsDropped: 0, messagesRejected: 0 },
};

Deno.test("a fault is recent for ten minutes, and counts for ever", () => {
  const view = new FakeView();
  let time = 1_000_000;
  const history = new FaultHistory(view, () => new Date(time));
  assert.deepEqual(history.recent(), NONE, "what the view held when the history began is not recent");
  increment(view.ended.messagesRejected, "set_overrun", 3);
  assert.deepEqual(history.recent(), { ...NONE, messagesRejected: 3 }, "seen before the next sample");
  for (let passed = 0; passed < RECENT - 5_000; passed += 5_000) {
    time += 5_000;
    history.sample();
  }
  increment(view.ended.recordsDropped, "unknown_template", 7);
  assert.deepEqual(history.recent(), { ...NONE, messagesRejected: 3, recordsDropped: 7 });
  time += 10_000;
  history.sample();
  assert.deepEqual(history.recent(), { ...NONE, recordsDropped: 7 });
  time += RECENT;
  history.sample();
  assert.deepEqual(history.recent(), NONE);
  assert.deepEqual(faultsOf(view), { ...NONE, messagesRejected: 3, recordsDropped: 7, recordsPossiblyLost: 6 });
});

Deno.test("a clock that was set back keeps no fault recent for longer", () => {
  const view = new FakeView();
  let time = 1_000 * RECENT;
  const history = new FaultHistory(view, () => new Date(time));
  time -= 500 * RECENT;
  increment(view.ended.recordsDropped, "unknown_template", 7);
  history.sample();
  time += RECENT + 1;
  history.sample();
  assert.deepEqual(history.recent(), NONE);
});
