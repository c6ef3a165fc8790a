import { Counters } from "../../mediation/templates/counters.ts";
import { nextTurn } from "./turn.ts";
import type { AdminView, CountedView } from "./view.ts";

/** Sessions that are visited before the event loop is yielded to. */
export const SLICE = 128;

/** Sums over all sessions, open and ended, which never decrease. */
export interface Totals {
  readonly all: Counters;
  /** The part of them that sessions count which are only observed. */
  readonly observed: Counters;
  /** The other part. */
  readonly rewritten: Counters;
}

function noTotals(): Totals {
  return { all: new Counters(), observed: new Counters(), rewritten: new Counters() };
}

/**
 * Sums what all sessions counted, a slice at a time, so that even thousands never block the data path for long. Of each
 * session it is what had been counted at some moment in between.
 */
export async function totalsOf(view: Pick<AdminView, "counted">, pause = nextTurn): Promise<Totals> {
  const totals = noTotals();
  // A list: a session that ends meanwhile moves into sums that are read already.
  for (const [index, each] of [...view.counted()].entries()) {
    if (index > 0 && index % SLICE === 0) await pause();
    addTo(totals, each);
  }
  return totals;
}

/** The same at once, for a proxy of few sessions. */
export function totalsNow(view: Pick<AdminView, "counted">): Totals {
  const totals = noTotals();
  for (const each of view.counted()) addTo(totals, each);
  return totals;
}

function addTo({ all, observed, rewritten }: Totals, each: CountedView): void {
  all.add(each.counters);
  (each.observed ? observed : rewritten).add(each.counters);
}

/** Sums of what charts and warnings need. */
export interface Sums {
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
  readonly rejected: number;
  readonly pluginErrors: number;
  /** What of it only observed sessions count. */
  readonly observed: { readonly dropped: number; readonly rejected: number };
}

/** Sums over all sessions at once: some hundred nanoseconds each. */
export function sumsOf(view: Pick<AdminView, "counted">): Sums {
  const observed = { dropped: 0, rejected: 0 };
  const sums = { received: 0, sent: 0, dropped: 0, rejected: 0, pluginErrors: 0, observed };
  for (const each of view.counted()) {
    const { counters } = each;
    const dropped = sum(counters.read("recordsDropped"));
    const rejected = sum(counters.read("messagesRejected"));
    sums.received += counters.recordsReceived;
    sums.sent += counters.recordsSent;
    sums.dropped += dropped;
    sums.rejected += rejected;
    sums.pluginErrors += sum(counters.read("pluginErrors"));
    if (!each.observed) continue;
    observed.dropped += dropped;
    observed.rejected += rejected;
  }
  return sums;
}

/** Returns the sum of all counts. */
export function sum(counts: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const amount of counts.values()) total += amount;
  return total;
}
