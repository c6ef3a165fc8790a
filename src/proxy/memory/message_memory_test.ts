import assert from "node:assert/strict";
import { type MessageHolder, MessageMemory } from "./message_memory.ts";

/** A session that has a message in a buffer of this many octets. */
function holder(memory: MessageMemory, owner: string, octets: number, partialFor: number) {
  const session = {
    owner,
    partialFor,
    yielded: false,
    yield() {
      session.yielded = true;
    },
    /** Ends what {@link yield} began: its buffer is free. */
    free: () => memory.hold(-octets),
  };
  memory.hold(octets);
  memory.beginPartial(session, octets);
  return session;
}

/** A session that wants to begin a message. */
function newcomer(memory: MessageMemory, owner: string, octets: number) {
  const session: MessageHolder = { owner, partialFor: 0, yield() {} };
  const state = { session, served: false };
  assert.equal(memory.hasRoom(octets, session), false);
  void memory.room(session, octets).then(() => state.served = true);
  return state;
}

const settled = () => new Promise<void>((resolve) => queueMicrotask(resolve));

Deno.test("of slow messages, the oldest of the largest owner makes room; quick ones never do", async () => {
  const memory = new MessageMemory(100);
  const one = holder(memory, "one", 20, 9_000);
  const [first, second, third] = [2_000, 1_500, 500].map((time) => holder(memory, "hostile", 25, time));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const good = newcomer(memory, "good", 20);
  assert.deepEqual([one.yielded, first.yielded, second.yielded, third.yielded], [false, true, false, false]);
  await settled();
  assert.equal(good.served, false, "its buffer is not free yet");
  first.free();
  await settled();
  assert.equal(good.served, true);
  assert.equal(memory.used, 90, "the room is kept for it");
  memory.hold(20);
  memory.settle(good.session);
  assert.equal(memory.used, 90);
});

Deno.test("a session's next message is younger than those that began before it", () => {
  const memory = new MessageMemory(100);
  const [first, second] = [50, 50].map((octets) => holder(memory, "hostile", octets, 2_000));
  assert.ok(first !== undefined && second !== undefined);
  memory.beginPartial(first, 50, true);
  newcomer(memory, "good", 50);
  assert.deepEqual([first.yielded, second.yielded], [false, true]);
});

Deno.test("where no message is slow, newcomers wait; room goes to the owner with least first, and none who gave up gets any", async () => {
  const memory = new MessageMemory(100);
  const quick = [1, 2, 3, 4].map(() => holder(memory, "busy", 25, 0));
  const busy = newcomer(memory, "busy", 25);
  const gone = newcomer(memory, "gone", 25);
  const good = newcomer(memory, "good", 25);
  memory.giveUp(gone.session);
  memory.look();
  assert.ok(quick.every(({ yielded }) => !yielded));
  quick[0]?.free();
  await settled();
  assert.deepEqual([busy.served, good.served], [false, true]);
  memory.settle(good.session);
  await settled();
  assert.equal(busy.served, true, "what is not used goes on");
});

Deno.test("what somebody had waited for who gave up ends no session", () => {
  const memory = new MessageMemory(100);
  const sessions = [1, 2, 3, 4].map(() => holder(memory, "busy", 25, 0));
  memory.giveUp(newcomer(memory, "gone", 90).session);
  newcomer(memory, "good", 10);
  for (const session of sessions) session.partialFor = 2_000;
  memory.look();
  assert.deepEqual(sessions.map(({ yielded }) => yielded), [true, false, false, false]);
});

Deno.test("a message that is longer than the limit finds room when there is nothing else", () => {
  const memory = new MessageMemory(100);
  const session = { owner: "one", partialFor: 0, yield() {} };
  assert.equal(memory.hasRoom(200, session), true);
  memory.hold(1);
  assert.equal(memory.hasRoom(200, session), false);
});

Deno.test("with thousands who have a message, or wait, each step looks at one of them, and few sessions end at once", async () => {
  const memory = new MessageMemory(1_000);
  let looks = 0;
  let ended = 0;
  const slow = Array.from({ length: 1_000 }, () => {
    const session: MessageHolder = {
      owner: "hostile",
      get partialFor() {
        looks++;
        return 9_000;
      },
      yield() {
        ended++;
      },
    };
    memory.hold(1);
    memory.beginPartial(session, 1);
    return session;
  });
  let served = 0;
  const waiting = Array.from({ length: 4_000 }, () => {
    const session: MessageHolder = { owner: "hostile", partialFor: 0, yield() {} };
    return memory.room(session, 1).then(() => (served++, memory.settle(session)));
  });
  assert.ok(ended <= 1_000 && looks <= 2_000, `${looks} looks at partial messages for ${ended} sessions`);
  for (let freed = 0; freed < slow.length; freed++) memory.hold(-1);
  await Promise.all(waiting);
  assert.equal(served, 4_000);
  assert.equal(memory.used, 0);
});

Deno.test("each newcomer that waits ends one slow session, each look some more, the oldest first", () => {
  const memory = new MessageMemory(100);
  const slow = Array.from({ length: 100 }, (_, index) => holder(memory, "hostile", 1, 9_000 - index));
  const ended = () => slow.filter(({ yielded }) => yielded).length;
  for (const waiting of [1, 2, 3]) {
    void memory.room({ owner: "good", partialFor: 0, yield() {} }, 90);
    assert.equal(ended(), waiting);
  }
  memory.look();
  const first = ended() - 3;
  assert.ok(first > 1 && first < 50, `${first} at once`);
  memory.look();
  assert.equal(ended(), 3 + 2 * first);
  assert.ok(slow.slice(0, ended()).every(({ yielded }) => yielded), "the oldest");
});

Deno.test("when the process is short of memory, slow messages end, the oldest of the largest owner first, and none is begun", async () => {
  const memory = new MessageMemory(100);
  const [first, second] = [9_000, 8_000].map((time) => holder(memory, "hostile", 25, time));
  const good = holder(memory, "good", 10, 500);
  memory.closed = true;
  assert.equal(memory.generous, false);
  const waiting = newcomer(memory, "new", 5);
  assert.deepEqual([memory.relieve(), memory.relieve(), memory.relieve()], [25, 25, 0]);
  assert.deepEqual([first?.yielded, second?.yielded, good.yielded], [true, true, false]);
  first?.free();
  await settled();
  assert.equal(waiting.served, false);
  memory.closed = false;
  memory.look();
  await settled();
  assert.equal(waiting.served, true);
});

Deno.test("datagrams count with messages: what they take others do not get, and the other way round", () => {
  const memory = new MessageMemory(100);
  const datagrams = memory.datagrams();
  assert.equal(datagrams.limit, 100);
  memory.hold(30);
  assert.equal(datagrams.limit, 70);
  datagrams.octets += 60;
  assert.equal(memory.used, 90);
  assert.equal(datagrams.limit, 70, "ten are free");
  assert.equal(memory.hasRoom(11, { owner: "", partialFor: 0, yield() {} }), false);
  memory.closed = true;
  assert.equal(datagrams.limit, 60, "no more at all");
  datagrams.octets -= 60;
  assert.equal(memory.used, 30);
});
