import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeMessageHeader, writeMessageHeader } from "./message_header.ts";

const UNSIGNED32 = fc.integer({ min: 0, max: 0xffffffff });

Deno.test("a header comes back as it was written, at any offset", () => {
  fc.assert(fc.property(
    fc.record({
      version: fc.constant(10),
      length: fc.integer({ min: 16, max: 65535 }),
      exportTime: UNSIGNED32,
      sequenceNumber: UNSIGNED32,
      observationDomainId: UNSIGNED32,
    }, { noNullPrototype: true }),
    fc.nat(20),
    (header, offset) => {
      const octets = new Uint8Array(offset + 16);
      writeMessageHeader(octets, offset, header);
      assert.deepEqual(decodeMessageHeader(octets, offset), header);
      assert.deepEqual(octets.subarray(0, offset), new Uint8Array(offset));
    },
  ));
});

Deno.test("the octets of a header are those of RFC 7011, figure F", () => {
  const octets = new Uint8Array(16);
  writeMessageHeader(octets, 0, {
    version: 10,
    length: 0x0102,
    exportTime: 0x03040506,
    sequenceNumber: 0x0708090a,
    observationDomainId: 0x0b0c0d0e,
  });
  assert.deepEqual(octets, Uint8Array.of(0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
});

for (const version of [0, 5, 9, 11, 0x1603]) {
  Deno.test(`version ${version} is refused before the rest is there`, () => {
    const octets = Uint8Array.of(1, 1, version >> 8, version & 0xff);
    assert.throws(() => decodeMessageHeader(octets, 2), { reason: "message_version", offset: 2 });
  });
}

Deno.test("lengths below the header's own are refused before the rest is there, 16 is not", () => {
  for (let length = 0; length < 16; length++) {
    const octets = Uint8Array.of(0, 10, 0, length);
    assert.throws(() => decodeMessageHeader(octets), { reason: "message_length", offset: 2 });
  }
  assert.equal(decodeMessageHeader(Uint8Array.of(0, 10, 0, 16, ...new Uint8Array(12))).length, 16);
});

Deno.test("octets that end inside the header are refused at every cut", () => {
  const octets = new Uint8Array(16);
  writeMessageHeader(octets, 0, { version: 10, length: 16, exportTime: 1, sequenceNumber: 2, observationDomainId: 3 });
  for (let end = 0; end < 16; end++) {
    assert.throws(() => decodeMessageHeader(octets, 0, end), { reason: "message_truncated" });
  }
});
