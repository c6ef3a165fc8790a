import assert from "node:assert/strict";
import { RecentEvents } from "./recent_events.ts";

const time = new Date(0);
const names = (events: readonly { readonly event: string }[]) => events.map(({ event }) => event);

Deno.test("the newest come first, the oldest are forgotten, of the proxy and of each session", () => {
  const recent = new RecentEvents({ overall: 3, perSession: 2 });
  for (const event of ["a", "b", "c"]) recent.add({ event, time, session: "1" });
  recent.add({ event: "d", time, session: "2" });
  recent.add({ event: "collector_lost", time });
  assert.deepEqual(names(recent.overall()), ["collector_lost", "d", "c"]);
  assert.deepEqual(names(recent.session("1")), ["c", "b"]);
  assert.deepEqual(names(recent.session("2")), ["d"]);
  assert.deepEqual(recent.overall().map((event) => event.sequence), [5, 4, 3], "by which a page tells them apart");
});

Deno.test("a session that has ended keeps its events, the end among them, until others need the room", () => {
  const recent = new RecentEvents({ sessions: 4, ended: 2 });
  recent.add({ event: "template_mapped", time, session: "1", stripped: ["56506/999"] });
  assert.deepEqual(Object.keys(recent.session("1")[0] ?? {}), [
    "sequence",
    "time",
    "event",
    "session",
    "level",
    "message",
  ]);
  recent.add({ event: "session_closed", time, session: "1" });
  assert.deepEqual(names(recent.session("1")), ["session_closed", "template_mapped"]);
  recent.add({ event: "held_octets_discarded", time, session: "1" });
  assert.deepEqual(names(recent.overall()), ["held_octets_discarded", "session_closed", "template_mapped"]);
  // The open ones are older, and stay.
  for (const session of ["2", "3"]) recent.add({ event: "session_opened", time, session });
  for (const session of ["4", "5"]) {
    for (const event of ["session_opened", "session_closed"]) recent.add({ event, time, session });
  }
  const kept = ["1", "2", "3", "4", "5"].map((session) => recent.session(session).length);
  assert.deepEqual(kept, [0, 1, 1, 2, 2]);
  recent.add({ event: "session_opened", time, session: "6" });
  assert.deepEqual([recent.session("4").length, recent.session("2").length], [0, 1]);
});

Deno.test("late events of closed sessions do not accumulate", () => {
  const recent = new RecentEvents({ sessions: 3 });
  for (let session = 0; session < 1000; session++) {
    for (const event of ["session_opened", "session_closed", "collector_lost"]) {
      recent.add({ event, time, session: String(session) });
    }
  }
  const kept = Array.from({ length: 1000 }, (_, session) => recent.session(String(session)).length);
  assert.equal(kept.filter((each) => each > 0).length, 3);
  assert.deepEqual(names(recent.session("999")), ["collector_lost", "session_closed", "session_opened"]);
});

Deno.test("events of many sessions, however long their texts, stay within a limit in octets: the oldest sessions' go", () => {
  const recent = new RecentEvents({ octets: 100_000 });
  const message = "x".repeat(100_000);
  for (let session = 0; session < 1_000; session++) {
    for (let event = 0; event < 20; event++) recent.add({ event: "warning", time, session: String(session), message });
  }
  const kept = Array.from({ length: 1_000 }, (_, session) => recent.session(String(session))).flat();
  assert.ok(kept.length >= 20 && kept.length <= 100, `${kept.length} events are kept`);
  assert.equal(kept[0]?.message.length, 512);
  assert.equal(recent.session("999").length, 20);
  for (let session = 0; session < 1_000; session++) {
    recent.add({ event: "session_closed", time, session: String(session) });
  }
  for (let event = 0; event < 20; event++) recent.add({ event: "warning", time, session: "1", message });
  assert.equal(recent.session("1").length, 20, "what is forgotten makes room");
});
