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

/**
 * A duration as {@link parseDuration} reads it, in the largest unit of which it is a whole number.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(formatDuration(600_000), "10m");
 * assert.equal(formatDuration(90_000), "90s");
 * assert.equal(formatDuration(0), "0s");
 * ```
 */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const [unit, length] = Object.entries(MILLISECONDS).findLast(([, length]) => milliseconds % length === 0) ??
    ["ms", 1];
  return `${milliseconds / length}${unit}`;
}

/**
 * A size as {@link parseSize} reads it, in the largest unit of which it is a whole number.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(formatSize(16_777_216), "16MiB");
 * assert.equal(formatSize(1000), "1000B");
 * ```
 */
export function formatSize(octets: number): string {
  const power = [3, 2, 1].find((power) => octets > 0 && octets % 1024 ** power === 0) ?? 0;
  return `${octets / 1024 ** power}${["B", "KiB", "MiB", "GiB"][power]}`;
}
