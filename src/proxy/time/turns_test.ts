import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { SYSTEM_CLOCK } from "./clock.ts";
import { costlyUse, Turns } from "./turns.ts";

/** Milliseconds after which a machine that runs other tests as well should have got round to this one. */
const PATIENCE = 30_000;

function work(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}

/** An event loop whose time passes only where work says that it does, and between timers. */
class Loop {
  now = 0;
  /** Times at which nothing was to be done, so that sockets were looked at. */
  readonly looks: number[] = [];
  readonly #timers: { due: number; callback: () => void }[] = [];
  readonly turns = new Turns({
    ...SYSTEM_CLOCK,
    now: () => this.now,
    after: (delay, callback) => {
      this.#timers.push({ due: this.now + delay, callback });
      return () => {};
    },
  });

  /** Milliseconds of costly work so far. */
  spent = 0;

  get timers(): number {
    return this.#timers.length;
  }

  /** Runs for this many milliseconds, or until no timer is left. */
  async run(milliseconds: number): Promise<void> {
    await setImmediate();
    for (const end = this.now + milliseconds; this.now < end && this.#timers.length > 0;) {
      const next = this.#timers.reduce((first, one) => one.due < first.due ? one : first);
      if (next.due > this.now) this.looks.push(this.now);
      this.now = Math.max(this.now, next.due);
      this.#timers.splice(this.#timers.indexOf(next), 1);
      next.callback();
      await setImmediate();
    }
  }

  /** The longest time without a look at sockets. */
  get blind(): number {
    return Math.max(0, ...this.looks.map((at, index) => at - (this.looks[index - 1] ?? 0)));
  }

  /** Waits this many milliseconds. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#timers.push({ due: this.now + milliseconds, callback: resolve }));
  }

  /** Does costly work in pieces of this many milliseconds. Returns how long it waited for each. */
  async toil(piece: number, pieces = Infinity, halfDone = false): Promise<number[]> {
    const use = costlyUse();
    const who = {};
    const waits: number[] = [];
    while (waits.length < pieces) {
      const asked = this.now;
      await this.turns.costly(use, halfDone && waits.length > 0 ? who : undefined);
      waits.push(this.now - asked);
      this.turns.spend(use, () => this.now += piece);
      this.spent += piece;
    }
    return waits;
  }

  /** Relays without end, as a session whose reads and writes complete at once. Returns nothing, ever. */
  async relay(piece: number, done: { pieces: number }): Promise<void> {
    for (;; done.pieces++) {
      if (this.turns.over) await this.turns.next(true);
      this.now += piece;
      await Promise.resolve();
    }
  }

  /** A quiet session: the longest that it waits for its turn, of this many times. */
  async quiet(times: number): Promise<number> {
    let longest = 0;
    for (let time = 0; time < times; time++) {
      await this.pause(20);
      const asked = this.now;
      if (this.turns.over) await this.turns.next();
      longest = Math.max(longest, this.now - asked);
    }
    return longest;
  }
}

Deno.test("however many have costly work, together they leave time to sockets, and nobody waits for them who has none", async () => {
  for (const sessions of [1, 300, 5_000]) {
    const loop = new Loop();
    let done = 0;
    for (let session = 0; session < sessions; session++) void loop.toil(1, Infinity).then(() => done++);
    const quiet = loop.quiet(40);
    await loop.run(1_000);
    assert.ok(await quiet <= 10, `${sessions} sessions: it waited ${await quiet} ms`);
    assert.ok(loop.blind <= 12, `${sessions} sessions: ${loop.blind} ms without a look at sockets`);
    assert.ok(loop.spent > 500 && loop.spent < 900, `${sessions} sessions: ${loop.spent} of 1000 ms`);
  }
});

Deno.test("while many come with costly work, it waits for the last of them, since others may be behind, but for half of the time at most", async () => {
  const loop = new Loop();
  const come = async (beats: number) => {
    for (let beat = 0; beat < beats; beat++) {
      for (let each = 0; each < 100; each++) void loop.toil(0.1, 1);
      await loop.pause(4);
    }
  };
  void come(40);
  await loop.run(160);
  assert.ok(loop.spent < 10, `${loop.spent} ms of work before all had come`);
  await loop.run(1_000);
  assert.equal(loop.spent.toFixed(), "400");
  void come(1_000);
  await loop.run(2_000);
  assert.ok(loop.spent >= 900, `${loop.spent - 400} ms of work in two seconds in which they did not stop coming`);
});

Deno.test("a piece of costly work that takes longer than a turn leaves most of the time to others; a drain does not wait for that", async () => {
  for (const [cost, hurried, least, most] of [[6, false, 25, 40], [20, false, 8, 12], [20, true, 35, 50]] as const) {
    const loop = new Loop();
    if (hurried) loop.turns.hurry();
    void loop.toil(cost);
    await loop.run(1_000);
    const pieces = Math.round(loop.spent / cost);
    assert.ok(pieces >= least && pieces <= most, `${pieces} pieces of ${cost} ms in a second, hurried: ${hurried}`);
    assert.ok(loop.blind <= 2 * cost, `${loop.blind} ms without a look at sockets`);
  }
});

Deno.test("while others rest, one who has little costly work has a turn; of many such, half of the time is left", async () => {
  const loop = new Loop();
  void loop.toil(40);
  await loop.run(45);
  assert.ok(Math.max(...await both(loop, loop.toil(1, 1))) <= 50);
  const before = loop.spent;
  for (let session = 0; session < 100; session++) void loop.toil(20, 1);
  await loop.run(1_000);
  assert.ok(loop.spent - before > 300 && loop.spent - before < 650, `${loop.spent - before} ms`);
});

Deno.test("one who has little costly work does not wait for hundreds who have much", async () => {
  const loop = new Loop();
  for (let session = 0; session < 300; session++) void loop.toil(4);
  await loop.run(3_000);
  const newcomer = loop.toil(1, 3);
  await loop.run(500);
  const waits = await newcomer;
  assert.ok(Math.max(...waits) <= 40, `it waited ${waits} ms`);
});

Deno.test("those who have much costly work go on, however many others come who have little", async () => {
  const loop = new Loop();
  const much = loop.toil(4, 50);
  const come = async () => {
    for (;;) {
      void loop.toil(1, 1);
      await loop.pause(0.5);
    }
  };
  void come();
  await loop.run(2_000);
  assert.equal((await Promise.race([much, setImmediate([])])).length, 50);
});

Deno.test("who relays little does not wait for hundreds who relay all the time, and of those each goes on", async () => {
  const loop = new Loop();
  const relays = Array.from({ length: 100 }, () => ({ pieces: 0 }));
  for (const done of relays) void loop.relay(2, done);
  const quiet = loop.quiet(40);
  await loop.run(2_000);
  assert.ok(await quiet <= 16, `it waited ${await quiet} ms`);
  assert.ok(relays.every(({ pieces }) => pieces >= 3), relays.map(({ pieces }) => pieces).join());
});

Deno.test("the busy have some turns even where the quiet take all the time", async () => {
  const loop = new Loop();
  const done = { pieces: 0 };
  void loop.relay(1, done);
  const crowd = async () => {
    for (;;) {
      await loop.turns.next();
      loop.now += 3;
    }
  };
  for (let session = 0; session < 50; session++) void crowd();
  await loop.run(500);
  assert.ok(done.pieces >= 20, `${done.pieces}`);
});

/** What comes of it, while the loop runs. */
async function both<Result>(loop: Loop, result: Promise<Result>): Promise<Result> {
  await loop.run(500);
  return await result;
}

/** In which order pieces of costly work are done; each name once a piece. */
async function orderOf(works: Readonly<Record<string, number>>): Promise<string> {
  const loop = new Loop();
  const done: string[] = [];
  // So that all others wait before one begins.
  const first = loop.toil(4, 1);
  for (const [name, pieces] of Object.entries(works)) {
    const use = costlyUse();
    use.add(50, 0);
    const who = {};
    const toil = async () => {
      for (let piece = 0; piece < pieces; piece++) {
        await loop.turns.costly(use, piece > 0 ? who : undefined);
        loop.turns.spend(use, () => loop.now += 4);
        done.push(name);
      }
    };
    void toil();
  }
  await first;
  await loop.run(10_000);
  return done.join("");
}

Deno.test("of what is half done one goes on until it is done, while others begin in turn with it", async () => {
  assert.equal(await orderOf({ a: 4, b: 4, c: 1, d: 1 }), "aabacadbbb");
});

Deno.test("of many that have begun each goes on until it is done, the last as the first", async () => {
  const order = await orderOf({ a: 10, b: 10, c: 10, d: 10, e: 10 });
  assert.equal(order, "aabacadaeaaaaa" + ["b", "c", "d", "e"].map((name) => name.repeat(9)).join(""));
});

Deno.test("what takes very many turns does not keep another half done for ever", async () => {
  const order = await orderOf({ a: 100, b: 3 });
  assert.ok(order.lastIndexOf("b") < 50, order);
});

Deno.test("of thousands who wait, none is overtaken by those who came later, however often it finds no time left", async () => {
  for (const wait of [(turns: Turns) => turns.next(), (turns: Turns) => turns.costly()]) {
    const loop = new Loop();
    const order: number[] = [];
    for (let session = 0; session < 2_000; session++) {
      void wait(loop.turns).then(() => {
        loop.turns.spend(undefined, () => loop.now += 1);
        order.push(session);
      });
    }
    await loop.run(10_000);
    assert.equal(order.length, 2_000);
    assert.ok(order.every((session, place) => session === place));
  }
});

Deno.test("costly work that fails has taken its time as well", async () => {
  const loop = new Loop();
  const use = costlyUse();
  await loop.turns.costly(use);
  const fail = () => {
    loop.now += 20;
    throw new Error("a broken message");
  };
  assert.throws(() => loop.turns.spend(use, fail), /a broken message/);
  assert.equal(use.used(loop.now), 20);
  const waited = loop.toil(1, 1);
  await loop.run(100);
  assert.ok(Math.max(...await waited) >= 10, `others had ${await waited} ms for themselves`);
});

Deno.test("costly work begins at once where nobody else works", async () => {
  const loop = new Loop();
  const waits = await loop.toil(1, 1);
  assert.deepEqual(waits, [0]);
});

Deno.test("a session that waits for a turn while no other works gets it", async () => {
  const turns = new Turns(SYSTEM_CLOCK);
  for (const wait of [() => turns.next(), () => turns.next(true), () => turns.costly()]) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => timer = setTimeout(() => resolve("late"), PATIENCE));
    assert.equal(await Promise.race([wait(), late]), undefined);
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
  const toilers = [1, 1, 1, 4, 4].map(async (piece, index) => {
    const use = costlyUse();
    for (; !stop(); pieces[index] = (pieces[index] ?? 0) + 1) {
      if (piece > 1) {
        await turns.costly(use);
        turns.spend(use, () => work(piece));
      } else {
        if (turns.over) await turns.next(index === 0);
        work(piece);
      }
      await Promise.resolve();
    }
  });
  await Promise.all([...toilers, knock()]);
  clearInterval(timer);
  listener.close();
  // Without turns it is none at all, however long one waits.
  assert.ok(isServed(), `a timer came ${ticks} times, ${echoes} connections were served; pieces of work: ${pieces}`);
});

Deno.test("no timer runs while no session works", async () => {
  const loop = new Loop();
  assert.equal(loop.turns.over, false);
  assert.equal(loop.timers, 1);
  await loop.run(100);
  assert.equal(loop.timers, 0);
});
