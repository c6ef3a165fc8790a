const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Timers count milliseconds in 31 bits: a longer one would fire immediately. */
const LONGEST = 576 * 3_600_000;

/** What is allowed as a duration, for mistakes. */
export const DURATION = "a duration such as 250ms, 30s, 5m or 1h, at most 576h";

/**
 * Parses a duration into milliseconds; undefined where it is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(parseDuration("250ms"), 250);
 * assert.equal(parseDuration("1h"), 3_600_000);
 * assert.equal(parseDuration("60"), undefined);
 * ```
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,12})(ms|s|m|h)$/.exec(text);
  const milliseconds = Number(match?.[1]) * (MILLISECONDS[match?.[2] ?? ""] ?? NaN);
  return milliseconds <= LONGEST ? milliseconds : undefined;
}

/**
 * Parses a size (`64KiB`, `16MiB`, `512B`) into octets; undefined where it is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(parseSize("64KiB"), 65536);
 * assert.equal(parseSize("64KB"), undefined);
 * ```
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(text);
  if (match === null) return undefined;
  const octets = Number(match[1]) * 1024 ** ["B", "KiB", "MiB", "GiB"].indexOf(match[2] ?? "B");
  return Number.isSafeInteger(octets) ? octets : undefined;
}
