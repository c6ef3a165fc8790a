/**
 * The names that somebody who wrote this one may have meant, nearest first: by the number of letters to put in, leave out or
 * change, upper and lower case being the same; those that differ in more than half their letters are left out.
 *
 * ```ts
 * import { nearestNames } from "./nearest_names.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(nearestNames("sourceIpv4Adress", ["sourceIPv4Address", "octetDeltaCount"]), ["sourceIPv4Address"]);
 * ```
 */
export function nearestNames(name: string, candidates: Iterable<string>, count = 3): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.ceil(wanted.length / 2);
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distanceBetween(wanted, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((one, other) => one.distance - other.distance || (one.candidate < other.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** Levenshtein's distance, one row at a time. */
function distanceBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let line = 1; line <= one.length; line++) {
    const next = [line];
    for (let column = 1; column <= other.length; column++) {
      const change = (row[column - 1] ?? 0) + (one[line - 1] === other[column - 1] ? 0 : 1);
      next.push(Math.min(change, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
