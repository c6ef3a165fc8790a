import assert from "node:assert/strict";
import { Counters } from "../../mediation/templates/counters.ts";
import { ProxyCounters } from "../reporting/proxy_counters.ts";
import type { EndedSessions } from "./ended_sessions.ts";
import { type OpenSession, OpenSessions } from "./open_sessions.ts";

/** Sessions of one address that never end by themselves, the oldest the quietest, and what they were asked to do. */
function sessionsOf(count: number, unheard = false) {
  const asked: string[] = [];
  const sessions = new OpenSessions(() => {}, new ProxyCounters(), { add() {} } as unknown as EndedSessions);
  const all = Array.from({ length: count }, (_, index) => {
    const id = String(index + 1);
    const session = {
      id,
      transport: "tcp",
      peer: id,
      remoteAddress: { hostname: "10.0.0.1", port: 4739 + index },
      heard: !unheard,
      unheard,
      quiet: count - index,
      closing: false,
      counters: new Counters(),
      counted: () => [],
      run: () => new Promise(() => {}),
      evict: (limit: string) => void asked.push(`${id} evicted for ${limit}`),
      stop: (outcome: string) => void asked.push(`${id} stopped: ${outcome}`),
    };
    sessions.start({ session } as unknown as OpenSession);
    return session;
  });
  return { sessions, all, asked };
}

Deno.test("each newcomer has the place of another session, though none of these has come to its end yet", () => {
  const { sessions, asked } = sessionsOf(3, true);
  for (const left of [2, 1, 0]) {
    assert.equal(sessions.makeRoom({ hostname: "10.0.0.2", port: 1 }), true);
    assert.equal(sessions.streams, left);
  }
  assert.deepEqual(asked, ["1", "2", "3"].map((id) => `${id} evicted for sessions`));
  assert.equal(sessions.makeRoom({ hostname: "10.0.0.2", port: 1 }), false);
  for (const id of ["1", "2", "3"]) sessions.end(id, "evicted", []);
  assert.deepEqual([sessions.open, sessions.streams], [0, 0], "no place is given back twice");
});

Deno.test("of closing sessions those that have waited longest for their collector stop waiting, one for each that is too many", () => {
  const { sessions, asked } = sessionsOf(5);
  for (const id of ["1", "2", "3", "4", "5"]) sessions.beginClosing(id, 2);
  assert.deepEqual(asked, ["1", "2", "3"].map((id) => `${id} stopped: closed`));
  assert.deepEqual([sessions.open, sessions.closing, sessions.streams], [0, 5, 0]);
  for (const id of ["4", "1"]) sessions.end(id, "closed", []);
  assert.equal(sessions.closing, 3);
});

Deno.test("where memory is short a quarter of an address' sessions end, the quietest first, but none that is closing", () => {
  const { sessions, all, asked } = sessionsOf(12);
  for (const session of all.slice(0, 4)) {
    session.closing = true;
    sessions.beginClosing(session.id, 100);
  }
  sessions.relieve(100);
  assert.deepEqual(asked, ["5 evicted for memory", "6 evicted for memory"]);
  assert.equal(sessions.streams, 6);
  sessions.relieve(0);
  assert.equal(asked.length, 2);
});
