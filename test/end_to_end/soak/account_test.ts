import assert from "node:assert/strict";
import { account, noSums, type SessionAccount, type Sums } from "./account.ts";

function sumsOf(session: Partial<SessionAccount>): Partial<Sums> {
  const sums = noSums();
  account(sums, { transport: "tcp", sent: 100, ending: "closed", arrived: [], announced: [], ...session });
  return Object.fromEntries(Object.entries(sums).filter(([name, count]) => count > 0 && name !== "sessions"));
}

const run = (collector: number, first: number, last: number) => ({ collector, first, last });

Deno.test("accounts: all there, and each way to be missing", () => {
  const sent = 100;
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 99)] }), { sent, arrived: 100 });
  // A hole while one collector lives, a tail without a reason, a session that the proxy ended: all lost.
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 49), run(0, 60, 99)], announced: [50] }), {
    sent,
    arrived: 90,
    lost: 10,
  });
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 49)] }), { sent, arrived: 50, lost: 50 });
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 49)], ending: "by the proxy" }), { sent, arrived: 50, lost: 50 });
  assert.deepEqual(sumsOf({}), { sent, lost: 100 });
  // A hole at a kill: within what was announced, or beyond it.
  const killed = [run(0, 0, 49), run(1, 60, 99)];
  assert.deepEqual(sumsOf({ arrived: killed, announced: [50] }), { sent, arrived: 90, inKilledSocket: 10 });
  assert.deepEqual(sumsOf({ arrived: killed, announced: [4] }), { sent, arrived: 90, inKilledSocket: 4, lost: 6 });
  assert.deepEqual(sumsOf({ arrived: killed }), { sent, arrived: 90, lost: 10 });
  // Killed before it printed anything, or after the exporter's end.
  assert.deepEqual(sumsOf({ arrived: [run(1, 30, 99)], announced: [50] }), { sent, arrived: 70, inKilledSocket: 30 });
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 79)], announced: [50] }), { sent, arrived: 80, inKilledSocket: 20 });
  // The exporter's own fault, and what had been sent of the burst that was cut.
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 79)], ending: "cut" }), { sent, arrived: 80, withExporter: 20 });
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 109)], ending: "cut" }), { sent: 110, arrived: 110 });
});

Deno.test("accounts: a repeated or late record counts once as arrived and once as a duplicate", () => {
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 99), run(1, 90, 99)] }), { sent: 100, arrived: 100, twice: 10 });
  assert.deepEqual(sumsOf({ arrived: [run(0, 0, 59), run(1, 50, 99)] }), { sent: 100, arrived: 100, twice: 10 });
});

Deno.test("accounts: missing records over UDP are counted separately", () => {
  const arrived = [run(0, 0, 49), run(0, 60, 89)];
  assert.deepEqual(sumsOf({ transport: "udp", arrived }), { sent: 100, arrived: 80, datagrams: 20 });
  const overtaken = [run(0, 60, 99), run(0, 0, 49), run(0, 40, 44)];
  assert.deepEqual(sumsOf({ transport: "udp", arrived: overtaken }), {
    sent: 100,
    arrived: 90,
    datagrams: 10,
    twice: 5,
  });
});
