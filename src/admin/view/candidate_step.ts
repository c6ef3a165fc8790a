/** A change from one of `collector.candidates` to another, by their profiles. */
interface CandidateStep {
  readonly from: string;
  readonly to: string;
  readonly why: string;
  readonly how?: string | null | undefined;
}

/**
 * Says which candidate is in effect in place of which, and why.
 *
 * ```ts
 * import { candidateStepText } from "./candidate_step.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(
 *   candidateStepText({ from: "antrea/v2.7", to: "antrea/v1.1", why: "rejected", how: "closed" }),
 *   "antrea/v1.1 in place of antrea/v2.7, on whose templates the collector closed connections",
 * );
 * ```
 */
export function candidateStepText({ from, to, why, how }: CandidateStep): string {
  if (why === "epoch") return `${to} once more in place of ${from}, since the collector has restarted`;
  const what = how === "closed" ? "closed connections" : "ended";
  return `${to} in place of ${from}, on whose templates the collector ${what}`;
}
