import type { Counters } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import { sum } from "../view/totals.ts";
import { count } from "./format.ts";
import type { SessionView } from "../view/view.ts";

/** Grades of problems, from none to the worst. */
export const GRADE = { none: 0, rewritten: 1, informationLost: 2, gapsAndFaults: 3, refused: 4, dropped: 5 } as const;

/** A session's problems. */
export interface Trouble {
  /** One of {@link GRADE}. */
  readonly grade: number;
  /** How many records, messages or templates the worst problem affects. */
  readonly amount: number;
  /** A phrase for each problem, the worst first; empty if there is none. */
  readonly words: readonly string[];
}

/** Kinds of counts that come to nothing while a session is only observed. */
type FaultKind = "recordsDropped" | "messagesRejected" | "referenceFaults" | "informationLost";

/**
 * Returns what skew and faults did to one session. For a session that is only observed, phrases say what would
 * happen to its templates. What happened to records, they say by the mode in which it was counted.
 *
 * @param converted whether it is converted between gRPC and IPFIX, which no mode changes
 */
export function troubleOf(
  { counters, observedCounters, observed, skewed }: SessionView,
  templates: readonly TemplateState[],
  converted = false,
): Trouble {
  const refused = templates.filter(({ outcome }) => outcome === "refused").length;
  const failed = sum(counters.read("pluginErrors"));
  const wouldBe = observed ? "would be " : "";
  const inBoth = (
    grade: number,
    [lost, wouldBe]: readonly [number, number],
    what: string,
    [was, would]: readonly [string, string],
  ) =>
    [
      [grade, lost, `${count(lost, what)} ${was}`],
      [grade, wouldBe, `${count(wouldBe, what)} ${would}`],
    ] as const;
  const split = (kind: FaultKind): readonly [number, number] => {
    const inMode = sum(observedCounters.read(kind));
    return [sum(counters.read(kind)) - inMode, inMode];
  };
  const lost = mostLost(counters, observedCounters);
  const found: (readonly [grade: number, amount: number, words: string])[] = [
    ...inBoth(GRADE.dropped, split("recordsDropped"), "record", ["dropped", "would be dropped"]),
    ...inBoth(GRADE.dropped, split("messagesRejected"), "message", ["rejected", "would be rejected"]),
    [GRADE.refused, refused, `${count(refused, "template")} ${wouldBe}refused`],
    [GRADE.refused, failed, `plugins failed at ${count(failed, "template")}`],
    [
      GRADE.gapsAndFaults,
      counters.sequenceGaps,
      `${count(counters.sequenceGaps, "gap")} in the exporter's sequence numbers`,
    ],
    ...inBoth(GRADE.gapsAndFaults, split("referenceFaults"), "reference", ["not corrected", "would not be corrected"]),
    ...inBoth(GRADE.informationLost, lost, "record", ["lost a value", "would lose a value"]),
    // A session that lost a value is rewritten anyway: one phrase is enough.
    [GRADE.rewritten, skewed && lost[0] + lost[1] === 0 ? 1 : 0, `${wouldBe}rewritten`],
    [GRADE.rewritten, converted ? 1 : 0, "converted between gRPC and IPFIX"],
  ];
  const here = found.filter(([, amount]) => amount > 0);
  return { grade: here[0]?.[0] ?? GRADE.none, amount: here[0]?.[1] ?? 0, words: here.map(([, , words]) => words) };
}

/**
 * Returns a lower bound of the records that lost a value, and of those that would have: the count of the element lost
 * most often.
 */
function mostLost(counters: Counters, observed: Counters): readonly [number, number] {
  const would = observed.read("informationLost");
  const lost = [...counters.read("informationLost")].map(([element, many]) => many - (would.get(element) ?? 0));
  return [Math.max(0, ...lost), Math.max(0, ...would.values())];
}
