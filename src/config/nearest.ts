import { distance } from "fastest-levenshtein";

/**
 * The candidates that look most like a name, nearest first; of equals, the one that was given first.
 *
 * @param within how many single-letter changes a candidate may be away
 */
export function nearest(name: string, candidates: Iterable<string>, count = 3, within = Infinity): string[] {
  // A name from outside may be of any length, and the distance costs the product of both.
  if (name.length > 200) return [];
  const lower = name.toLowerCase();
  return [...candidates]
    .map((candidate) => ({ candidate, changes: distance(lower, candidate.toLowerCase()) }))
    .filter(({ changes }) => changes <= within)
    .sort((one, other) => one.changes - other.changes)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** `, did you mean "address"?` where a candidate is near enough to be a slip of the fingers, else nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const [best] = nearest(name, candidates, 1, Math.max(1, Math.floor(name.length / 3)));
  return best === undefined ? "" : `, did you mean ${JSON.stringify(best)}?`;
}
