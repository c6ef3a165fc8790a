import assert from "node:assert/strict";
import { missingTools } from "./kubernetes_tools.ts";

const missing = missingTools();

/** A test with a real API server. In CI it is never skipped; elsewhere its name says what it lacks. */
export function kubernetesTest(name: string, fn: () => Promise<void>): void {
  const ignore = Deno.env.get("CI") !== "true" && missing.length > 0;
  Deno.test({ name: ignore ? `${name} (skipped: there is no ${missing.join(" and no ")})` : name, ignore, fn });
}

/** Resolves once it is so. @throws after half a minute, with what was waited for */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  milliseconds = 30_000,
): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!await isSo()) {
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
