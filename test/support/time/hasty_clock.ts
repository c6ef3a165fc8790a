import { type Clock, SYSTEM_CLOCK } from "../../../src/proxy/time/clock.ts";

/** The system's clock, but for waits: each takes only this part of its time. */
export function hastyClock(part: number): Clock {
  return { ...SYSTEM_CLOCK, after: (milliseconds, callback) => SYSTEM_CLOCK.after(milliseconds * part, callback) };
}
