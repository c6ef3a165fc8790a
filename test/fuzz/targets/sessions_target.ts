import assert from "node:assert/strict";
import { usedOctets } from "../../../src/mediation/program/loop/memory.ts";
import { drawSessionCase, octetsOfSessions, type SessionCase, simplerSessions } from "../sessions/session_case.ts";
import { SessionWorld } from "../sessions/session_world.ts";
import type { Target } from "./target.ts";

/** Sessions with reloads, collector faults, exporters that start again, and clock jumps interleaved. */
export const sessionsTarget: Target<SessionCase> = {
  name: "sessions",
  share: 1,
  draw: drawSessionCase,
  octetsOf: octetsOfSessions,
  async run(one, meter) {
    const before = usedOctets();
    const world = new SessionWorld(one, meter);
    for (const step of one.steps) await world.step(step);
    await world.end();
    assert.equal(usedOctets(), before, "closed sessions leave nothing in the loop's memory");
  },
  simpler: simplerSessions,
};
