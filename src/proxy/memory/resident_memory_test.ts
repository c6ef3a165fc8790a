import assert from "node:assert/strict";
import { ResidentMemory } from "./resident_memory.ts";

const LIMIT = 340 / 0.78;

/** Milliseconds that a collection takes in {@link world}. */
const COLLECTION = 100;

/**
 * A process of `live` octets and `garbage`, of which a collection frees all but `fragments`, and what ending sessions
 * does to it. Octets are few, since only their parts of the limit count.
 */
function world({ live = 100, garbage = 0, fragments = 0, heavy = 0 } = {}) {
  const happened: string[] = [];
  const at = { now: 0, live, garbage, fragments, heavy };
  const resident = () => at.live + at.garbage;
  let begun = Infinity;
  const memory = new ResidentMemory(LIMIT, {
    clock: { now: () => at.now },
    memory: {
      resident,
      begin() {
        happened.push("begin");
        begun = at.now;
      },
      collect() {
        happened.push("pause");
        at.garbage = 0;
      },
    },
    endLargest(octets) {
      const freed = Math.min(at.heavy, octets);
      if (freed > 0) happened.push(`largest ${freed.toFixed(0)}`);
      at.heavy -= freed;
      // What ended is garbage first.
      at.live -= freed;
      at.garbage += freed;
      return freed;
    },
    endAny: (octets) => void happened.push(`any ${octets.toFixed(0)}`),
    onChange: (state) => void happened.push(state),
  });
  return {
    memory,
    at,
    /** Looks once after this many milliseconds. Returns what happened. */
    look(milliseconds = 1_000): string[] {
      at.now += milliseconds;
      if (at.now - begun >= COLLECTION) {
        at.garbage = Math.min(at.garbage, at.fragments);
        begun = Infinity;
      }
      happened.length = 0;
      memory.look();
      return [...happened];
    },
  };
}

Deno.test("above 70 % of the limit garbage is collected as often as 7 % more is in use, and no more often", () => {
  const { at, look } = world();
  for (; at.live < 300; at.live += 10) assert.deepEqual(look(), []);
  at.live = 310;
  assert.deepEqual(look(), ["begin"]);
  for (; at.live < 338; at.live++) assert.deepEqual(look(), [], "what is in use is not looked for twice; 7 % are 30.5");
  at.live = 300;
  assert.deepEqual(look(), []);
  at.garbage = 30;
  assert.deepEqual(look(), []);
  at.garbage = 31;
  assert.deepEqual(look(), ["begin"]);
  assert.deepEqual(look(), []);
});

Deno.test("however fast it grows, a collection begins four times a second at most", () => {
  const { at, look } = world({ live: 306 });
  let begun = 0;
  for (let times = 0; times < 20; times++) {
    at.garbage = at.garbage === 0 ? 33 : at.garbage;
    if (look(50).includes("begin")) begun++;
  }
  assert.equal(begun, 4);
});

Deno.test("from 78 % on the sessions that take most are ended until enough is free, unless a collection is enough", () => {
  const { at, look, memory } = world({ live: 300, garbage: 50, heavy: 100 });
  assert.deepEqual(look(), ["begin", "tight"]);
  assert.deepEqual(look(50), []);
  assert.deepEqual(look(50), ["ample"], "it was garbage");
  at.live = 350;
  assert.deepEqual(look(), ["begin", "tight"]);
  assert.deepEqual(look(399), []);
  assert.deepEqual(look(1), ["largest 10"]);
  assert.equal(memory.state, "tight");
  at.live = 352;
  assert.deepEqual(look(100), [], "those that were ended have a second to leave");
  at.garbage = 0;
  assert.deepEqual(look(), ["largest 12"]);
  at.heavy = 0;
  at.garbage = 0;
  at.live = 350;
  assert.deepEqual(look(), [], "it may go on like that");
  at.live = 330;
  assert.deepEqual(look(), ["ample"]);
});

Deno.test("from 84 % on nobody is let in; where a collection is not enough, the process pauses for one that is", async () => {
  const { at, look, memory } = world({ live: 200, garbage: 170 });
  assert.deepEqual(look(), ["begin", "full"]);
  assert.equal(memory.admit(), false);
  let resumed = false;
  const waiting = memory.wait().then(() => resumed = true);
  at.fragments = 168;
  assert.deepEqual(look(100), [], "a little less does not count");
  await Promise.resolve();
  assert.equal(resumed, false);
  assert.deepEqual(look(300), ["pause", "ample"]);
  await waiting;
  await memory.wait();
  at.fragments = 0;
  at.live = 370;
  assert.deepEqual(look(), ["begin", "full"]);
  assert.deepEqual(look(500), ["any 30"], "the last pause was a moment ago");
  at.live = 355;
  at.garbage = 12;
  assert.deepEqual(look(), ["pause", "tight", "any 15"], "so that it is not full again at once");
  assert.deepEqual(look(), [], "where nothing takes much, no session has to end for it");
});

Deno.test("who waits goes on once memory is no longer full, though it is still tight", async () => {
  const { at, look, memory } = world({ live: 370 });
  look();
  assert.equal(memory.state, "full");
  let resumed = false;
  void memory.wait().then(() => resumed = true);
  at.live = 350;
  assert.ok(look(50).includes("tight"));
  await Promise.resolve();
  assert.equal(resumed, true);
});

Deno.test("memory that is tight and then full has had the time of a collection from when it was tight", () => {
  const { at, look } = world({ live: 350, heavy: 100 });
  assert.deepEqual(look(), ["begin", "tight"]);
  at.live = 370;
  assert.deepEqual(look(350), ["begin", "full"]);
  assert.deepEqual(look(50), ["largest 30"]);
});

Deno.test("where memory grows so fast that no collection can be awaited, the process pauses at once", () => {
  const { look } = world({ live: 330, garbage: 63 });
  assert.deepEqual(look(), ["pause"]);
});

Deno.test("memory that stays full is collected in pauses two seconds apart, and sessions end every second, largest first", () => {
  const { at, look } = world({ live: 395, heavy: 20 });
  assert.deepEqual(look(), ["pause", "full", "largest 20", "any 35"]);
  at.garbage = 0;
  at.live = 395;
  assert.deepEqual(look(500), []);
  assert.deepEqual(look(500), ["any 55"]);
  assert.deepEqual(look(1_000), ["pause", "any 55"]);
});

Deno.test("a raised limit applies at once", () => {
  const { at, look, memory } = world({ live: 390 });
  look();
  assert.equal(memory.state, "full");
  memory.limit = 800;
  assert.deepEqual(look(), ["ample"]);
  assert.equal(at.live, 390);
});

Deno.test("thousands of newcomers between two calls of the clock are let in only until memory is full", () => {
  const { memory, at } = world();
  let letIn = 0;
  for (; letIn < 5_000 && memory.admit(); letIn++) at.live += 0.1;
  assert.equal(memory.state, "full");
  assert.ok(at.live < 0.9 * LIMIT, `${letIn} newcomers, ${at.live} of ${LIMIT}`);
  assert.equal(memory.admit(), false);
});
