import assert from "node:assert/strict";
import { nextTurn } from "./turn.ts";

/** Counts turns of the event loop until it is stopped. */
function countedTurns(): { count: number; stop: () => void } {
  const turns = { count: 0, stop: () => clearTimeout(timer) };
  let timer: ReturnType<typeof setTimeout>;
  const next = () => {
    turns.count++;
    timer = setTimeout(next, 0);
  };
  timer = setTimeout(next, 0);
  return turns;
}

Deno.test("of those who wait, each has a turn of its own, in their order, with time for others behind it", async () => {
  const turns = countedTurns();
  const resumed: { who: number; turn: number }[] = [];
  await Promise.all(Array.from({ length: 10 }, async (_, who) => {
    await nextTurn();
    resumed.push({ who, turn: turns.count });
    // Work that takes some time must not have the next one resumed at once.
    for (const end = performance.now() + 3; performance.now() < end;);
  }));
  turns.stop();
  assert.deepEqual(resumed.map(({ who }) => who), Array.from({ length: 10 }, (_, who) => who));
  for (const [index, { turn }] of resumed.slice(1).entries()) assert(turn > (resumed[index]?.turn ?? 0));
  await nextTurn();
});
