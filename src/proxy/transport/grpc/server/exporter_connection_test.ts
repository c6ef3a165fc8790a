import assert from "node:assert/strict";
import { StandingClock } from "../../../../../test/support/proxy.ts";
import { Turns } from "../../../time/turns.ts";
import type { Connection } from "../../connection.ts";
import { ExporterConnection } from "./exporter_connection.ts";

const IDLE = {
  transport: "tls",
  remoteAddress: { hostname: "127.0.0.1", port: 1 },
  read: () => new Promise<null>(() => {}),
  close: () => {},
} as unknown as Connection;

Deno.test("a thousand streams of one connection that have little to do share one turn", async () => {
  const clock = new StandingClock();
  const turns = new Turns(clock);
  const nothing = () => {};
  const connection = new ExporterConnection(IDLE, { turns, onArrival: nothing, onEnd: nothing, onClose: nothing });
  assert.ok(!turns.over);
  await clock.advance(10, 1);
  let done = 0;
  const little = Array.from({ length: 1_000 }, async () => {
    await connection.nextTurn();
    done++;
  });
  await clock.advance(8, 4);
  assert.equal(done, 1_000, "who has little to do does not keep the next one waiting");
  await Promise.all(little);
  connection.stream.destroy();
});
