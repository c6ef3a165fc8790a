import assert from "node:assert/strict";
import { StandingClock } from "../../../test/support/proxy.ts";
import { SYSTEM_CLOCK } from "./clock.ts";
import { Turns } from "./turns.ts";

/** Milliseconds after which a machine that runs other tests as well should have got round to this one. */
const PATIENCE = 30_000;

function work(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}

/** Works without ever waiting for anything but its turn, as a session whose reads and writes complete at once. */
async function toil(turns: Turns, piece: number, demanding: boolean, stop: () => boolean): Promise<void> {
  while (!stop()) {
    if (turns.over) await turns.next(demanding);
    work(piece);
    await Promise.resolve();
  }
}

Deno.test("after a piece of work that took long, no other costly one begins for a while; a drain does not wait for that", async () => {
  for (const hurried of [false, true]) {
    const clock = new StandingClock();
    const turns = new Turns(clock);
    if (hurried) turns.hurry();
    let resumed = 0;
    const waiting = [0, 1].map(() => turns.next(true).then(() => resumed++));
    await clock.advance(4, 4);
    assert.equal(resumed, 1, "one in each turn");
    await clock.advance(96, 96); // what the first one takes, without a turn of the loop
    await clock.advance(192, 4);
    assert.equal(resumed, hurried ? 2 : 1);
    await clock.advance(20, 4);
    assert.equal(resumed, 2);
    await Promise.all(waiting);
  }
});

Deno.test("costly work that always ends after the next beat is due leaves some beats to sockets; shorter work does not", async () => {
  for (const [cost, leaves] of [[6, true], [3, false]] as const) {
    let now = 0;
    const due: { at: number; delay: number; callback: () => void }[] = [];
    const turns = new Turns({
      ...SYSTEM_CLOCK,
      now: () => now,
      after(delay, callback) {
        due.push({ at: now + delay, delay, callback });
        return () => {};
      },
    });
    let over = false;
    const worked = (async () => {
      for (; !over; now += cost) await turns.next(true);
    })();
    const delays: number[] = [];
    for (let beat = 0; beat < 20; beat++) {
      const { at, delay, callback } = due.shift() ?? assert.fail("no beat is to come");
      now = Math.max(now, at);
      delays.push(delay);
      callback();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert.equal(delays.filter((delay) => delay < 4).length, leaves ? 3 : 0, delays.join());
    over = true;
    turns.hurry();
    for (let beat = 0; beat < 100 && due.length > 0; beat++) {
      now += 4;
      due.shift()?.callback();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await worked;
  }
});

/** In which order parts of costly work are done; each name once a part. */
async function orderOf(works: Readonly<Record<string, number>>): Promise<string> {
  const clock = new StandingClock();
  const turns = new Turns(clock);
  const done: string[] = [];
  const all = Promise.all(
    Object.entries(works).map(async ([name, parts]) => {
      const who = {};
      for (let part = 0; part < parts; part++) {
        await turns.next(true, part > 0 ? who : undefined);
        done.push(name);
      }
    }),
  );
  const parts = Object.values(works).reduce((sum, count) => sum + count, 0);
  await clock.advance(4 * (parts + 2), 4);
  await all;
  return done.join("");
}

Deno.test("of what is half done one goes on until it is done, while others begin in turn with it", async () => {
  assert.equal(await orderOf({ a: 4, b: 4, c: 1, d: 1 }), "aabacadbbb");
});

Deno.test("what takes very many turns does not keep another half done for ever", async () => {
  const order = await orderOf({ a: 100, b: 3 });
  assert.ok(order.lastIndexOf("b") < 50, order);
});

Deno.test("where hundreds wait with little to do each, many have a turn at once; with much to do, one has", async () => {
  for (const [cost, count, fewest, most] of [[0, 640, 10, 90], [1, 640, 150, 600], [20, 64, 64, 2_000]] as const) {
    let now = 0;
    const clock = new StandingClock();
    const turns = new Turns({ ...SYSTEM_CLOCK, now: () => now, after: (...timer) => clock.after(...timer) });
    const order: number[] = [];
    const all = Array.from({ length: count }, async (_, index) => {
      await turns.next(true);
      now += cost;
      order.push(index);
    });
    let beats = 0;
    for (; order.length < count && beats < most; beats++) {
      now += 4;
      await clock.advance(4, 4);
    }
    assert.equal(order.length, count, `where each takes ${cost} ms`);
    assert.ok(beats >= fewest, `${beats} turns where each takes ${cost} ms`);
    assert.ok(order.every((index, place) => index === place), "nobody is overtaken");
    await Promise.all(all);
  }
});

Deno.test("of thousands who wait, none is overtaken by those who came later, however often it finds no time left", async () => {
  let now = 0;
  const clock = new StandingClock();
  const turns = new Turns({ ...SYSTEM_CLOCK, now: () => now, after: (...timer) => clock.after(...timer) });
  const order: number[] = [];
  let [began, longest] = [0, 0];
  const all = Array.from({ length: 2_000 }, async (_, index) => {
    await turns.next(false);
    now += 1;
    order.push(index);
    longest = Math.max(longest, now - began);
  });
  for (let beats = 0; order.length < 2_000 && beats < 3_000; beats++) {
    began = now += 4;
    await clock.advance(4, 4);
  }
  assert.equal(order.length, 2_000);
  assert.ok(longest <= 6, `a turn of ${longest} ms, though each takes one`);
  assert.ok(order.every((index, place) => index === place));
  await Promise.all(all);
});

Deno.test("whoever waits for a turn while nobody else works gets it", async () => {
  const turns = new Turns(SYSTEM_CLOCK);
  for (const demanding of [true, false]) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => timer = setTimeout(() => resolve("late"), 5_000));
    assert.equal(await Promise.race([turns.next(demanding), late]), undefined);
    clearTimeout(timer);
  }
});

Deno.test("sessions that never wait share the process: timers and sockets are served, and each session makes progress", async () => {
  const turns = new Turns(SYSTEM_CLOCK);
  const end = performance.now() + PATIENCE;
  const pieces = [0, 0, 0, 0, 0];
  let [ticks, echoes] = [0, 0];
  const isServed = () => ticks > 10 && echoes > 5 && pieces.every((count) => count > 5);
  const stop = () => isServed() || performance.now() >= end;
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
  const toilers = [1, 1, 1, 4, 4].map((piece, index) =>
    toil(turns, piece, piece > 1, () => {
      pieces[index] = (pieces[index] ?? 0) + 1;
      return stop();
    })
  );
  await Promise.all([...toilers, knock()]);
  clearInterval(timer);
  listener.close();
  // Without turns it is none at all, however long one waits.
  assert.ok(isServed(), `a timer came ${ticks} times, ${echoes} connections were served; pieces of work: ${pieces}`);
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

Deno.test("where hundreds with costly work wait it is crowded, until they have had their turns", async () => {
  const clock = new StandingClock();
  const turns = new Turns(clock);
  const waiting = Array.from({ length: 511 }, () => turns.next(true));
  assert.equal(turns.crowded, false);
  waiting.push(turns.next(true));
  assert.equal(turns.crowded, true);
  await clock.advance(4, 4);
  assert.equal(turns.crowded, false);
  await clock.advance(2_000, 4);
  await Promise.all(waiting);
});
