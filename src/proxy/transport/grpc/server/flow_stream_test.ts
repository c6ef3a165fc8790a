import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { antreaFlowReleases } from "../../../../config/profiles/antrea_flow_releases.ts";
import type { Clock } from "../../../time/clock.ts";
import { Turns } from "../../../time/turns.ts";
import { type ExportCall, FlowStream } from "./flow_stream.ts";
import { FlowReleases } from "./flow_releases.ts";

const RELEASES = new FlowReleases(antreaFlowReleases());
/** Requests that are there at once. */
const MANY = 1_000_000;

/** A call with the same request over and over, and a clock in which every look takes a millisecond. */
function open(octets: Uint8Array, many = MANY) {
  const counts = { read: 0, taken: 0, answers: 0, many };
  const request = { octets, taken: () => void counts.taken++ };
  const call = Object.assign(new EventEmitter(), {
    cancelled: false,
    read: () => counts.read < counts.many ? (counts.read++, request) : null,
  });
  let beat = () => {};
  let now = 0;
  const clock: Clock = {
    now: () => now += 1,
    date: () => new Date(0),
    after: (_milliseconds, run) => {
      beat = run;
      return () => {};
    },
    every: () => () => {},
  };
  const turns = new Turns(clock);
  const stream = new FlowStream(call as unknown as ExportCall, () => void counts.answers++, {
    remoteAddress: { hostname: "127.0.0.1", port: 1 },
    releases: RELEASES,
    turns: { isOver: () => turns.over, next: () => turns.next(false) },
    time: () => 0,
    onClose: () => {},
  });
  return { stream, call, counts, beat: () => beat() };
}

/** A flow's fields, length-delimited. */
function requestOf(fields: readonly number[]): Uint8Array {
  return Uint8Array.of(0x0a, fields.length, ...fields);
}

Deno.test("an endless stream of requests without flows yields its turn", async () => {
  for (const request of [new Uint8Array(0), Uint8Array.of(0x10, 0x01)]) {
    const { stream, counts, beat } = open(request);
    const reading = stream.read(new Uint8Array(65_536));
    await Promise.resolve();
    let before = 0;
    for (let turn = 0; turn < 100; turn++) {
      beat();
      for (let step = 0; step < 10; step++) await Promise.resolve();
      assert.ok(counts.read - before <= 500, `${counts.read - before} requests in one turn`);
      before = counts.read;
    }
    assert.ok(counts.read > 1_000, `it does not go on: ${counts.read}`);
    assert.equal(counts.taken, counts.read);
    stream.close();
    beat();
    await assert.rejects(reading, /closed/);
  }
});

Deno.test("a read returns when its turn is over, with the flows so far, and no more than fits", async () => {
  const flow = requestOf([0x12, 0x02, 0x18, 0x07]);
  const { stream, counts } = open(flow);
  const view = new Uint8Array(10_000_000);
  const first = await stream.read(view);
  assert.ok(first !== null && first > 1_000 && first < 100_000, `${first} octets`);
  assert.ok(counts.read <= 500, `${counts.read} requests in one turn`);
  const few = await stream.read(view.subarray(0, 1_000));
  assert.equal(few, 1_000);
});

Deno.test("flows that are announced one by one in a turn of the event loop are read together", async () => {
  const { stream, call, counts } = open(requestOf([0x12, 0x02, 0x18, 0x07]), 1);
  const view = new Uint8Array(65_536);
  // The first brings the templates.
  assert.ok(await stream.read(view) !== null);
  counts.many = 2;
  const one = await stream.read(view);
  assert.ok(one !== null);

  const reading = stream.read(view);
  for (let request = 0; request < 10; request++) {
    counts.many++;
    call.emit("readable");
    // Time enough for a reader that does not wait for the others.
    for (let step = 0; step < 10; step++) await Promise.resolve();
  }
  assert.equal(await reading, 10 * one);
});

Deno.test("a stream that is closed while it waits for a turn ends at once, however many wait before it", async () => {
  const { stream } = open(new Uint8Array(0));
  const reading = stream.read(new Uint8Array(65_536));
  for (let step = 0; step < 10; step++) await Promise.resolve();
  stream.close();
  await assert.rejects(reading, /closed/);
});

Deno.test("a stream that ends, in order or with its connection, ends when it has a turn", async () => {
  for (const event of ["end", "cancelled"]) {
    const { stream, call, counts, beat } = open(new Uint8Array(0));
    counts.many = 0;
    let ended = false;
    const reading = stream.read(new Uint8Array(100)).then(() => ended = true, () => ended = true);
    call.emit(event);
    for (let step = 0; step < 10; step++) await Promise.resolve();
    assert.ok(!ended, event);
    beat();
    await reading;
    assert.ok(ended, event);
  }
});

Deno.test("a drain does not answer a stream that has ended before its last request has been read to the end", async () => {
  const flow = requestOf([0x12, 0x02, 0x18, 0x07]);
  const flows = new Uint8Array(3 * flow.length);
  for (const number of [0, 1, 2]) flows.set(flow, number * flow.length);
  const { stream, call, counts, beat } = open(flows, 1);
  const view = new Uint8Array(64);
  let octets = await stream.read(view) ?? 0;
  call.emit("end");
  await stream.closeWrite();
  assert.equal(counts.answers, 0);
  const reading = (async () => {
    for (let length; (length = await stream.read(view)) !== null;) octets += length;
  })();
  for (let turn = 0; turn < 100; turn++) {
    for (let step = 0; step < 50; step++) await Promise.resolve();
    beat();
  }
  await reading;
  assert.ok(octets > 1_000, `the templates and three flows, not ${octets} octets`);
  await stream.closeWrite();
  assert.equal(counts.answers, 1);
});
