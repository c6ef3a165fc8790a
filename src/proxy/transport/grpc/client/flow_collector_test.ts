import assert from "node:assert/strict";
import { antreaFlowReleases } from "../../../../config/profiles/antrea_flow_releases.ts";
import { loadProfile } from "../../../../config/profiles/profiles.ts";
import { MessageBuilder } from "../../../../../test/support/messages/message_builder.ts";
import type { Clock } from "../../../time/clock.ts";
import { Turns } from "../../../time/turns.ts";
import { TurnQueue } from "../turn_queue.ts";
import { FlowCollector } from "./flow_collector.ts";
import { flowElements } from "./record_flows.ts";

const LIST = loadProfile("antrea/v1.15").templates[0] ?? assert.fail();
const TEMPLATE = { id: 256, fields: LIST.fields, scopeFieldCount: 0 };
const RECORDS = 300;

/** A collector whose call takes a request only when the test lets it. Each takes ten milliseconds to convert. */
function open() {
  const state = { taken: 0, waits: 0 };
  const pending: (() => void)[] = [];
  const timers: (() => void)[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    date: () => new Date(0),
    after: (_milliseconds, run) => {
      timers.push(run);
      return () => {};
    },
    every: () => () => {},
  };
  const call = {
    write: (_request: Uint8Array, done: () => void) => {
      now += 10;
      pending.push(done);
    },
    end: () => {},
  };
  const { promise, resolve } = Promise.withResolvers<Error | null>();
  const ended = Object.assign(promise, {
    then: (...args: Parameters<typeof promise.then>) => {
      state.waits++;
      return Promise.prototype.then.apply(promise, args);
    },
  });
  const collector = new FlowCollector({
    call: Object(call),
    ended,
    close: () => {},
    remoteAddress: { hostname: "127.0.0.1", port: 1 },
    resolve: flowElements(antreaFlowReleases()),
    queue: new TurnQueue(new Turns(clock), clock),
  });
  const take = () => {
    state.taken++;
    pending.shift()?.();
  };
  return { collector, state, pending, take, beat: () => timers.splice(0).forEach((run) => run()), end: resolve };
}

/** Messages with this many records. */
function message(count: number): Uint8Array {
  const values = TEMPLATE.fields.map(({ element: { type } }) =>
    type === "string" ? "" : type.endsWith("Address") ? "10.0.0.1" : type === "unsigned64" ? 1n : 1
  );
  return new MessageBuilder().templateSet([TEMPLATE]).dataSet(TEMPLATE, Array(count).fill(values)).build();
}

async function settle(): Promise<void> {
  for (let step = 0; step < 20; step++) await Promise.resolve();
}

Deno.test("a long write gives up its turn between requests, and waits for a collector that takes them one by one", async () => {
  const { collector, pending, take, beat } = open();
  let written: number | undefined;
  const octets = message(RECORDS);
  void collector.write(octets).then((length) => written = length);
  await settle();
  assert.equal(pending.length, 1, "one request at a time");
  for (let request = 1; request < 3; request++) {
    take();
    await settle();
    assert.equal(pending.length, 0, "its turn is over");
    beat();
    await settle();
    assert.equal(pending.length, 1);
  }
  take();
  await settle();
  beat();
  await settle();
  assert.equal(written, octets.length);
});

Deno.test("a write ends where the call does, and leaves nothing with a call that goes on", async () => {
  const { collector, state, pending, take, beat, end } = open();
  for (let time = 0; time < 50; time++) {
    const writing = collector.write(message(1));
    await settle();
    take();
    await settle();
    beat();
    await settle();
    beat();
    await writing;
  }
  assert.ok(state.waits <= 2, `${state.waits} wait for the end of the call`);
  const writing = collector.write(message(RECORDS));
  await settle();
  assert.equal(pending.length, 1);
  end(new Error("gone"));
  assert.ok(await writing > 0);
  await assert.rejects(collector.write(message(1)), /gone/);
});

Deno.test("many sessions that are woken up in one turn convert one request in it, not one each", async () => {
  const { collector, pending, take, beat } = open();
  for (let session = 0; session < 10; session++) void collector.write(message(1));
  await settle();
  assert.equal(pending.length, 1);
  for (let session = 1; session < 10; session++) {
    take();
    beat();
    await settle();
    assert.equal(pending.length, 1, `session ${session}`);
  }
  take();
});
