import { type Sums, sumsOf } from "./totals.ts";
import type { AdminView } from "./view.ts";

/** What went wrong over some time. */
export interface Faults {
  readonly recordsDropped: number;
  readonly messagesRejected: number;
  /** What would have gone wrong had the sessions not only been observed. */
  readonly wouldBe: { readonly recordsDropped: number; readonly messagesRejected: number };
  readonly pluginErrors: number;
  /** Upper bound of the records lost with broken collector connections. */
  readonly recordsPossiblyLost: number;
}

/** Milliseconds for which a fault counts as recent. */
export const RECENT = 600_000;

/**
 * Tells recent faults from those that ever happened: a port scan an hour ago is no reason to warn now. The owner calls
 * {@link sample} at intervals; a fault stays recent for {@link RECENT} and at most one interval more.
 */
export class FaultHistory {
  /** Faults since the start, oldest first: the first is what had happened before the recent time began. */
  readonly #samples: { readonly time: number; readonly sums: Sums; readonly possiblyLost: number }[] = [];

  constructor(readonly view: Faulty, readonly now: () => Date = () => new Date()) {
    this.sample();
  }

  /** Notes what has gone wrong so far. */
  sample(): void {
    const time = this.now().getTime();
    const samples = this.#samples;
    // After the clock was set back, samples from its future would never be old enough to go.
    while ((samples.at(-1)?.time ?? time) > time) samples.pop();
    samples.push({ time, sums: sumsOf(this.view), possiblyLost: this.view.collector.recordsPossiblyLost });
    while ((samples[1]?.time ?? time) <= time - RECENT) samples.shift();
  }

  /** Returns what went wrong recently. */
  recent(): Faults {
    const [first] = this.#samples;
    return faults(this.view, first?.sums, first?.possiblyLost);
  }
}

type Faulty = Pick<AdminView, "counted" | "collector">;

/** Returns what went wrong since the start. */
export function faultsOf(view: Faulty): Faults {
  return faults(view);
}

const NOTHING: Sums = {
  received: 0,
  sent: 0,
  dropped: 0,
  rejected: 0,
  pluginErrors: 0,
  observed: { dropped: 0, rejected: 0 },
};

/** Returns what went wrong since these sums were taken. */
function faults(view: Faulty, before: Sums = NOTHING, possiblyLostBefore = 0): Faults {
  const now = sumsOf(view);
  // A session that is observed from now on brings along what it counted before, which is not new.
  const wouldBe = (of: "dropped" | "rejected") =>
    Math.max(0, Math.min(now[of] - before[of], now.observed[of] - before.observed[of]));
  const [dropped, rejected] = [wouldBe("dropped"), wouldBe("rejected")];
  return {
    recordsDropped: now.dropped - before.dropped - dropped,
    messagesRejected: now.rejected - before.rejected - rejected,
    wouldBe: { recordsDropped: dropped, messagesRejected: rejected },
    pluginErrors: now.pluginErrors - before.pluginErrors,
    recordsPossiblyLost: view.collector.recordsPossiblyLost - possiblyLostBefore,
  };
}
