import type { Counters } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import { sum } from "../view/totals.ts";
import type { SessionView } from "../view/view.ts";

/** Grades of problems, from none to the worst. */
export const GRADES = ["none", "rewritten", "information lost", "gaps and faults", "refused", "dropped"] as const;

/** A session's problems. */
export interface Trouble {
  /** Index into {@link GRADES}. */
  readonly grade: number;
  /** How many records, messages or templates the worst problem affects. */
  readonly amount: number;
  /** A phrase for each problem, the worst first; empty if there is none. */
  readonly words: readonly string[];
}

/**
 * Returns what skew and faults did to one session.
 *
 * @param observed the session is only observed: phrases say what would happen
 */
export function troubleOf(
  { counters, skewed }: Pick<SessionView, "counters" | "skewed">,
  templates: readonly TemplateState[],
  observed = false,
): Trouble {
  const dropped = sum(counters.read("recordsDropped"));
  const rejected = sum(counters.read("messagesRejected"));
  const refused = templates.filter(({ outcome }) => outcome === "refused").length;
  const failed = sum(counters.read("pluginErrors"));
  const lost = mostLost(counters);
  const wouldBe = observed ? "would be " : "";
  const faults = sum(counters.read("referenceFaults"));
  const found: (readonly [grade: number, amount: number, words: string])[] = [
    [5, dropped, `${count(dropped, "record")} ${wouldBe}dropped`],
    [5, rejected, `${count(rejected, "message")} ${wouldBe}rejected`],
    [4, refused, `${count(refused, "template")} ${wouldBe}refused`],
    [4, failed, `plugins failed at ${count(failed, "template")}`],
    [3, counters.sequenceGaps, `${count(counters.sequenceGaps, "gap")} in the exporter's sequence numbers`],
    [3, faults, `${count(faults, "reference")} ${observed ? "would not be" : "not"} corrected`],
    [2, lost, `${count(lost, "record")} ${observed ? "would lose" : "lost"} a value`],
    // A session that lost a value is rewritten anyway: one phrase is enough.
    [1, skewed && lost === 0 ? 1 : 0, `${wouldBe}rewritten`],
  ];
  const here = found.filter(([, amount]) => amount > 0);
  return { grade: here[0]?.[0] ?? 0, amount: here[0]?.[1] ?? 0, words: here.map(([, , words]) => words) };
}

/** Returns a lower bound of the records that lost a value: the count of the element lost most often. */
function mostLost(counters: Counters): number {
  return Math.max(0, ...counters.read("informationLost").values());
}

/** `1 record`, `2,000 records`. */
export function count(amount: number, what: string): string {
  return `${number(amount)} ${what}${amount === 1 ? "" : "s"}`;
}

/** Made when the first page is rendered, because its tables take 5 MB. */
let format: Intl.NumberFormat | undefined;

/** `12,345` */
export function number(value: number): string {
  return (format ??= new Intl.NumberFormat("en")).format(value);
}
