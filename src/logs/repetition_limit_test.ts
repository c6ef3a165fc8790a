import assert from "node:assert/strict";
import { StandingClock } from "../../test/support/time/standing_clock.ts";
import { RepetitionLimit } from "./repetition_limit.ts";

function limitOf() {
  const clock = new StandingClock();
  const said: string[] = [];
  const limit = new RepetitionLimit(clock, (event, more) => void said.push(`${more} more ${event}`));
  /** How many of this many lines are logged. */
  const log = (event: string, lines: number) =>
    Array.from({ length: lines }, () => limit.admit(event)).filter((isLogged) => isLogged).length;
  return { clock, limit, log, said };
}

Deno.test("fifty lines of an event are logged within a second, of each event its own; what is left out is said soon, each time", async () => {
  const { clock, log, said } = limitOf();
  for (let second = 1; second <= 3; second++) {
    assert.deepEqual([log("session_refused", 70), log("session_opened", 50)], [50, 50]);
    assert.deepEqual(said, [], "the second is not over");
    await clock.advance(1_000);
    assert.deepEqual(said.splice(0), ["20 more session_refused"], `in second ${second}, though nothing else is logged`);
  }
  assert.equal(log("session_refused", 60), 50);
  await clock.advance(900, 900);
  assert.equal(log("session_refused", 5), 0);
  await clock.advance(100, 100);
  assert.deepEqual(said, ["15 more session_refused"]);
});

Deno.test("what is left out is said at the end as well, and once", async () => {
  const { clock, limit, log, said } = limitOf();
  log("session_refused", 53);
  limit.finish();
  await clock.advance(2_000);
  assert.deepEqual(said, ["3 more session_refused"]);
});

Deno.test("a source is mentioned once a minute, with how often it was not; of thousands the one mentioned first is forgotten", async () => {
  const { clock, limit } = limitOf();
  assert.equal(limit.admitSource("first"), 0);
  for (let source = 0; source < 4_000; source++) limit.admitSource(`before ${source}`);
  assert.deepEqual([limit.admitSource("first"), limit.admitSource("first")], [undefined, undefined]);
  await clock.advance(60_000);
  assert.equal(limit.admitSource("first"), 2);
  for (let source = 0; source < 4_000; source++) limit.admitSource(`behind ${source}`);
  assert.equal(limit.admitSource("first"), undefined, "it was mentioned after those before");
  for (let source = 0; source < 4_096; source++) limit.admitSource(`last ${source}`);
  assert.equal(limit.admitSource("first"), 0, "it was forgotten for those that came after it");
});
