import assert from "node:assert/strict";
import { MemoryRelief } from "./memory_relief.ts";

/** Looks at these numbers of sessions one after the other. Returns after which of them garbage was collected. */
function collected(...sessions: number[]): number[] {
  let collections = 0;
  const relief = new MemoryRelief({ begin: () => collections++ });
  return sessions.flatMap((count, index) => {
    const before = collections;
    relief.look(count);
    return collections > before ? [index] : [];
  });
}

Deno.test("garbage is collected when many sessions have come and no more do, and again when many have gone", () => {
  const sessions = [0, 800, 3_000, 5_000, 5_003, 5_000, 5_000, 5_000, 5_000, 100, 90, 90, 90, 90, 90];
  assert.deepEqual(collected(...sessions), [4, 5, 6, 10, 11, 12]);
});

Deno.test("sessions that come and go few by few cost no collection until they are many", () => {
  assert.deepEqual(collected(...Array.from({ length: 103 }, (_, second) => 10 * second)), [100, 101, 102]);
  assert.deepEqual(collected(999, 999, 0, 0, 999, 999), []);
});

Deno.test("nothing is collected while sessions come", () => {
  assert.deepEqual(collected(...Array.from({ length: 100 }, (_, second) => 100 * second)), []);
  assert.deepEqual(collected(0, 1_000, 1_000, 1_100, 1_200, 1_200), [2, 5], "nor while the rest is to be collected");
});
