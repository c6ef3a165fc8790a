import assert from "node:assert/strict";
import { Http2Frames } from "./http2_frames.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function frame(type: number, length: number): number[] {
  return [length >> 16, length >> 8 & 0xff, length & 0xff, type, 0, 0, 0, 0, 1, ...Array(length).fill(type)];
}

Deno.test("octets of DATA are counted, and no others, wherever reads cut the frames", () => {
  const octets = Uint8Array.from([
    ...PREFACE,
    ...frame(4, 0),
    ...frame(1, 40),
    ...frame(0, 300),
    ...frame(8, 4),
    ...frame(0, 0),
    ...frame(0, 70_000),
    ...frame(3, 4),
    ...frame(0, 5).slice(0, 11),
  ]);
  for (const size of [1, 2, 7, 9, 24, 25, 1000, octets.length]) {
    const frames = new Http2Frames();
    for (let start = 0; start < octets.length; start += size) frames.pass(octets.subarray(start, start + size));
    assert.equal(frames.data, 300 + 70_000 + 2, `in reads of ${size}`);
  }
});
