import assert from "node:assert/strict";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { TemplateThrottle } from "./template_throttle.ts";

function throttleOf() {
  const clock = new StandingClock();
  const told: boolean[] = [];
  const reports: string[] = [];
  const exporter = { throttle: (waiting: boolean) => void told.push(waiting) };
  const throttle = new TemplateThrottle(
    clock,
    exporter as unknown as ConstructorParameters<typeof TemplateThrottle>[1],
    (_level, event) => void reports.push(event),
  );
  return { clock, throttle, told, reports };
}

Deno.test("the exporter's connection knows when its session waits for its templates, and when no longer", async () => {
  const { clock, throttle, told, reports } = throttleOf();
  assert.equal(throttle.note(10, 10), 0);
  assert.equal(throttle.note(5, 10), 500);
  let waited = false;
  void throttle.wait(500).then(() => waited = true);
  await clock.advance(499, 499);
  assert.deepEqual([waited, told], [false, [true]]);
  await clock.advance(1);
  assert.deepEqual([waited, told], [true, [true, false]]);
  void throttle.wait(500).then(() => waited = false);
  throttle.end();
  await turn();
  assert.deepEqual([waited, told], [false, [true, false, true, false]]);
  throttle.end();
  assert.deepEqual(reports, ["templates_throttled"], "once");
});
