/** Waiting for what comes by itself. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds. What takes longer, on however busy a machine, does not come at all. */
export const PATIENCE = 60_000;

/**
 * Looks again and again until something holds.
 *
 * @param what is awaited, in words that go on after "waited in vain until"; as a function it is asked at the end
 * @throws {AssertionError} with those words, if it does not hold in time
 */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  milliseconds = PATIENCE,
): Promise<void> {
  for (const end = performance.now() + milliseconds; !await holds();) {
    if (performance.now() > end) assert.fail(`waited in vain until ${typeof what === "string" ? what : what()}`);
    await pause(2);
  }
}
