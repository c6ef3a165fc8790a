import assert from "node:assert/strict";
import { ResidentMemory } from "./resident_memory.ts";

const LIMIT = 340 / 0.78;

/**
 * A process of `live` octets and `garbage`, of which an ordinary collection frees all but `fragments`, and what ending
 * sessions does to it. Octets are few, since only their parts of the limit count.
 */
function world({ live = 100, fragments = 0, heavy = 0 } = {}) {
  const happened: string[] = [];
  /** `cost`: milliseconds that a collection takes. */
  const at = { now: 0, live, garbage: 0, fragments, heavy, cost: 0 };
  const resident = () => at.live + at.garbage;
  const memory = new ResidentMemory(LIMIT, {
    clock: { now: () => at.now },
    memory: {
      resident,
      collect(thorough) {
        happened.push(thorough ? "thorough" : "collect");
        at.now += at.cost;
        at.garbage = thorough ? 0 : Math.min(at.garbage, at.fragments);
      },
    },
    endLargest(octets) {
      const freed = Math.min(at.heavy, octets);
      if (freed > 0) happened.push(`largest ${freed}`);
      at.heavy -= freed;
      // What ended is garbage first.
      at.live -= freed;
      at.garbage += freed;
      return freed;
    },
    endAny: (octets) => void happened.push(`any ${Math.round(octets)}`),
    onChange: (state) => void happened.push(state),
  });
  return {
    memory,
    at,
    resident,
    /** Looks once after this many milliseconds. Returns what happened. */
    look(milliseconds = 1_000): string[] {
      at.now += milliseconds;
      happened.length = 0;
      memory.look();
      return [...happened];
    },
  };
}

Deno.test("above 70 % of the limit garbage is collected as often as 7 % more is in use, and no more often", () => {
  const { at, look } = world();
  const collectedAt: number[] = [];
  for (; at.live < 300; at.live += 10) assert.deepEqual(look(), []);
  at.live = 310;
  for (let times = 0; times < 10; times++) if (look().length > 0) collectedAt.push(at.live);
  assert.deepEqual(collectedAt, [310], "what is in use is not looked for twice");
  for (; at.live < 338; at.live++) if (look().length > 0) collectedAt.push(at.live);
  assert.deepEqual(collectedAt, [310], "7 % are 30.5");
  at.garbage = 32;
  at.live = 302;
  assert.deepEqual(look(), []);
  at.garbage = 34;
  at.live = 308;
  assert.deepEqual(look(), ["collect"]);
});

Deno.test("however fast it grows, garbage is collected four times a second at most, and less if that takes long", () => {
  const { at, look } = world();
  at.live = 306;
  const collections = (looks: number) => {
    let count = 0;
    for (let times = 0; times < looks; times++) {
      at.garbage = 33;
      if (look(50).includes("collect")) count++;
    }
    return count;
  };
  assert.equal(collections(20), 4);
  at.cost = 100;
  assert.equal(collections(100), 5, "in five seconds");
});

Deno.test("from 78 % on the sessions that take most are ended until enough is free, and no others", () => {
  const { at, look, memory } = world({ live: 345, heavy: 100 });
  assert.deepEqual(look(), ["collect", "tight", "largest 5"]);
  assert.equal(memory.state, "tight");
  at.live = 360;
  assert.deepEqual(look(100), [], "those that were ended have a second to leave");
  assert.deepEqual(look(), ["largest 25"]);
  at.heavy = 0;
  at.garbage = 0;
  at.live = 350;
  assert.deepEqual(look(), [], "it may go on like that");
  at.live = 330;
  assert.deepEqual(look(), ["ample"]);
});

Deno.test("from 84 % on garbage is returned to the system, and what waits goes on once it is no longer full", async () => {
  const { at, look, memory } = world({ live: 200, fragments: 200 });
  at.garbage = 170;
  assert.deepEqual(look(), ["thorough"], "that was enough");
  assert.equal(memory.state, "ample");
  at.live = 370;
  assert.deepEqual(look(), ["collect", "full", "any 30"]);
  assert.equal(memory.state, "full");
  let resumed = false;
  const waiting = memory.wait().then(() => resumed = true);
  at.live = 362;
  assert.deepEqual(look(), ["any 22"]);
  await Promise.resolve();
  assert.equal(resumed, false);
  at.live = 355;
  assert.deepEqual(look(), ["tight"], "where nothing takes much, no session has to end for it");
  await waiting;
  await memory.wait();
});

Deno.test("full memory is collected thoroughly every two seconds, and sessions end every second, largest first", () => {
  const { at, look } = world({ live: 395, heavy: 20 });
  assert.deepEqual(look(), ["thorough", "full", "largest 20", "any 35"]);
  at.garbage = 0;
  at.live = 395;
  assert.deepEqual(look(500), []);
  assert.deepEqual(look(500), ["any 55"]);
  assert.deepEqual(look(1_000), ["thorough", "any 55"]);
});

Deno.test("where collecting thoroughly leaves memory tight, some sessions end, so that it is not full again at once", () => {
  const { at, look } = world({ live: 350 });
  look();
  at.garbage = 18;
  assert.deepEqual(look(), ["thorough", "any 10"]);
  at.live = 338;
  assert.deepEqual(look(), ["ample"]);
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
