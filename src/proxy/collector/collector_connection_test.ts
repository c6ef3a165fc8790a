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
