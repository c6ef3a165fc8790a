import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressOf,
  allocate,
  leaseBuffer,
  memoryOctets,
  release,
  releaseBuffer,
  touchedOctets,
  usedOctets,
  view,
} from "./memory.ts";

Deno.test("blocks are aligned to 64 and do not overlap", () => {
  const blocks = [1, 63, 64, 65, 100, 1000, 65535, 65536, 65537].map((size) => ({ address: allocate(size), size }));
  for (const { address } of blocks) assert.equal(address % 64, 0);
  const sorted = blocks.toSorted((one, other) => one.address - other.address);
  for (const [index, { address, size }] of sorted.entries()) {
    const next = sorted[index + 1];
    assert.ok(next === undefined || address + size <= next.address);
  }
});

Deno.test("a released block is reused for any size of its class", () => {
  const block = allocate(3000);
  release(block, 3000);
  assert.equal(allocate(4096), block);
  assert.notEqual(allocate(4096), block);
});

Deno.test("releasing address 0, which is not a block, has no effect", () => {
  release(0, 64);
  assert.notEqual(allocate(64), 0);
});

Deno.test("a buffer of this memory knows its address; one from elsewhere has none and is not accepted", () => {
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

Deno.test("a size beyond the largest class cannot be allocated", () => {
  assert.equal(allocate(2 ** 24 + 1), 0);
  assert.equal(leaseBuffer(2 ** 24 + 1), undefined);
});

Deno.test("memory of blocks of one size is reused for all others: new memory is touched only for more at a time", () => {
  const most = 32 * 2 ** 20;
  const take = (size: number) => Array.from({ length: most / size }, () => allocate(size));
  const before = usedOctets();
  for (const block of take(4096)) release(block, 4096);
  const touched = touchedOctets();
  for (const size of [64 * 1024, 1024, 2 ** 20, 64 * 1024, 4096, 2 ** 24]) {
    const blocks = take(size);
    assert.equal(new Set(blocks).size, blocks.length);
    assert.equal(usedOctets() - before, most);
    // Given back in another order than taken.
    for (const block of blocks.toSorted((one, other) => one * 7919 % 10007 - other * 7919 % 10007)) {
      release(block, size);
    }
    assert.equal(usedOctets(), before);
  }
  assert.ok(touchedOctets() <= touched + 2 ** 24, `${touchedOctets() - touched} octets more`);
});

Deno.test("blocks of all sizes, taken and given back at random, never overlap", () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 70_000 }), fc.constant(0)), { maxLength: 200 });
  fc.assert(fc.property(sizes, (steps) => {
    const before = usedOctets();
    const held: { address: number; size: number }[] = [];
    for (const size of steps) {
      // 0 gives the oldest back.
      const oldest = size === 0 ? held.shift() : undefined;
      if (oldest !== undefined) release(oldest.address, oldest.size);
      if (size === 0) continue;
      const address = allocate(size);
      assert.ok(address > 0 && address % 64 === 0);
      const clash = held.find((other) => address < other.address + other.size && other.address < address + size);
      assert.equal(clash, undefined);
      held.push({ address, size });
    }
    for (const { address, size } of held) release(address, size);
    assert.equal(usedOctets(), before);
  }));
});

// The last test: it takes all there is.
Deno.test("buffers leave a quarter to programs; when all is taken there is no block, and released ones are reused", () => {
  const size = 2 ** 20;
  const kept: Uint8Array[] = [];
  for (let buffer = leaseBuffer(size); buffer !== undefined; buffer = leaseBuffer(size)) kept.push(buffer);
  assert.ok(kept.length * size <= memoryOctets.length * 3 / 4);
  const blocks = [];
  for (let address = allocate(size); address !== 0; address = allocate(size)) blocks.push(address);
  assert.ok(blocks.length * size >= memoryOctets.length / 4 - 2 * size);
  const last = blocks.at(-1);
  const readPast = 256 * 1024;
  assert.ok(last !== undefined && last + size <= memoryOctets.length - readPast, "the loop may read past a block");
  release(last, size);
  assert.equal(allocate(size), last);
  const [buffer] = kept;
  assert.ok(buffer !== undefined);
  releaseBuffer(buffer);
  const again = leaseBuffer(size);
  assert.equal(again?.byteOffset, buffer.byteOffset);
  assert.equal(leaseBuffer(size), undefined, "what is for programs is not for buffers");
});
