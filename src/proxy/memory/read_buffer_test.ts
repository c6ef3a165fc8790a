import assert from "node:assert/strict";
import { HeapBufferPool } from "./buffer_pool.ts";
import { LARGE_BUFFER, LARGEST_BUFFER, MODEST_BUFFER, ReadBuffer, SMALLEST_BUFFER } from "./read_buffer.ts";

/** Reads this many octets as from a socket that has them. Their values count up from 0. */
function read(buffer: ReadBuffer, octets: number, first = 0): number {
  const space = buffer.space();
  const length = Math.min(octets, space.length);
  for (let index = 0; index < length; index++) space[index] = first + index;
  buffer.fill(length);
  return length;
}

Deno.test("it grows while reads fill it and shrinks when they no longer do", () => {
  const buffer = new ReadBuffer(new HeapBufferPool());
  assert.equal(buffer.capacity, SMALLEST_BUFFER);
  for (let round = 0; round < 6; round++) buffer.consume(read(buffer, 2_000_000));
  assert.equal(buffer.capacity, LARGEST_BUFFER);
  for (let round = 0; round < 5; round++) buffer.consume(read(buffer, 100));
  buffer.space();
  assert.equal(buffer.capacity, SMALLEST_BUFFER);
});

Deno.test("what waits keeps its octets and order while the buffer moves, grows and shrinks", () => {
  const buffer = new ReadBuffer(new HeapBufferPool());
  const message = (at: number) => at === 2 ? 255 : at & 0xff;
  let sent = 0;
  let seen = 0;
  for (const [take, leave] of [[4096, 50], [20_000, 3000], [10, 1], [60, 0], [70_000, 60_000], [5, 5]] as const) {
    const space = buffer.space();
    const length = Math.min(take, space.length);
    for (let index = 0; index < length; index++) space[index] = message(sent++);
    buffer.fill(length);
    const waiting = buffer.waiting();
    waiting.forEach((octet, index) => assert.equal(octet, message(seen + index)));
    const consumed = Math.max(0, waiting.length - leave);
    buffer.consume(consumed);
    seen += consumed;
  }
});

Deno.test("a message that has begun always finds room for its rest, up to 65535 octets", () => {
  const buffer = new ReadBuffer(new HeapBufferPool({ generous: 0, retained: 0 }));
  const space = buffer.space();
  space.set([0, 10, 0xff, 0xff]);
  buffer.fill(4);
  assert.ok(buffer.space().length >= 65535 - 4);
  while (buffer.length < 65535) buffer.fill(Math.min(100, buffer.space().length, 65535 - buffer.length));
  assert.equal(buffer.length, 65535);
});

Deno.test("it does not grow without end when nobody consumes", () => {
  const buffer = new ReadBuffer(new HeapBufferPool());
  assert.throws(() => {
    for (let round = 0; round < 1000; round++) read(buffer, 1_000_000);
  }, RangeError);
  assert.ok(buffer.capacity <= LARGEST_BUFFER);
});

Deno.test("once the pool runs short it stays modest, and small where it is not filled", () => {
  const buffer = new ReadBuffer(new HeapBufferPool({ generous: 0, retained: 0 }));
  for (let round = 0; round < 5; round++) buffer.consume(read(buffer, 1_000_000));
  assert.equal(buffer.capacity, MODEST_BUFFER);
  for (let round = 0; round < 2; round++) buffer.consume(read(buffer, 100));
  buffer.space();
  assert.equal(buffer.capacity, SMALLEST_BUFFER);
});

Deno.test("only a few have the largest buffer, and no longer than others leave room and bursts are large", () => {
  const pool = new HeapBufferPool();
  const busy = Array.from({ length: 4 }, () => new ReadBuffer(pool));
  const fillAll = () => busy.forEach((buffer) => buffer.consume(read(buffer, 2_000_000)));
  for (let round = 0; round < 6; round++) fillAll();
  assert.deepEqual(busy.map(({ capacity }) => capacity), Array(4).fill(LARGEST_BUFFER));
  for (let round = 0; round < 2 && busy[0] !== undefined; round++) busy[0].consume(read(busy[0], 1000));
  busy[0]?.space();
  assert.equal(busy[0]?.capacity, SMALLEST_BUFFER);
  pool.lease(8 * 1024 * 1024);
  for (let round = 0; round < 6; round++) fillAll();
  assert.deepEqual(busy.map(({ capacity }) => capacity), Array(4).fill(LARGE_BUFFER));
});

Deno.test("while it waits it keeps room for its last burst, and less the more others have", () => {
  const kept = (leased: number, ...bursts: number[]) => {
    const pool = new HeapBufferPool();
    pool.lease(leased * 1024 * 1024);
    const buffer = new ReadBuffer(pool);
    for (let left of bursts) {
      for (let length; left > 0; left -= length) buffer.consume(length = read(buffer, left));
    }
    buffer.space();
    return buffer.capacity / 1024;
  };
  const bursts = [500, 3_000, 20_000, 100_000, 400_000, 1_500_000];
  assert.deepEqual(bursts.map((burst) => kept(0, burst)), [1, 4, 16, 64, 256, 1024]);
  assert.deepEqual([16, 48, 80].map((leased) => kept(leased, 1_000_000)), [64, 16, 4]);
  assert.equal(kept(0, 1_000_000, 500), 1);
});

Deno.test("all memory comes back", () => {
  const pool = new HeapBufferPool();
  const buffer = new ReadBuffer(pool);
  for (let round = 0; round < 6; round++) buffer.consume(read(buffer, 2_000_000));
  assert.ok(pool.leased >= LARGEST_BUFFER);
  buffer.release();
  buffer.release();
  assert.equal(pool.leased, 0);
});

Deno.test("what a large buffer counts for in the memory of messages is given back, once", () => {
  let held = 0;
  const buffer = new ReadBuffer(new HeapBufferPool(), { generous: true, hold: (octets) => void (held += octets) });
  assert.equal(held, 0, "every session may have one this small");
  for (let round = 0; round < 6; round++) buffer.consume(read(buffer, 2_000_000));
  assert.equal(held, buffer.capacity);
  buffer.release();
  buffer.release();
  assert.equal(held, 0);
});
