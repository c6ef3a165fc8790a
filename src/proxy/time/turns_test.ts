import assert from "node:assert/strict";
import { SYSTEM_CLOCK } from "./clock.ts";
import { Turns } from "./turns.ts";

function work(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}

/** Works without ever waiting for anything but its turn, as a session whose reads and writes complete at once. */
async function toil(turns: Turns, piece: number, demanding: boolean, stop: () => boolean): Promise<number> {
  let pieces = 0;
  for (; !stop(); pieces++) {
    if (turns.over) await turns.next(demanding);
    work(piece);
    await Promise.resolve();
  }
  return pieces;
}

Deno.test("whoever waits for a turn while nobody else works gets it", async () => {
  const turns = new Turns(SYSTEM_CLOCK);
  for (const demanding of [true, false]) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => timer = setTimeout(() => resolve("late"), 5_000));
    assert.equal(await Promise.race([turns.next(demanding), late]), undefined);
    clearTimeout(timer);
  }
});

Deno.test("sessions that never wait share the process: timers and sockets are served, and each of them gets on", async () => {
  const turns = new Turns(SYSTEM_CLOCK);
  const end = performance.now() + 1_000;
  const stop = () => performance.now() >= end;
  let [ticks, echoes] = [0, 0];
  const timer = setInterval(() => ticks++, 1);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const knock = async () => {
    for (; !stop(); echoes++) {
      const [one, other] = await Promise.all([
        Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
        listener.accept(),
      ]);
      one.close();
      other.close();
    }
  };
  const toilers = [1, 1, 1, 4, 4].map((piece) => toil(turns, piece, piece > 1, stop));
  const [pieces] = await Promise.all([Promise.all(toilers), knock()]);
  clearInterval(timer);
  listener.close();
  // Without turns it is none at all.
  assert.ok(ticks > 10, `a timer came ${ticks} times`);
  assert.ok(echoes > 5, `${echoes} connections were served`);
  assert.ok(pieces.every((count) => count > 5), `${pieces}`);
});

Deno.test("no timer runs while no session works", async () => {
  let timers = 0;
  const turns = new Turns({
    ...SYSTEM_CLOCK,
    after(milliseconds, callback) {
      timers++;
      return SYSTEM_CLOCK.after(milliseconds, () => {
        timers--;
        callback();
      });
    },
  });
  assert.equal(turns.over, false);
  assert.equal(timers, 1);
  for (let waited = 0; timers > 0; waited++) {
    assert.ok(waited < 100, "it beats on");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
