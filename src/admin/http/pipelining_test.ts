import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { Pipelining } from "./pipelining.ts";

Deno.test("eight requests may wait for the answer before theirs, again and again; one more closes the connection", async () => {
  const pipelining = new Pipelining();
  const socket = new PassThrough();
  for (let round = 0; round < 3; round++) {
    const answered: number[] = [];
    const all = Array.from({ length: 9 }, (_, request) =>
      pipelining.inTurn(socket, () => {
        answered.push(request);
        return Promise.resolve();
      }));
    await Promise.all(all);
    assert.deepEqual(answered, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  let answers = 0;
  const ask = () => pipelining.inTurn(socket, () => (answers++, promise));
  const first = ask();
  await new Promise((soon) => setTimeout(soon, 0));
  const waiting = Array.from({ length: 8 }, ask);
  assert.equal(socket.destroyed, false);
  waiting.push(ask());
  assert.equal(socket.destroyed, true);
  resolve();
  await Promise.all([first, ...waiting]);
  assert.equal(answers, 1, "what waits is not answered any more");
});
