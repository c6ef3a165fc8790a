/**
 * Says what comes of memory that is short; undefined while it is ample.
 *
 * ```ts
 * import { memoryShortage } from "./memory_shortage.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(
 *   memoryShortage({ limit: 400 * 2 ** 20, resident: 320 * 2 ** 20, state: "tight" }),
 *   "320 MiB of limits.memory (400 MiB) are in use: sessions that take most are closed",
 * );
 * ```
 */
export function memoryShortage(
  { limit, resident, state }: { readonly limit: number; readonly resident: number; readonly state: string },
): string | undefined {
  if (state === "ample") return undefined;
  const [inUse, allowed] = [resident, limit].map((octets) => Math.round(octets / 2 ** 20));
  const closed = "sessions that take most are closed";
  const what = state === "full" ? `exporters are refused, and ${closed}` : closed;
  return `${inUse} MiB of limits.memory (${allowed} MiB) are in use: ${what}`;
}
