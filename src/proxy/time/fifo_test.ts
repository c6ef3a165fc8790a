import assert from "node:assert/strict";
import { Fifo } from "./fifo.ts";

Deno.test("a queue gives back in order what was put into it, and knows how many wait", () => {
  const queue = new Fifo<number>();
  const taken: number[] = [];
  let put = 0;
  for (let round = 0; round < 50; round++) {
    for (let item = 0; item < round; item++) queue.push(put++);
    for (let item = 0; item < 20; item++) {
      const next = queue.take();
      if (next !== undefined) taken.push(next);
    }
    assert.equal(queue.length, put - taken.length);
  }
  for (let next; (next = queue.take()) !== undefined;) taken.push(next);
  assert.deepEqual(taken, Array.from({ length: put }, (_, item) => item));
  assert.equal(queue.take(), undefined);
});
