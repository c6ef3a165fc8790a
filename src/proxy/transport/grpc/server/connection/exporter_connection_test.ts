import assert from "node:assert/strict";
import { StandingClock } from "../../../../../../test/support/time/standing_clock.ts";
import { Turns } from "../../../../time/turns.ts";
import type { Connection } from "../../../connection.ts";
import { ExporterConnection } from "./exporter_connection.ts";
import { TurnQueue } from "../../turn_queue.ts";
import { WorkBudget } from "./work_budget.ts";

const nothing = () => {};

/** A connection that is read on and on, and what of it has been read. */
function open(
  { mustPause = () => false, read, clock = new StandingClock() }: {
    mustPause?: () => boolean;
    read: Connection["read"];
    clock?: StandingClock;
  },
) {
  const turns = new Turns(clock);
  const connection = {
    transport: "tls",
    remoteAddress: { hostname: "127.0.0.1", port: 1 },
    read,
    write: () => Promise.reject(new Error("the connection is gone")),
    close: nothing,
  } as unknown as Connection;
  return new ExporterConnection(connection, {
    turns,
    queue: new TurnQueue(turns, clock),
    budget: new WorkBudget(clock),
    clock,
    memory: { mustPause },
    onArrival: nothing,
    onForeign: nothing,
    onOverrun: nothing,
    onEnd: nothing,
    onClose: nothing,
  });
}

Deno.test("a connection is not read while it must pause, and goes on once it is resumed", async () => {
  let [reads, paused] = [0, false];
  const { stream, resume } = bound(open({
    mustPause: () => paused,
    read: (view) => {
      view.set(new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
      return ++reads > 3 ? new Promise<null>(() => {}) : (paused = true, Promise.resolve(24));
    },
  }));
  stream.on("data", nothing);
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  await turn();
  assert.equal(reads, 1);
  resume();
  await turn();
  assert.equal(reads, 1, "it must pause still");
  paused = false;
  resume();
  await turn();
  assert.equal(reads, 2);
  stream.destroy();
});

Deno.test("frames that node:http2 writes for the streams of a connection that is gone are not errors", async () => {
  const { stream } = open({ read: () => new Promise<null>(nothing) });
  stream.destroy();
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    assert.ok(stream.write(new Uint8Array(9), (error) => error instanceof Error ? reject(error) : resolve()));
  });
});

Deno.test("a connection that begins stream after stream is read only as fast as it may begin them", async () => {
  const clock = new StandingClock();
  let begun = 0;
  const { stream } = open({
    clock,
    read: (view) => {
      const preface = begun === 0 ? new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") : [];
      const octets = Uint8Array.of(...preface, 0, 0, 0, 1, 5, 0, 0, 0, 0);
      new DataView(octets.buffer).setUint32(octets.length - 4, 1 + 2 * begun++);
      view.set(octets);
      return Promise.resolve(octets.length);
    },
  });
  stream.on("data", nothing);
  await clock.advance(1, 1);
  const atOnce = begun;
  assert.ok(atOnce <= 65, `${atOnce} at once`);
  await clock.advance(10_000, 5);
  assert.ok(begun - atOnce >= 600 && begun - atOnce <= 700, `${begun - atOnce} in ten seconds`);
  stream.destroy();
});

function bound(connection: ExporterConnection) {
  return { stream: connection.stream, resume: () => connection.resume() };
}
