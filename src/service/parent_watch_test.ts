import assert from "node:assert/strict";
import { StandingClock } from "../../test/support/time/standing_clock.ts";
import type { ProxyEvent } from "../proxy/reporting/proxy_event.ts";
import { watchParent } from "./parent_watch.ts";

Deno.test("the end of the parent is reported once, and nothing before", async () => {
  const clock = new StandingClock();
  const events: ProxyEvent[] = [];
  let parent = 4711;
  const stop = watchParent(() => parent, clock, (event) => events.push(event));
  await clock.advance(60_000, 5_000);
  assert.equal(events.length, 0);
  parent = 1;
  await clock.advance(60_000, 5_000);
  assert.deepEqual(events.map(({ event, level }) => [event, level]), [["parent_gone", "warning"]]);
  assert.match(
    events[0]?.message ?? "",
    /^process 4711, which started the proxy, has ended, but the proxy .*; to stop it, send SIGTERM to process \d+$/,
  );
  stop();
});

Deno.test("once stopped, it checks no more", async () => {
  const clock = new StandingClock();
  const events: ProxyEvent[] = [];
  let parent = 4711;
  watchParent(() => parent, clock, (event) => events.push(event))();
  parent = 1;
  await clock.advance(60_000, 5_000);
  assert.deepEqual(events, []);
});
