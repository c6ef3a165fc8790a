import assert from "node:assert/strict";
import { DecodeError } from "../ipfix/octets/decode_error.ts";
import { BrokenMessage, consumeStream, type MessageConsumer } from "./message_stream.ts";

/** A stream given in pieces of these lengths, the last one again and again. */
function pieces(octets: Uint8Array, ...lengths: number[]): (into: Uint8Array) => Promise<number | null> {
  let offset = 0;
  return (into) => {
    if (offset === octets.length) return Promise.resolve(null);
    const length = Math.min(lengths.length > 1 ? lengths.shift() ?? 1 : lengths[0] ?? 1, into.length);
    const piece = octets.subarray(offset, offset + length);
    into.set(piece);
    offset += piece.length;
    return Promise.resolve(piece.length);
  };
}

/** Takes messages of the length that their header says, one a call; a set id of 0 breaks one at its octet 16. */
class Taker implements MessageConsumer {
  readonly taken: number[] = [];

  take(octets: Uint8Array): Promise<number | undefined> {
    if (octets.length < 16) return Promise.resolve(undefined);
    const length = (octets[2] ?? 0) << 8 | (octets[3] ?? 0);
    if (octets[1] !== 10) return Promise.reject(new DecodeError("message_version", "no IPFIX", 0));
    if (octets.length < length) return Promise.resolve(undefined);
    if (length > 16 && octets[17] === 0) return Promise.reject(new DecodeError("set_length", "bad set", 99));
    this.taken.push(length);
    return Promise.resolve(length);
  }
}

function message(length: number, set = 1): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(length);
  octets.set([0, 10, length >> 8, length & 255]);
  if (length > 17) octets[17] = set;
  return octets;
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("messages come whole, however the stream is cut", async () => {
  const stream = join(message(16), message(40), message(65535), message(20));
  for (const length of [1, 7, 16, 1000, 100_000, 1_000_000]) {
    const taker = new Taker();
    await consumeStream(pieces(stream, length), taker);
    assert.deepEqual(taker.taken, [16, 40, 65535, 20]);
  }
});

Deno.test("an empty stream is no mistake", async () => {
  await consumeStream(pieces(new Uint8Array(0), 1), new Taker());
});

async function broken(stream: Uint8Array): Promise<{ error: BrokenMessage; taken: number[] }> {
  const taker = new Taker();
  try {
    await consumeStream(pieces(stream, 30), taker);
  } catch (error) {
    assert.ok(error instanceof BrokenMessage);
    return { error, taken: taker.taken };
  }
  throw new Error("nothing was found broken");
}

Deno.test("the offset counts from the start of the stream and lies inside the broken message", async () => {
  const { error, taken } = await broken(join(message(40), message(24), message(40, 0), message(16)));
  assert.deepEqual(taken, [40, 24]);
  assert.ok(error.offset >= 64 && error.offset < 104, `${error.offset}`);
  assert.equal(error.message.match(/octet \d+/g)?.length, 1);
});

Deno.test("a last message that is cut off is broken too, header or not", async () => {
  const cut = await broken(join(message(40), message(40).subarray(0, 30)));
  assert.deepEqual(cut.taken, [40]);
  assert.match(
    cut.error.message,
    /octet 40 of the input: the input ends inside the message \(wanted 40, available 30\)/,
  );
  const header = await broken(join(message(40), message(40).subarray(0, 3)));
  assert.equal(header.error.offset >= 40 && header.error.offset < 43, true);
});

Deno.test("another protocol is named", async () => {
  const { error } = await broken(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  assert.match(error.message, /this looks like HTTP, not IPFIX/);
  assert.equal(error.offset, 0);
  assert.match((await broken(Uint8Array.of(0, 9, 0))).error.message, /NetFlow v9/);
});

Deno.test("another kind of file is named, at its beginning alone", async () => {
  const pcap = Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1, ...new Uint8Array(20));
  assert.match((await broken(pcap)).error.message, /this looks like a packet capture \(pcap\), not IPFIX/);
  assert.doesNotMatch((await broken(join(message(16), pcap))).error.message, /looks like/);
});

Deno.test("with a receiver, reading goes on behind a broken message whose length leads to another or to the end", async () => {
  const bad = message(40, 0);
  const version = message(24);
  version[1] = 9;
  const stream = join(message(40), bad, message(20), version, message(16), bad);
  for (const length of [1, 30, 1_000_000]) {
    const taker = new Taker();
    const passed: number[] = [];
    await consumeStream(pieces(stream, length), taker, ({ offset }) => passed.push(offset));
    assert.deepEqual(taker.taken, [40, 20, 16]);
    assert.deepEqual(passed.map((offset) => [40, 100, 140].findLast((start) => start <= offset)), [40, 100, 140]);
  }
  const lost = message(40, 0);
  lost[3] = 39; // leads into the middle of the next message
  for (const end of [join(lost, message(16)), message(40).subarray(0, 30), Uint8Array.of(0, 10)]) {
    await assert.rejects(consumeStream(pieces(end, 30), new Taker(), () => {}), BrokenMessage);
  }
});
