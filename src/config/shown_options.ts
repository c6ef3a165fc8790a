/**
 * A plugin's options as JSON can hold them, for people to read: what JSON lacks (integers beyond 2^53, NaN) is text, and
 * octets are hexadecimal. A schema may return anything, so that what cannot be written at all is said to be that.
 *
 * ```ts
 * import { shownOptions } from "./shown_options.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(shownOptions({ most: 18446744073709551615n, least: -Infinity }), {
 *   most: "18446744073709551615",
 *   least: "-Infinity",
 * });
 * const options: Record<string, unknown> = {};
 * options.own = options;
 * assert.equal(shownOptions(options), "options that cannot be shown");
 * ```
 */
export function shownOptions(options: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(options, shown) ?? "null");
  } catch {
    return "options that cannot be shown";
  }
}

function shown(_key: string, value: unknown): unknown {
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) return String(value);
  return value instanceof Uint8Array ? value.toHex() : value;
}
