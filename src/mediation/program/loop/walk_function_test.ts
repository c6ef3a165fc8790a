import assert from "node:assert/strict";
import { releaseWalkFunction, takeWalkFunction } from "./walk_function.ts";

const layout = (gaps: readonly number[], marks: readonly number[] = [], leading = 0) => ({ leading, gaps, marks });

Deno.test("a layout has one function, whatever comes before its first field of variable length", () => {
  const index = takeWalkFunction(layout([2, 0], [1]));
  assert.ok(index > 0);
  assert.equal(takeWalkFunction(layout([2, 0], [1], 20)), index);
  for (const other of [layout([2, 1], [1]), layout([2, 0], [2]), layout([2], [1]), layout([2, 0])]) {
    assert.notEqual(takeWalkFunction(other), index);
    releaseWalkFunction(other);
  }
  releaseWalkFunction(layout([2, 0], [1]));
  releaseWalkFunction(layout([2, 0], [1], 20));
});

Deno.test("a function that all users have released makes room for another", () => {
  const index = takeWalkFunction(layout([1]));
  takeWalkFunction(layout([1]));
  releaseWalkFunction(layout([1]));
  const next = takeWalkFunction(layout([2]));
  assert.notEqual(next, index);
  releaseWalkFunction(layout([1]));
  releaseWalkFunction(layout([1]));
  assert.equal(takeWalkFunction(layout([3])), index);
  assert.notEqual(takeWalkFunction(layout([4])), index, "given back once, not twice");
  for (const gap of [2, 3, 4]) releaseWalkFunction(layout([gap]));
});

Deno.test("layouts without variable fields, too long or with too many have none, and at most 64 layouts have one", () => {
  const none = (gaps: readonly number[], leading = 0) => assert.equal(takeWalkFunction(layout(gaps, [], leading)), 0);
  none([]);
  none(Array(64).fill(0));
  none([65_535], 1);
  none([0], 65_536);

  const widest = [...Array(62).fill(0), 65_535];
  const taken = [widest, ...Array.from({ length: 63 }, (_, gap) => [gap])];
  for (const gaps of taken) assert.ok(takeWalkFunction(layout(gaps)) > 0);
  none([64]);
  none([5], 65_536);
  assert.ok(takeWalkFunction(layout([5])) > 0, "those that are there are had all the same");
  releaseWalkFunction(layout([5]));
  for (const gaps of taken) releaseWalkFunction(layout(gaps));
  assert.ok(takeWalkFunction(layout([64])) > 0);
  releaseWalkFunction(layout([64]));
});
