import type { Counters } from "../../mediation/templates/counters.ts";
import type { AdminView } from "./view.ts";

/** What went wrong over some time. */
export interface Faults {
  readonly recordsDropped: number;
  readonly messagesRejected: number;
  readonly pluginErrors: number;
  /** Upper bound of the records lost with broken collector connections. */
  readonly recordsPossiblyLost: number;
}

/** Milliseconds for which a fault counts as recent. */
export const RECENT = 600_000;

/**
 * Tells recent faults from those that ever happened: a port scan an hour ago is no reason to warn now. The owner calls {@link sample} at
 * intervals; a fault stays recent for {@link RECENT} and at most one interval more.
 */
export class FaultHistory {
  /** Faults since the start, oldest first: the first is what had happened before the recent time began. */
  readonly #samples: { readonly time: number; readonly faults: Faults }[] = [];

  constructor(readonly view: Pick<AdminView, "totals" | "collector">, readonly now: () => Date = () => new Date()) {
    this.sample();
  }

  /** Notes what has gone wrong so far. */
  sample(): void {
    const time = this.now().getTime();
    const samples = this.#samples;
    // After the clock was set back, samples from its future would never be old enough to go.
    while ((samples.at(-1)?.time ?? time) > time) samples.pop();
    samples.push({ time, faults: faultsOf(this.view) });
    while ((samples[1]?.time ?? time) <= time - RECENT) samples.shift();
  }

  /** Returns what went wrong recently. */
  recent(totals: Counters = this.view.totals()): Faults {
    const all = faultsOf(this.view, totals);
    const [first] = this.#samples;
    if (first === undefined) return all;
    return {
      recordsDropped: all.recordsDropped - first.faults.recordsDropped,
      messagesRejected: all.messagesRejected - first.faults.messagesRejected,
      pluginErrors: all.pluginErrors - first.faults.pluginErrors,
      recordsPossiblyLost: all.recordsPossiblyLost - first.faults.recordsPossiblyLost,
    };
  }
}

/** Returns what went wrong since the start. */
export function faultsOf(view: Pick<AdminView, "totals" | "collector">, totals: Counters = view.totals()): Faults {
  return {
    recordsDropped: sum(totals.recordsDropped),
    messagesRejected: sum(totals.messagesRejected),
    pluginErrors: sum(totals.pluginErrors),
    recordsPossiblyLost: view.collector.recordsPossiblyLost,
  };
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
