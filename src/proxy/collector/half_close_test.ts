import assert from "node:assert/strict";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { until } from "../../../test/support/time/until.ts";
import { dialTcp } from "../transport/tcp/tcp_connection.ts";
import { CollectorConnection } from "./collector_connection.ts";

/** Octets and records of each write: 20 a second. */
const OCTETS = 400;
const SPACING = 50;

/** How a collector ends its side of a connection over which records have come. */
interface End {
  readonly written: number;
  /** Octets that it has read of them. */
  readonly read: number;
  end(socket: Deno.TcpConn): Promise<void> | void;
}

/** Returns what the proxy takes to be lost at most, and what the collector reads of what was written after its end. */
async function ending({ written, read, end }: End): Promise<{ possiblyLost: number; socket: Deno.TcpConn }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const clock = new StandingClock();
  const dialled = await dialTcp({ hostname: "127.0.0.1", port: listener.addr.port }, AbortSignal.timeout(60_000));
  const socket = await listener.accept();
  listener.close();
  const connection = new CollectorConnection(dialled, { clock });
  for (let record = 0; record < written; record++) {
    connection.expect(OCTETS, 1);
    for (let taken = 0; taken < OCTETS;) taken += await connection.write(new Uint8Array(OCTETS - taken));
    connection.take(false);
    await clock.advance(SPACING);
  }
  const view = new Uint8Array(65536);
  for (let octets = 0; octets < read;) octets += await socket.read(view.subarray(0, read - octets)) ?? 0;
  await end(socket);
  await until("its end is seen", () => connection.lost);
  const settled = connection.settle().then(() => true);
  for (let settling = true; settling;) {
    await clock.advance(10, 10);
    settling = !await Promise.race([settled, turn().then(() => false)]);
  }
  return { possiblyLost: connection.possiblyLost, socket };
}

Deno.test("half-closed with octets unread: all that the kernels may hold may be lost", async () => {
  const { possiblyLost, socket } = await ending({
    written: 200,
    read: 40 * OCTETS,
    end: (socket) => socket.closeWrite(),
  });
  socket.close();
  assert.equal(possiblyLost, 200);
});

Deno.test("half-closed, and closed at once with octets unread: the reset says so", async () => {
  const { possiblyLost } = await ending({
    written: 200,
    read: 40 * OCTETS,
    async end(socket) {
      await socket.closeWrite();
      socket.close();
    },
  });
  assert.equal(possiblyLost, 200);
});

Deno.test("closed with all read: only what was on its way may be lost", async () => {
  const { possiblyLost } = await ending({ written: 200, read: 200 * OCTETS, end: (socket) => socket.close() });
  assert.ok(possiblyLost <= 2_700 / SPACING, `${possiblyLost}`);
});

Deno.test("half-closed and read on: what comes after the records are messages without sets", async () => {
  const { possiblyLost, socket } = await ending({
    written: 200,
    read: 200 * OCTETS,
    end: (socket) => socket.closeWrite(),
  });
  assert.equal(possiblyLost, 200, "nobody knows that it reads on");
  const rest = new Uint8Array(await new Response(socket.readable).arrayBuffer());
  assert.equal(rest.length % 16, 0);
  assert.equal(rest.toHex().replaceAll(/000a0010.{8}0000000000000000/g, ""), "");
});
