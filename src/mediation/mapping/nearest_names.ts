import { distance } from "fastest-levenshtein";

/** A name from outside may be of any length, and the distance costs the product of both. */
const LONGEST = 200;

/**
 * The names that somebody who wrote this one may have meant, nearest first: by the number of letters to put in, leave
 * out or change, upper and lower case being the same; of equals, the one that was given first.
 *
 * @param within how many such changes a candidate may be away; without it, half of the name's letters
 *
 * ```ts
 * import { nearestNames } from "./nearest_names.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(nearestNames("sourceIpv4Adress", ["sourceIPv4Address", "octetDeltaCount"]), ["sourceIPv4Address"]);
 * ```
 */
export function nearestNames(
  name: string,
  candidates: Iterable<string>,
  count = 3,
  within: number = Math.ceil(name.length / 2),
): string[] {
  if (name.length > LONGEST) return [];
  const wanted = name.toLowerCase();
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, changes: distance(wanted, candidate.toLowerCase()) }))
    .filter(({ changes }) => changes <= within)
    .sort((one, other) => one.changes - other.changes)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** `, did you mean "address"?` where a candidate is near enough to be a slip of the fingers, else nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const [best] = nearestNames(name, candidates, 1, Math.max(1, Math.floor(name.length / 3)));
  return best === undefined ? "" : `, did you mean ${JSON.stringify(best)}?`;
}
