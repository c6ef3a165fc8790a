/** What the tests of this folder share. */
import assert from "node:assert/strict";
import type { LineProcess } from "../support/processes/line_process.ts";
import { PATIENCE } from "../support/time/until.ts";

/** Waits for as long as it takes; fails with what the process said when it takes more than a minute. */
export async function awaitLine(
  process: LineProcess,
  what: string | (() => string),
  condition: () => boolean,
): Promise<void> {
  const held = await process.until(condition, PATIENCE);
  const last = [...process.stdout.slice(-3), ...process.stderr.slice(-8)].map((line) => line.slice(0, 600));
  assert.ok(held, `waited in vain until ${typeof what === "string" ? what : what()}; it said:\n${last.join("\n")}`);
}

/** Lets a little time pass between two looks at something that only time changes. */
export function moment(milliseconds = 20): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Says a figure that people want to see, on standard error. */
export function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
