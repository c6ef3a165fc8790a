import assert from "node:assert/strict";
import { HeadersTooLong, Http2Frames } from "./http2_frames.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function frame(type: number, length: number): number[] {
  return [length >> 16, length >> 8 & 0xff, length & 0xff, type, 0, 0, 0, 0, 1, ...Array(length).fill(type)];
}

function padded(length: number, padding: number): number[] {
  const frameLength = 1 + length + padding;
  return [0, 0, frameLength, 0, 0x08, 0, 0, 0, 3, padding, ...Array(length).fill(7), ...Array(padding).fill(9)];
}

Deno.test("what DATA frames contain is passed on by stream, without padding, and nothing else, wherever reads cut the frames", () => {
  const octets = Uint8Array.from([
    ...PREFACE,
    ...frame(4, 0),
    ...frame(1, 40),
    ...frame(0, 300),
    ...frame(8, 4),
    ...frame(0, 0),
    ...padded(10, 20),
    ...padded(0, 0),
    ...padded(0, 5),
    ...frame(0, 70_000),
    ...frame(3, 4),
    ...frame(0, 5).slice(0, 11),
  ]);
  for (const size of [1, 2, 7, 9, 24, 25, 1000, octets.length]) {
    const data = new Map([[1, 0], [3, 0]]);
    const opened: number[] = [];
    const frames = new Http2Frames({
      data: (stream, octets, start, end) => {
        assert.ok(octets.subarray(start, end).every((octet) => octet === (stream === 1 ? 0 : 7)));
        data.set(stream, (data.get(stream) ?? 0) + end - start);
      },
      headers: (stream) => opened.push(stream),
    });
    for (let start = 0; start < octets.length; start += size) frames.pass(octets.subarray(start, start + size));
    assert.deepEqual([...data], [[1, 300 + 70_000 + 2], [3, 10]], `in reads of ${size}`);
    assert.deepEqual(opened, [1], `in reads of ${size}`);
  }
});

Deno.test("GOAWAY becomes a frame of a type that nobody knows, wherever reads cut it; all else stays as it is", () => {
  const [goaway, data] = [frame(7, 8), frame(0, 7)];
  const octets = Uint8Array.from([...PREFACE, ...data, ...goaway, ...frame(6, 8), ...goaway]);
  const expected = octets.slice();
  const first = PREFACE.length + data.length;
  for (const at of [first, first + 2 * goaway.length]) expected[at + 3] = 0xff;
  for (const size of [1, 2, 3, 4, 7, 9, octets.length]) {
    const passed = octets.slice();
    const frames = new Http2Frames({ data: () => {}, headers: () => {} });
    for (let at = 0; at < passed.length; at += size) frames.pass(passed.subarray(at, at + size));
    assert.deepEqual(passed, expected, `in pieces of ${size}`);
  }
});

/** The work of one frame, in requests. */
function workOf(type: number, length = 8): number {
  const frames = new Http2Frames({ data: () => {}, headers: () => {} });
  frames.pass(Uint8Array.of(...PREFACE, ...frame(type, length), ...frame(type, length)));
  return frames.work / 2;
}

Deno.test("each frame counts as work: one that opens or ends a stream for most, one that is answered for more than another", () => {
  for (const type of [0, 2, 5, 7, 8, 9, 200]) {
    assert.ok(workOf(type) > 0, `type ${type}`);
    for (const answered of [4, 6]) assert.ok(workOf(answered) >= 2 * workOf(type), `${answered} and ${type}`);
  }
  for (const stream of [1, 3]) for (const answered of [4, 6]) assert.ok(workOf(stream) >= 4 * workOf(answered));
});

Deno.test("long header fields count as more work than short ones, and other long frames do not", () => {
  for (const type of [1, 9]) assert.ok(workOf(type, 4_000) > 10 * workOf(type), `type ${type}`);
  for (const type of [0, 200]) assert.equal(workOf(type, 4_000), workOf(type), `type ${type}`);
});

Deno.test("header fields that stand for more than 16 KiB are refused before the block ends, however it comes", () => {
  const whole = (type: number, flags: number, payload: readonly number[]) => {
    const { length } = payload;
    return [0, length >> 8, length & 0xff, type, flags, 0, 0, 0, 1, ...payload];
  };
  // A field of 1,000 octets enters the table (RFC 7541 §6.2.1), and is referred to.
  const field = [0x40, 1, 97, 0x7f, 0xe9, 0x06, ...Array<number>(1_000).fill(98)];
  const references = (count: number) => Array<number>(count).fill(0x80 | 62);
  const frames = (count: number): number[][] => [
    [...whole(1, 4, [...field, ...references(count)])],
    [...whole(1, 0, field), ...whole(9, 4, references(count))],
    [...whole(1, 4 | 8 | 32, [2, 0, 0, 0, 0, 0, ...field, ...references(count), 0, 0])],
    [...whole(1, 4, field), ...whole(1, 4, [...references(count), ...references(1)])],
  ];
  for (const [many, all] of [[false, frames(14)], [true, frames(20)]] as const) {
    for (const each of all) {
      for (const size of [1, 7, each.length + PREFACE.length]) {
        const octets = Uint8Array.of(...PREFACE, ...each);
        const reader = new Http2Frames({ data: () => {}, headers: () => {} });
        const pass = () => {
          for (let at = 0; at < octets.length; at += size) reader.pass(octets.slice(at, at + size));
        };
        if (many) assert.throws(pass, HeadersTooLong);
        else pass();
      }
    }
  }
  const long = new Http2Frames({ data: () => {}, headers: () => {} });
  assert.throws(() => long.pass(Uint8Array.of(...PREFACE, 0, 0x40, 1, 1, 0, 0, 0, 0, 1)), HeadersTooLong);
});
