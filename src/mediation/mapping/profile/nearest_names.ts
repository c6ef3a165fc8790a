import { distance } from "fastest-levenshtein";

/**
 * The longest name that is compared: a name from outside may have any length, and comparing costs the product of both
 * lengths.
 */
const LONGEST = 200;

/**
 * The candidates most similar to a misspelt name, nearest first: by the number of letters to insert, delete or change,
 * ignoring case. The same letters in another order are nearer than any other change. Candidates at the same distance
 * stay in the order given.
 *
 * @param within the largest distance of a candidate; half of the name's letters by default
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
    .map((candidate) => ({ candidate, changes: changes(wanted, candidate.toLowerCase()) }))
    .filter(({ changes }) => changes <= within)
    .sort((one, other) => one.changes - other.changes)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

function changes(wanted: string, candidate: string): number {
  const count = distance(wanted, candidate);
  return count > 0 && inOrder(wanted) === inOrder(candidate) ? 0.5 : count;
}

function inOrder(name: string): string {
  return [...name].sort().join("");
}

/** `, did you mean "address"?` if a candidate is near enough to be a typing mistake, else an empty text. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const [best] = nearestNames(name, candidates, 1, Math.max(1, Math.floor(name.length / 3)));
  return best === undefined ? "" : `, did you mean ${JSON.stringify(best)}?`;
}
