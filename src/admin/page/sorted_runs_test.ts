import assert from "node:assert/strict";
import fc from "fast-check";
import { SortedRuns } from "./sorted_runs.ts";

Deno.test("property: a slice of sorted runs is the same slice of all rows sorted", async () => {
  const rows = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 400 });
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.integer({ min: 1, max: 50 }),
      fc.nat(400),
      fc.nat(30),
      async (all, run, start, length) => {
        const runs = new SortedRuns<{ readonly key: number; readonly at: number }>((one, other) => one.key - other.key);
        all.forEach((key, at) => {
          if (at % run === 0) runs.endRun();
          runs.add({ key, at });
        });
        assert.equal(runs.length, all.length);
        const sorted = all.map((key, at) => ({ key, at })).sort((one, other) => one.key - other.key);
        const slice = await runs.slice(start, start + length, () => Promise.resolve());
        // Equal rows keep the order in which they came.
        assert.deepEqual(slice, sorted.slice(start, start + length));
      },
    ),
  );
});

Deno.test("rows are taken in portions, with pauses between them", async () => {
  const runs = new SortedRuns<number>((one, other) => one - other);
  for (let row = 0; row < 1_000; row++) runs.add(row);
  let pauses = 0;
  await runs.slice(980, 1_000, () => Promise.resolve(void pauses++));
  assert.equal(pauses, 7);
});
