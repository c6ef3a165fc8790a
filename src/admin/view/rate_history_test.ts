import assert from "node:assert/strict";
import { increment } from "../../mediation/templates/counters.ts";
import { FakeView } from "../../../test/support/fake_view.ts";
import { RateHistory, type RateSample } from "./rate_history.ts";

Deno.test("rates are the counts since the previous sample, divided by the time that passed", () => {
  const view = new FakeView();
  let milliseconds = 1_000_000;
  view.ended.recordsReceived = 700;
  const history = new RateHistory(view, () => new Date(milliseconds));
  const told: RateSample[] = [];
  const unsubscribe = history.subscribe((sample) => told.push(sample));
  view.ended.recordsReceived += 50;
  view.ended.recordsSent += 40;
  increment(view.ended.recordsDropped, "unknown_template", 10);
  milliseconds += 5_000;
  history.sample();
  assert.deepEqual(history.samples(), [{ time: 1005, received: 10, sent: 8, dropped: 2, held: 5 }]);
  milliseconds += 10_000;
  history.sample();
  assert.deepEqual(history.samples()[1], { time: 1015, received: 0, sent: 0, dropped: 0, held: 5 });
  assert.deepEqual(told, history.samples());
  unsubscribe();
  milliseconds -= 60_000;
  history.sample();
  assert.equal(history.samples().length, 2, "a clock that was set back");
  milliseconds += 1_000;
  history.sample();
  assert.deepEqual([history.samples().length, told.length], [3, 2]);
});

Deno.test("no more than an hour is kept", () => {
  let seconds = 0;
  const history = new RateHistory(new FakeView(), () => new Date(1000 * seconds));
  for (seconds = 5; seconds <= 5 * 800; seconds += 5) history.sample();
  assert.equal(history.samples().length, 720);
  assert.equal(history.samples().at(-1)?.time, 4000);
});
