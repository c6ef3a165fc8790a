import assert from "node:assert/strict";
import { StandingClock } from "../../../../../../test/support/time/standing_clock.ts";
import { WorkBudget } from "./work_budget.ts";

Deno.test("all connections share the budget of a turn, and the next turn has a new one", async () => {
  const clock = new StandingClock();
  const budget = new WorkBudget(clock);
  const most = budget.left;
  budget.spend(most);
  assert.equal(budget.left, 0);
  const spent: string[] = [];
  const spend = async (who: string, work: number) => {
    await budget.some();
    spent.push(who);
    budget.spend(work);
  };
  const all = [spend("first", most - 1), spend("second", 100), spend("third", 1)];
  await clock.advance(3, 1);
  assert.deepEqual(spent, []);
  await clock.advance(4, 1);
  assert.deepEqual(spent, ["first", "second"], "in their order, until nothing is left");
  await clock.advance(8, 1);
  assert.deepEqual(spent, ["first", "second", "third"]);
  await Promise.all(all);
  await clock.advance(8, 1);
  assert.equal(budget.left, most, "what nobody needs is not saved");
});

Deno.test("after a turn that took long, sockets have a part of that time", async () => {
  const clock = new StandingClock();
  const budget = new WorkBudget(clock);
  budget.spend(budget.left);
  // The work goes on after the octets have been passed on, and before the event loop turns.
  const working = new Promise<void>((resolve) => queueMicrotask(() => void clock.advance(40, 40).then(resolve)));
  let next = false;
  void budget.some().then(() => next = true);
  await working;
  await clock.advance(16, 1);
  assert.ok(!next, "the loop has had no time for sockets");
  await clock.advance(4, 1);
  assert.ok(next);
});
