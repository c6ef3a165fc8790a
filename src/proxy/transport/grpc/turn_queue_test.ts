import assert from "node:assert/strict";
import { StandingClock } from "../../../../test/support/time/standing_clock.ts";
import type { Clock } from "../../time/clock.ts";
import { Turns } from "../../time/turns.ts";
import { TurnQueue } from "./turn_queue.ts";

/** A queue whose time passes only by work, which is done in the given order. */
function queueOf(clock: StandingClock) {
  let worked = 0;
  const now: Clock = {
    now: () => clock.now() + worked,
    date: () => clock.date(),
    after: (milliseconds, callback) => clock.after(milliseconds, callback),
    every: (milliseconds, callback) => clock.every(milliseconds, callback),
  };
  const queue = new TurnQueue(new Turns(now), now);
  const order: string[] = [];
  const work = async (connection: object, name: string, milliseconds: number) => {
    await queue.next(connection);
    order.push(name);
    worked += milliseconds;
  };
  return { order, work };
}

Deno.test("a thousand streams that have little to do share one turn", async () => {
  const clock = new StandingClock();
  const { order, work } = queueOf(clock);
  const connection = {};
  const little = Array.from({ length: 1_000 }, (_, stream) => work(connection, String(stream), 0));
  await clock.advance(1, 1);
  assert.equal(order.length, 1_000);
  await Promise.all(little);
});

Deno.test("connections take turns however many streams one has, and work stops when the turn is over", async () => {
  const clock = new StandingClock();
  const { order, work } = queueOf(clock);
  const [crowd, other] = [{}, {}];
  const all = [
    ...Array.from({ length: 100 }, () => work(crowd, "crowd", 2)),
    ...Array.from({ length: 3 }, () => work(other, "other", 2)),
  ];
  await clock.advance(1, 1);
  assert.ok(order.length >= 3 && order.length <= 4, `${order.length} in the first turn`);
  await clock.advance(20, 1);
  // The first has its turn before there is another.
  assert.deepEqual(order.slice(1, 7), ["crowd", "other", "crowd", "other", "crowd", "other"]);
  await clock.advance(120, 2);
  await Promise.all(all);
});
