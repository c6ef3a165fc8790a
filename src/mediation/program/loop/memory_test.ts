import assert from "node:assert/strict";
import { addressOf, allocate, leaseBuffer, memoryOctets, release, releaseBuffer, view } from "./memory.ts";

Deno.test("blocks are aligned to 64 and do not overlap", () => {
  const blocks = [1, 63, 64, 65, 100, 1000, 65535, 65536, 65537].map((size) => ({ address: allocate(size), size }));
  for (const { address } of blocks) assert.equal(address % 64, 0);
  const sorted = blocks.toSorted((one, other) => one.address - other.address);
  for (const [index, { address, size }] of sorted.entries()) {
    const next = sorted[index + 1];
    assert.ok(next === undefined || address + size <= next.address);
  }
});

Deno.test("a block that is given back is given away again, whatever size of its class is asked for", () => {
  const block = allocate(3000);
  release(block, 3000);
  assert.equal(allocate(4096), block);
  assert.notEqual(allocate(4096), block);
});

Deno.test("giving back address 0, which is no block, gives none away", () => {
  release(0, 64);
  assert.notEqual(allocate(64), 0);
});

Deno.test("a buffer knows its address, one from elsewhere has none and is not taken in", () => {
  const buffer = leaseBuffer(256);
  assert.ok(buffer !== undefined);
  assert.equal(buffer.length, 256);
  assert.equal(addressOf(buffer), buffer.byteOffset);
  assert.equal(addressOf(buffer.subarray(7)), buffer.byteOffset + 7);
  buffer[0] = 42;
  assert.deepEqual(view(buffer.byteOffset, 1), Uint8Array.of(42));

  const elsewhere = new Uint8Array(256);
  assert.equal(addressOf(elsewhere), -1);
  releaseBuffer(elsewhere);
  releaseBuffer(buffer);
  assert.equal(leaseBuffer(256)?.byteOffset, buffer.byteOffset);
  assert.notEqual(leaseBuffer(256)?.byteOffset, elsewhere.byteOffset);
});

Deno.test("a size that no class holds is not to be had", () => {
  assert.equal(allocate(2 ** 24 + 1), 0);
  assert.equal(leaseBuffer(2 ** 24 + 1), undefined);
});

// The last test: it takes all there is.
Deno.test("buffers leave a quarter to programs; when all is taken there is no block, and what comes back can be had again", () => {
  const size = 2 ** 20;
  let buffers = 0;
  while (leaseBuffer(size) !== undefined) buffers++;
  assert.ok(buffers * size <= memoryOctets.length * 3 / 4);
  const blocks = [];
  for (let address = allocate(size); address !== 0; address = allocate(size)) blocks.push(address);
  assert.ok(blocks.length * size >= memoryOctets.length / 4 - 2 * size);
  const last = blocks.at(-1);
  assert.ok(last !== undefined && last + size <= memoryOctets.length - 64, "the loop may read 64 octets past a block");
  release(last, size);
  assert.equal(leaseBuffer(size)?.byteOffset, last);
});
