import assert from "node:assert/strict";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { Reachability } from "./reachability.ts";

Deno.test("a collector is reachable, and again only if it was before", async () => {
  const clock = new StandingClock();
  const messages: string[] = [];
  const reachability = new Reachability("127.0.0.1:4739", clock, ({ message }) => void messages.push(message));
  for (const epoch of [1, 2]) {
    reachability.leave();
    reachability.failed("connection refused");
    await clock.advance(1_500);
    reachability.found(epoch);
  }
  assert.deepEqual(messages.filter((message) => message.includes("reachable")), [
    "the collector is reachable after 1.5 s",
    "the collector is reachable again after 1.5 s",
  ]);
});
