import assert from "node:assert/strict";
import { Counters } from "../templates/counters.ts";
import { SessionEvents } from "./session_events.ts";

Deno.test("a message that causes thousands of warnings has few of them wait, and none once enough were reported", () => {
  let reported = 0;
  const events = new SessionEvents(new Counters(), () => reported++);
  const warnOf = (count: number) => {
    for (let template = 0; template < count; template++) {
      events.notify({ event: "warning", observationDomain: 1, template, message: "the withdrawal is ignored" });
    }
  };
  warnOf(16_000);
  assert.equal(events.length, 1024);
  events.commit();
  events.report();
  assert.equal(reported, 256);
  warnOf(16_000);
  assert.equal(events.length, 0);
});

Deno.test("a message that drops thousands of sets has few of them wait, and all of them counted once it stands", () => {
  const counters = new Counters();
  const events = new SessionEvents(counters, undefined);
  const drop = (count: number) => {
    for (let id = 0; id < count; id++) events.drop("reserved_set", 1, 4 + id % 250, `set id ${id} is reserved`, 1);
  };
  drop(16_000);
  assert.equal(events.length, 1024);
  events.rollBack();
  events.commit();
  assert.equal(counters.recordsDropped.get("reserved_set"), undefined);
  drop(16_000);
  events.commit();
  events.commit();
  assert.equal(counters.recordsDropped.get("reserved_set"), 16_000);
});
