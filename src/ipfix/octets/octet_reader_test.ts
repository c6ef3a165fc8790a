import assert from "node:assert/strict";
import { OctetReader } from "./octet_reader.ts";

const OCTETS = Uint8Array.from({ length: 32 }, (_, index) => index);

Deno.test("an octet reader reads every size in network byte order", () => {
  const reader = new OctetReader(OCTETS);
  assert.equal(reader.u8(), 0);
  assert.equal(reader.u16(), 0x0102);
  assert.equal(reader.u32(), 0x03040506);
  assert.equal(reader.u64(), 0x0708090a0b0c0d0en);
  reader.skip(1);
  assert.deepEqual(reader.octets(3), Uint8Array.of(16, 17, 18));
  assert.equal(reader.offset, 19);
  assert.equal(reader.remaining, 13);
});

Deno.test("numbers with the highest bit set are not negative", () => {
  const reader = new OctetReader(new Uint8Array(15).fill(0xff));
  assert.deepEqual([reader.u8(), reader.u16(), reader.u32()], [0xff, 0xffff, 0xffffffff]);
  assert.equal(reader.u64(), 0xffffffffffffffffn);
});

const READS: Record<string, [number, (reader: OctetReader) => unknown]> = {
  u8: [1, (reader) => reader.u8()],
  u16: [2, (reader) => reader.u16()],
  u32: [4, (reader) => reader.u32()],
  u64: [8, (reader) => reader.u64()],
  octets: [5, (reader) => reader.octets(5)],
  skip: [3, (reader) => reader.skip(3)],
};

for (const [name, [wanted, read]] of Object.entries(READS)) {
  Deno.test(`${name} at the end is refused though the memory goes on, and consumes nothing`, () => {
    const reader = new OctetReader(OCTETS, 4, 4 + wanted - 1, "set_overrun");
    assert.throws(() => read(reader), {
      name: "DecodeError",
      reason: "set_overrun",
      offset: 4,
      extent: { wanted, available: wanted - 1 },
    });
    assert.equal(reader.offset, 4);
    read(new OctetReader(OCTETS, 4, 4 + wanted));
  });
}

Deno.test("the reason given with a read takes precedence over the reader's", () => {
  const reader = new OctetReader(OCTETS, 0, 1, "set_overrun");
  assert.throws(() => reader.u16("field_overrun"), { reason: "field_overrun" });
});

Deno.test("the zero octets at the end begin where the range has no other octet left", () => {
  const reader = new OctetReader(Uint8Array.of(9, 0, 1, 0, 0, 7), 1, 5);
  assert.equal(reader.trailingZeros(), 3);
  reader.skip(3);
  assert.equal(reader.trailingZeros(), 4, "never before the offset");
});

Deno.test("offsets count from the octets given, in a view of a larger buffer as well", () => {
  const reader = new OctetReader(OCTETS.subarray(8, 16), 2, 8);
  assert.equal(reader.u8(), 10);
  assert.equal(reader.offset, 3);
  assert.throws(() => reader.octets(6), { offset: 3, extent: { wanted: 6, available: 5 } });
});

Deno.test("a range outside the octets and an invalid length are the caller's errors", () => {
  for (const [start, end] of [[0, 33], [5, 4], [-1, 4], [0.5, 4], [NaN, 4]] as const) {
    assert.throws(() => new OctetReader(OCTETS, start, end), RangeError);
  }
  for (const length of [-1, 0.5, NaN]) assert.throws(() => new OctetReader(OCTETS).skip(length), RangeError);
});
