import assert from "node:assert/strict";
import { MessageMemory } from "../memory/message_memory.ts";
import { MessageRoom } from "./message_room.ts";

const LARGE = 64 * 1024;

function roomOf(memory: MessageMemory): MessageRoom {
  return new MessageRoom(memory, { remoteAddress: { hostname: "10.0.0.1", port: 1 } }, () => {});
}

Deno.test("a session that ends with the room that it had waited for, or while it waits, keeps none", async () => {
  const memory = new MessageMemory(100 * 1024);
  memory.hold(50 * 1024);
  const [served, waiting] = [roomOf(memory), roomOf(memory)];
  const wait = served.wait(LARGE);
  void waiting.wait(LARGE);
  assert.ok(wait !== undefined);
  memory.hold(-50 * 1024);
  await wait;
  assert.equal(memory.used, LARGE, "it is kept for the first");
  waiting.close();
  served.close();
  assert.equal(memory.used, 0);
  assert.equal(roomOf(memory).has(100 * 1024), true);
});

Deno.test("a message's age is that of the message, not of those before it", () => {
  const memory = new MessageMemory(100 * 1024);
  const room = roomOf(memory);
  room.note({ offset: 0, capacity: LARGE });
  room.pass(2_000);
  room.note({ offset: 0, capacity: LARGE });
  assert.equal(room.partialFor, 2_000, "more of it has come");
  room.note({ offset: 500, capacity: LARGE });
  assert.equal(room.partialFor, 0);
  room.pass(500);
  room.note({ offset: 600, capacity: 0 });
  room.pass(5_000);
  assert.equal(room.partialFor, 0, "none waits for its rest");
});
