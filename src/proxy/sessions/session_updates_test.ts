import assert from "node:assert/strict";
import type { CurrentCollector } from "../current_collector.ts";
import type { ProxyEvent } from "../reporting/proxy_event.ts";
import type { OpenSession } from "./open_sessions.ts";
import { SessionUpdates } from "./session_updates.ts";

const [one, other] = [{}, {}] as unknown as [CurrentCollector, CurrentCollector];

/** Updates of sessions, of which this one fails; `turns` runs out after each. */
function updatesOf(
  sessions: readonly { readonly id: string; readonly collector: CurrentCollector; readonly undecided?: boolean }[],
  failing?: string,
) {
  const did: string[] = [];
  const events: ProxyEvent[] = [];
  const entries = sessions.map(({ id, collector, undecided = false }) => {
    const stop = (outcome: string) => did.push(`${id} stopped: ${outcome}`);
    return { collector, session: { id, peer: `exporter ${id}`, undecided, stop } } as unknown as OpenSession;
  });
  const updates = new SessionUpdates({
    clock: { now: () => 42 },
    turns: { over: true, next: (rest) => Promise.resolve(void did.push(rest === false ? "turn" : "rest")) },
    factory: {
      update({ session: { id } }, changed) {
        if (id === failing) throw new Error("no treatment");
        did.push(changed === undefined ? id : `${id} of ${changed.size} changed`);
        return undefined;
      },
      beginEpoch({ session: { id } }, began) {
        if (id === failing) return Promise.reject(new Error("no room for its templates"));
        return Promise.resolve(void did.push(`${id} at ${began}`));
      },
    },
    sessions: { entries },
    report: (event) => events.push(event),
  });
  return { updates, did, events };
}

Deno.test("every session takes up changed options, each in a turn of its own; one that cannot ends and the others go on", async () => {
  const sessions = ["1", "2", "3"].map((id) => ({ id, collector: id === "3" ? other : one, undecided: id === "1" }));
  const { updates, did, events } = updatesOf(sessions, "2");
  await updates.all(new Set([one]));
  assert.deepEqual(did, ["turn", "1 of 1 changed", "turn", "2 stopped: failed", "turn", "3 of 1 changed"]);
  assert.deepEqual(events.map(({ level, event, fields }) => ({ level, event, ...fields })), [{
    level: "error",
    event: "session_failed",
    session: "2",
    peer: "exporter 2",
    reason: "Error: no treatment",
  }]);
});

Deno.test("what changes of one collector concerns its own sessions, as far as they are decided", async () => {
  const sessions = [
    { id: "1", collector: one },
    { id: "2", collector: other },
    { id: "3", collector: one, undecided: true },
    { id: "4", collector: one },
  ];
  const changed = updatesOf(sessions);
  await changed.updates.of(one);
  assert.deepEqual(changed.did.filter((word) => word !== "turn"), ["1", "4"]);
  const begun = updatesOf(sessions);
  await begun.updates.beginEpoch(one);
  assert.deepEqual(begun.did.filter((word) => word !== "turn"), ["1 at 42", "4 at 42"]);
});

Deno.test("a session that cannot follow the next process of its collector ends, and the others do follow it", async () => {
  const { updates, did, events } = updatesOf(["1", "2", "3"].map((id) => ({ id, collector: one })), "2");
  await updates.beginEpoch(one);
  assert.deepEqual(did.filter((word) => word !== "turn"), ["1 at 42", "2 stopped: failed", "3 at 42"]);
  assert.deepEqual(events.map(({ event, fields }) => [event, fields["session"]]), [["session_failed", "2"]]);
});

Deno.test("a session that takes long to change keeps the next one waiting, and the end", async () => {
  const did: string[] = [];
  const first = Promise.withResolvers<void>();
  const entries = ["1", "2"].map((id) => ({ collector: one, session: { id } }) as unknown as OpenSession);
  const updates = new SessionUpdates({
    clock: { now: () => 0 },
    turns: { over: false, next: () => Promise.resolve() },
    factory: {
      update({ session: { id } }) {
        did.push(id);
        return id === "1" ? first.promise : undefined;
      },
      beginEpoch: () => undefined,
    },
    sessions: { entries },
    report: () => {},
  });
  const all = updates.all(new Set()).then(() => did.push("all"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(did, ["1"]);
  first.resolve();
  await all;
  assert.deepEqual(did, ["1", "2", "all"]);
});
