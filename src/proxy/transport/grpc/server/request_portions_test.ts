import assert from "node:assert/strict";
import type { Connection } from "../../connection.ts";
import { Http2Frames } from "./http2_frames.ts";
import { RequestPortions } from "./request_portions.ts";
import { RequestsInHand } from "./requests_in_hand.ts";

const PREFACE = new Uint8Array(24);

function frame(type: number, stream: number, payload: Uint8Array): number[] {
  const { length } = payload;
  return [length >> 16, length >> 8 & 0xff, length & 0xff, type, 0, 0, 0, stream >> 8, stream & 0xff, ...payload];
}

function all<Each>(count: number, each: (index: number) => readonly Each[]): Each[] {
  return Array.from({ length: count }, (_, index) => each(index)).flat();
}

/** Reads all portions of these octets; returns the most requests and new streams of one of them. */
async function portionsOf(frames: readonly number[]): Promise<{ requests: number; streams: number }> {
  const octets = Uint8Array.of(...PREFACE, ...frames);
  let at = 0;
  const connection = {
    read: (view: Uint8Array) => {
      if (at === octets.length) return Promise.resolve(null);
      const part = octets.subarray(at, at + view.length);
      view.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
  const inHand = new RequestsInHand();
  const http2 = new Http2Frames((stream, data, start, end) => inHand.arrive(stream, data, start, end));
  let arrived = 0;
  const portions = new RequestPortions(connection as unknown as Connection, http2, inHand, (more) => arrived += more);
  const most = { requests: 0, streams: 0 };
  const read: Uint8Array[] = [];
  const view = new Uint8Array(64 * 1024);
  for (;;) {
    const { count } = inHand;
    const { headers } = http2;
    const length = await portions.read(view);
    if (length === null) break;
    assert.ok(length > 0);
    read.push(view.slice(0, length));
    most.requests = Math.max(most.requests, inHand.count - count);
    most.streams = Math.max(most.streams, http2.headers - headers);
  }
  assert.deepEqual(Uint8Array.from(read.flatMap((part) => [...part])), octets);
  assert.equal(arrived, inHand.octets, "all that arrives is reported");
  return most;
}

Deno.test("a portion has few requests, fewer in many streams, and few new streams; no octet is lost between portions", async () => {
  const empty = new Uint8Array(5);
  const inOne = await portionsOf(frame(0, 1, new Uint8Array(16_000)));
  assert.ok(inOne.requests >= 512 && inOne.requests < 600, `${inOne.requests} requests in one stream`);
  const inMany = await portionsOf(all(1_000, (index) => frame(0, 1 + 2 * index, empty)));
  assert.ok(inMany.requests >= 64 && inMany.requests < 90, `${inMany.requests} requests in many streams`);
  const opened = await portionsOf(all(1_000, (index) => frame(1, 1 + 2 * index, empty)));
  assert.ok(opened.streams >= 16 && opened.streams < 40, `${opened.streams} new streams`);
});
