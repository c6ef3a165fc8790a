import type { Counters } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import type { SessionView } from "../view/view.ts";

/** From nothing at all to what somebody has to look at first. */
export const GRADES = ["none", "rewritten", "information lost", "gaps and faults", "refused", "dropped"] as const;

/** How bad it is, and what it is. */
export interface Trouble {
  /** Index into {@link GRADES}. */
  readonly grade: number;
  /** Records, messages or templates that it is about. */
  readonly amount: number;
  /** One sentence part for each thing, the worst first; empty: nothing. */
  readonly words: readonly string[];
}

/**
 * What is not as it would be without skew and faults, in one session.
 *
 * @param observed nothing is changed: what would be is said
 */
export function troubleOf(
  { counters, skewed }: Pick<SessionView, "counters" | "skewed">,
  templates: readonly TemplateState[],
  observed = false,
): Trouble {
  const dropped = sum(counters.recordsDropped);
  const rejected = sum(counters.messagesRejected);
  const refused = templates.filter(({ outcome }) => outcome === "refused").length;
  const failed = sum(counters.pluginErrors);
  const lost = mostLost(counters);
  const faults = sum(counters.referenceFaults);
  const found: (readonly [grade: number, amount: number, words: string])[] = [
    [5, dropped, `${count(dropped, "record")} ${observed ? "would be " : ""}dropped`],
    [5, rejected, `${count(rejected, "message")} rejected`],
    [4, refused, `${count(refused, "template")} refused`],
    [4, failed, `plugins failed at ${count(failed, "template")}`],
    [3, counters.sequenceGaps, `${count(counters.sequenceGaps, "record")} missing from the exporter`],
    [3, faults, `${count(faults, "reference")} not put right`],
    [2, lost, `${count(lost, "record")} ${observed ? "would lose" : "lost"} a value`],
    // Who lost a value is rewritten: once is enough.
    [1, skewed && lost === 0 ? 1 : 0, observed ? "would be rewritten" : "rewritten"],
  ];
  const here = found.filter(([, amount]) => amount > 0);
  return { grade: here[0]?.[0] ?? 0, amount: here[0]?.[1] ?? 0, words: here.map(([, , words]) => words) };
}

/** Records that lost the value of the element which most records lost: as many lost something at least. */
function mostLost({ informationLost }: Counters): number {
  return Math.max(0, ...informationLost.values());
}

/** Sum of all counts. */
export function sum(counts: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const amount of counts.values()) total += amount;
  return total;
}

/** `1 record`, `2,000 records`. */
export function count(amount: number, what: string): string {
  return `${number(amount)} ${what}${amount === 1 ? "" : "s"}`;
}

/** Made for the first page that is looked at: with the tables behind it, it takes 5 MB. */
let format: Intl.NumberFormat | undefined;

/** `12,345` */
export function number(value: number): string {
  return (format ??= new Intl.NumberFormat("en")).format(value);
}
