import assert from "node:assert/strict";
import fc from "fast-check";
import { datagramFault, nextMessageLength } from "./framing.ts";
import { writeMessageHeader } from "./message_header.ts";

function message(length: number, octets = length): Uint8Array {
  const message = new Uint8Array(Math.max(16, octets));
  writeMessageHeader(message, 0, {
    version: 10,
    length,
    exportTime: 0,
    sequenceNumber: 0,
    observationDomainId: 0,
  });
  return message.subarray(0, octets);
}

Deno.test("a stream cut at any octet gives the same messages", () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 16, max: 60 }), fc.constant(65535)), { maxLength: 6 });
  fc.assert(fc.property(lengths, fc.array(fc.nat(200)), (lengths, cuts) => {
    const stream = Uint8Array.from(lengths.flatMap((length) => [...message(length)]));
    const found: number[] = [];
    let start = 0;
    let end = 0;
    for (const cut of [...cuts, stream.length]) {
      end = Math.min(stream.length, end + cut);
      let length = nextMessageLength(stream, start, end);
      while (length !== "incomplete") {
        found.push(length);
        start += length;
        length = nextMessageLength(stream, start, end);
      }
    }
    assert.deepEqual(found, lengths);
  }));
});

Deno.test("a message waits for its last octet", () => {
  const octets = message(40);
  for (let end = 0; end < 40; end++) assert.equal(nextMessageLength(octets, 0, end), "incomplete");
  assert.equal(nextMessageLength(octets, 0, 40), 40);
});

Deno.test("a length below 16 is refused before the body is waited for", () => {
  for (let length = 0; length < 16; length++) {
    assert.throws(() => nextMessageLength(Uint8Array.of(7, 0, 10, 0, length), 1), {
      reason: "message_length",
      offset: 3,
    });
  }
});

Deno.test("another version is refused by its two octets", () => {
  for (const octets of [[0, 5], [0, 9], [0x16, 3], [0x47, 0x45], [0, 0]]) {
    assert.throws(() => nextMessageLength(Uint8Array.from(octets)), { reason: "message_version", offset: 0 });
  }
});

Deno.test("a datagram is one whole message", () => {
  assert.equal(datagramFault(message(16)), undefined);
  assert.equal(datagramFault(Uint8Array.of(9, ...message(20), 9).subarray(1, 21)), undefined);
  assert.equal(datagramFault(message(20, 19)), "message_truncated");
  assert.equal(datagramFault(message(20, 21)), "message_length");
  assert.equal(datagramFault(message(20, 15)), "message_truncated");
  assert.equal(datagramFault(new Uint8Array()), "message_truncated");
  assert.equal(datagramFault(Uint8Array.of(0, 9)), "message_version");
  assert.equal(datagramFault(message(15, 16)), "message_length");
});
