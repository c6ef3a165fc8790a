import assert from "node:assert/strict";
import fc from "fast-check";
import { countSets, SET_HEADER_LENGTH, setsOfMessage, writeSetHeader } from "./set.ts";

/** A message of sets whose header is left zero: nothing here reads it. */
function messageOfSets(...sets: (readonly [id: number, length: number])[]): Uint8Array {
  const octets = new Uint8Array(sets.reduce((sum, [, length]) => sum + length, 16));
  let offset = 16;
  for (const [id, length] of sets) {
    writeSetHeader(octets, offset, id, length);
    offset += length;
  }
  return octets;
}

Deno.test("a message of 16 octets has no sets", () => {
  assert.deepEqual(setsOfMessage(new Uint8Array(16), 0, 16), []);
});

Deno.test("sets of any id come in order, empty ones too, and cover the message without a gap", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(65535), fc.integer({ min: 4, max: 60 })), { maxLength: 12 }),
    fc.nat(9),
    (sets, before) => {
      const octets = Uint8Array.of(...new Uint8Array(before), ...messageOfSets(...sets), 1, 2, 3);
      const found = setsOfMessage(octets, before, octets.length - 3);
      assert.deepEqual(found.map(({ id, length }) => [id, length + SET_HEADER_LENGTH]), sets);
      let end = before + 16;
      for (const set of found) {
        assert.equal(set.offset, end);
        assert.equal(set.contentOffset, end + 4);
        end = set.end;
      }
      assert.equal(end, octets.length - 3);
      assert.equal(countSets(octets, before, end), sets.length);
    },
  ));
});

for (const length of [0, 1, 2, 3]) {
  Deno.test(`set length ${length} is refused`, () => {
    const octets = messageOfSets([256, 8], [257, 8]);
    writeSetHeader(octets, 24, 257, length);
    assert.throws(() => setsOfMessage(octets, 0, octets.length), { reason: "set_length", offset: 26 });
  });
}

Deno.test("a set that overruns its message by one octet is refused though the octets go on", () => {
  const octets = messageOfSets([256, 8], [257, 9], [258, 4]);
  assert.throws(() => setsOfMessage(octets, 0, 32), {
    reason: "set_overrun",
    offset: 24,
    extent: { wanted: 9, available: 8 },
  });
});

for (const trailing of [1, 2, 3]) {
  Deno.test(`${trailing} octets after the last set are refused`, () => {
    const octets = Uint8Array.of(...messageOfSets([256, 8]), ...new Uint8Array(trailing));
    assert.throws(() => setsOfMessage(octets, 0, octets.length), { reason: "trailing_octets", offset: 24 });
    assert.throws(() => setsOfMessage(new Uint8Array(16 + trailing), 0, 16 + trailing), { reason: "trailing_octets" });
  });
}

Deno.test("a message that promises more octets than there are is refused", () => {
  const octets = messageOfSets([256, 8]);
  assert.throws(() => setsOfMessage(octets, 0, 25), {
    reason: "message_truncated",
    extent: { wanted: 25, available: 24 },
  });
  assert.throws(() => setsOfMessage(octets, 0, 15), { reason: "message_truncated" });
});
