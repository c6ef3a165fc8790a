import type { Counters } from "../../mediation/templates/counters.ts";
import { type Faults, faultsOf } from "../view/fault_history.ts";
import { sum, type Totals, totalsNow } from "../view/totals.ts";
import type { AdminView } from "../view/view.ts";
import { count, number } from "./format.ts";
import type { Statement } from "./statement.ts";

const VERDICT_STATEMENTS = {
  needed: { level: "notice", sentence: "This proxy is needed" },
  not_needed: { level: "good", sentence: "No skew left: this proxy can be removed" },
  unknown: { level: "notice", sentence: "It is not known whether this proxy is needed" },
} as const;

/** Returns whether the proxy is still needed or can be removed. */
export function verdict({ verdict: { verdict, reason } }: AdminView): Statement {
  const { level, sentence } = VERDICT_STATEMENTS[verdict];
  // A good verdict has a line of its own, with the reason below.
  if (verdict === "not_needed") return { level, sentence, detail: `${reason[0]?.toUpperCase()}${reason.slice(1)}.` };
  return { level, sentence: `${sentence}: ${reason}` };
}

/**
 * Returns whether anything was lost in the proxy, and if so, what; and what observed sessions would have lost.
 *
 * @param recent what went wrong recently; only that makes it a warning
 */
export function losses(
  view: AdminView,
  { all, observed }: Totals = totalsNow(view),
  recent: Faults = faultsOf(view),
): Statement {
  const possibly = view.collector.recordsPossiblyLost;
  const lost = [
    ...describeLosses(lossesOf(all, observed), (amount) => amount === 1 ? "was" : "were"),
    ...(possibly === 0 ? [] : [
      `at most ${count(possibly, "record")} ${possibly === 1 ? "was" : "were"} lost with broken collector connections`,
    ]),
    ...describeLosses(lossesOf(observed), () => "would be"),
  ];
  if (lost.length > 0) {
    const { recordsDropped, messagesRejected, recordsPossiblyLost, wouldBe } = recent;
    const fresh = recordsDropped + messagesRejected + recordsPossiblyLost + wouldBe.recordsDropped +
      wouldBe.messagesRejected;
    return { level: fresh > 0 ? "warning" : "notice", sentence: lost.join("; ") };
  }
  const { recordsReceived: received, recordsSent: sent } = all;
  if (received === 0) return { level: "notice", sentence: "No record has been received yet" };
  const isObserved = received === observed.recordsReceived;
  const was = isObserved ? "would be" : received === 1 ? "was" : "were";
  // The others are on their way, or held while the collector is away.
  const passed = sent < received
    ? `${number(sent)} of ${count(received, "record")} ${was} sent on so far`
    : `${received === 1 ? "The only record" : `All ${count(received, "record")}`} ${was} sent on`;
  return {
    level: "good",
    sentence: isObserved ? "Nothing would be lost" : "Nothing was lost",
    detail: `${passed}, and no value ${isObserved ? "would be" : "was"} lost.`,
  };
}

interface Lost {
  /** Those of stripped fields, and those that were too large for the collector's type. */
  readonly values: number;
  readonly dropped: number;
  readonly rejected: number;
}

/** @param less what is left out */
function lossesOf(counters: Counters, less?: Counters): Lost {
  const of = (kind: "informationLost" | "recordsDropped" | "messagesRejected") =>
    sum(counters.read(kind)) - (less === undefined ? 0 : sum(less.read(kind)));
  return { values: of("informationLost"), dropped: of("recordsDropped"), rejected: of("messagesRejected") };
}

function describeLosses({ values, dropped, rejected }: Lost, verb: (amount: number) => string): string[] {
  const parts = [
    [
      values,
      `${count(values, "value")} ${verb(values)} lost because the collector has no field that can hold ${
        values === 1 ? "it" : "them"
      }`,
    ],
    [dropped, `${count(dropped, "record")} ${verb(dropped)} dropped`],
    [rejected, `${count(rejected, "message")} ${verb(rejected)} rejected`],
  ] as const;
  return parts.filter(([amount]) => amount > 0).map(([, words]) => words);
}
