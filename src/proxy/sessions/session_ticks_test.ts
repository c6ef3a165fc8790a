import assert from "node:assert/strict";
import { SessionTicks } from "./session_ticks.ts";

/** Three sessions, each of which takes 3 ms to hear of the time. */
function ticksOf(onTurn: () => void = () => {}) {
  let now = 0;
  const told: string[] = [];
  const sessions = new Map(["1", "2", "3"].map((id) => [id, {
    id,
    tick(elapsed: number, quiet?: number) {
      told.push(`${id}: ${elapsed}, ${quiet}`);
      now += 3;
    },
  }]));
  const next = () => {
    told.push("turn");
    return Promise.resolve().then(onTurn);
  };
  const each = { [Symbol.iterator]: () => sessions.values(), get: (id: string) => sessions.get(id) };
  return { ticks: new SessionTicks(each, { now: () => now }, { next }), sessions, told };
}

Deno.test("sessions hear of the time in parts of 4 ms, and one that has ended meanwhile hears nothing", async () => {
  const { ticks, sessions, told } = ticksOf(() => sessions.delete("3"));
  await ticks.pass(1_000, 0);
  assert.deepEqual(told, ["1: 1000, 0", "2: 1000, 0", "turn"]);
});

Deno.test("time that passes while sessions are being told comes with the next tick", async () => {
  const { ticks, told } = ticksOf();
  const under = ticks.pass(50, 1_000);
  await ticks.pass(50, 1_000);
  await under;
  await ticks.pass(50, 1_000);
  assert.deepEqual(told.filter((word) => word.startsWith("1")), ["1: 50, 1000", "1: 100, 1000"]);
});

Deno.test("a tick that fails does not end the ticks", async () => {
  const { ticks, sessions, told } = ticksOf();
  sessions.set("1", {
    id: "1",
    tick() {
      sessions.delete("1");
      throw new Error("a fault");
    },
  });
  await assert.rejects(ticks.pass(1_000, 0), /a fault/);
  await ticks.pass(1_000, 0);
  assert.deepEqual(told, ["2: 1000, 0", "3: 1000, 0"]);
});
