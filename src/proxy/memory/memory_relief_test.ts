import assert from "node:assert/strict";
import { MemoryRelief } from "./memory_relief.ts";

/** Looks at so many sessions one time after the other: after which looks memory was given back. */
function relieved(...sessions: number[]): number[] {
  let collections = 0;
  const relief = new MemoryRelief({ collect: () => collections++, resident: () => 0 });
  return sessions.flatMap((count, index) => {
    const before = collections;
    relief.look(count);
    return collections > before ? [index] : [];
  });
}

Deno.test("memory is given back once when many sessions have come and no more do, and again when many have gone", () => {
  assert.deepEqual(relieved(0, 800, 3_000, 5_000, 5_003, 5_000, 5_000, 100, 90, 90), [4, 8]);
});

Deno.test("sessions that come and go few by few cost no pause until they are many", () => {
  assert.deepEqual(relieved(...Array.from({ length: 150 }, (_, second) => 10 * second)), [100]);
  assert.deepEqual(relieved(999, 999, 0, 0, 999, 999), []);
});

Deno.test("no memory is given back while sessions come", () => {
  assert.deepEqual(relieved(...Array.from({ length: 100 }, (_, second) => 100 * second)), []);
});

Deno.test("opening and closing a thousand sessions over and over causes one pause a minute", () => {
  let collected = 0;
  const relief = new MemoryRelief({ collect: () => collected++, resident: () => 0 });
  for (let second = 0; second < 3600; second++) relief.look(second % 4 < 2 ? 0 : 1000);
  assert.ok(collected >= 60 && collected <= 64, `${collected} pauses in an hour`);
});
