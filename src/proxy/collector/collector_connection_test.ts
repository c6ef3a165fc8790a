import assert from "node:assert/strict";
import type { Connection } from "../transport/connection.ts";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { CollectorConnection } from "./collector_connection.ts";

/** A connection that took ten records and is then finished. Returns how that ends after five seconds at most. */
async function finished(waited: boolean, closes: boolean) {
  const clock = new StandingClock();
  let close = () => {};
  const transport: Connection = {
    transport: "tcp",
    remoteAddress: { hostname: "collector", port: 4739 },
    read: () => new Promise((resolve) => close = () => resolve(null)),
    write: (octets) => Promise.resolve(octets.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const connection = new CollectorConnection(transport, { clock });
  connection.expect(1_000, 10);
  await connection.write(new Uint8Array(1_000));
  connection.take(waited);
  await clock.advance(3_000);
  const finishing = connection.finish(clock, 5_000);
  if (closes) close();
  await clock.advance(5_000);
  return { reason: await finishing, possiblyLost: connection.possiblyLost };
}

Deno.test("records that a stalled collector may not have read when its time to close is up are reported", async () => {
  const { reason, possiblyLost } = await finished(true, false);
  assert.match(reason ?? "", /5000 ms/);
  assert.equal(possiblyLost, 10);
});

Deno.test("a collector that closes, or has read all without ever closing, loses nothing", async () => {
  assert.equal((await finished(true, true)).reason, undefined);
  assert.deepEqual(await finished(false, false), { reason: undefined, possiblyLost: 0 });
});

Deno.test("a collector that sends without end leaves time to others: its end is found in the pauses", async () => {
  const clock = new StandingClock();
  let [reads, left] = [0, 1_000];
  const transport: Connection = {
    transport: "tcp",
    remoteAddress: { hostname: "collector", port: 4739 },
    read: (view) => Promise.resolve(++reads > left ? null : view.length),
    write: (octets) => Promise.resolve(octets.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const connection = new CollectorConnection(transport, { clock });
  await clock.advance(1);
  assert.equal(reads, 4);
  await clock.advance(100, 10);
  assert.ok(reads <= 44, `${reads} reads in a tenth of a second`);
  left = reads;
  await clock.advance(20, 10);
  assert.equal(connection.lost, true);
  assert.equal(await connection.ended, undefined);
});

Deno.test("closing a connection whose collector sends without end does not wait for the pause", async () => {
  const clock = new StandingClock();
  let closed = false;
  const transport: Connection = {
    transport: "tcp",
    remoteAddress: { hostname: "collector", port: 4739 },
    read: (view) => closed ? Promise.reject(new Error("closed")) : Promise.resolve(view.length),
    write: (octets) => Promise.resolve(octets.length),
    closeWrite: () => Promise.resolve(),
    close: () => void (closed = true),
  };
  const connection = new CollectorConnection(transport, { clock });
  await clock.advance(1);
  connection.close();
  assert.equal(await connection.ended, "closed");
});
