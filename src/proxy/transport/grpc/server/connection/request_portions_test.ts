import assert from "node:assert/strict";
import { StandingClock } from "../../../../../../test/support/time/standing_clock.ts";
import type { Connection } from "../../../connection.ts";
import { Http2Frames } from "./http2_frames.ts";
import { RequestPortions } from "./request_portions.ts";
import { RequestsInHand } from "./requests_in_hand.ts";
import { WorkBudget } from "./work_budget.ts";

const PREFACE = new Uint8Array(24);

function frame(type: number, stream: number, payload: Uint8Array): number[] {
  const { length } = payload;
  return [length >> 16, length >> 8 & 0xff, length & 0xff, type, 0, 0, 0, stream >> 8, stream & 0xff, ...payload];
}

function all<Each>(count: number, each: (index: number) => readonly Each[]): Each[] {
  return Array.from({ length: count }, (_, index) => each(index)).flat();
}

/** Reads all portions of these octets; returns the most requests and new streams of one turn. */
async function turnsOf(frames: readonly number[]): Promise<{ requests: number; streams: number }> {
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
  let opened = 0;
  const http2 = new Http2Frames({
    data: (stream, data, start, end) => inHand.arrive(stream, data, start, end),
    headers: (stream) => {
      opened++;
      inHand.begin(stream);
    },
  });
  let arrived = 0;
  const clock = new StandingClock();
  const onArrival = (more: number) => void (arrived += more);
  const budget = new WorkBudget(clock);
  const portions = new RequestPortions(connection as unknown as Connection, http2, inHand, budget, onArrival);
  const read: Uint8Array[] = [];
  const view = new Uint8Array(64 * 1024);
  let isOver = false;
  const reading = (async () => {
    for (let length; (length = await portions.read(view)) !== null;) {
      assert.ok(length > 0);
      read.push(view.slice(0, length));
    }
    isOver = true;
  })();
  const most = { requests: 0, streams: 0 };
  while (!isOver) {
    const [count, before] = [inHand.count, opened];
    await clock.advance(1, 1);
    most.requests = Math.max(most.requests, inHand.count - count);
    most.streams = Math.max(most.streams, opened - before);
  }
  await reading;
  assert.deepEqual(Uint8Array.from(read.flatMap((part) => [...part])), octets);
  assert.equal(arrived, inHand.octets, "all that arrives is reported");
  return most;
}

Deno.test("a turn has few requests, fewer in many streams, and few new streams; no octet is lost between turns", async () => {
  const empty = new Uint8Array(5);
  const open = (streams: number) => all(streams, (index) => frame(1, 1 + 2 * index, empty));
  const inOne = await turnsOf([...open(1), ...frame(0, 1, new Uint8Array(16_000))]);
  assert.ok(inOne.requests >= 480 && inOne.requests < 600, `${inOne.requests} requests in one stream`);
  const inMany = await turnsOf([...open(1_000), ...all(1_000, (index) => frame(0, 1 + 2 * index, empty))]);
  assert.ok(inMany.requests >= 50 && inMany.requests < 90, `${inMany.requests} requests in many streams`);
  assert.ok(inMany.streams >= 16 && inMany.streams < 40, `${inMany.streams} new streams`);
});

Deno.test("a portion adds no more octets in hand than it must, although compressed requests count for their largest possible size", async () => {
  // Of 1000 octets each, which may become a megabyte.
  const compressed = all(100, () => [1, 0, 0, 3, 232, ...Array<number>(1_000).fill(0)]);
  const octets = Uint8Array.of(...PREFACE, ...frame(1, 1, new Uint8Array(5)));
  const data = Uint8Array.of(...frame(0, 1, Uint8Array.from(compressed.slice(0, 16_000))));
  const whole = new Uint8Array([...octets, ...data]);
  let at = 0;
  const connection = {
    read: (view: Uint8Array) => {
      const part = whole.subarray(at, at + view.length);
      view.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
  const inHand = new RequestsInHand();
  const http2 = new Http2Frames({
    data: (stream, data, start, end) => inHand.arrive(stream, data, start, end),
    headers: (stream) => inHand.begin(stream),
  });
  const budget = new WorkBudget(new StandingClock());
  const portions = new RequestPortions(connection as unknown as Connection, http2, inHand, budget, () => {});
  const length = await portions.read(new Uint8Array(64 * 1024));
  assert.ok(length !== null && length < 4_000, `${length} octets`);
  assert.ok(inHand.octets < 4 * 1024 * 1024, `${inHand.octets} octets in hand`);
});
