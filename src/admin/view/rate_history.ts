import type { Counters } from "../../mediation/templates/counters.ts";
import type { AdminView } from "./view.ts";

/** Rates since the sample before, and what was held at the moment itself. */
export interface RateSample {
  /** Seconds since 1970-01-01 UTC. */
  readonly time: number;
  /** Data records a second. */
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
  /** Octets that waited for the collector. */
  readonly held: number;
}

/** Samples that are kept: an hour of one each five seconds. */
const KEPT = 720;

interface Sums {
  readonly time: number;
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
}

/** The rates of the last hour, bounded. Whoever owns it calls {@link sample} every so often. */
export class RateHistory {
  readonly #samples: RateSample[] = [];
  readonly #listeners = new Set<(sample: RateSample) => void>();
  #last: Sums;

  constructor(readonly view: Pick<AdminView, "totals" | "collector">, readonly now: () => Date = () => new Date()) {
    this.#last = sums(view.totals(), now());
  }

  /** Oldest first. */
  samples(): readonly RateSample[] {
    return this.#samples;
  }

  /** Receives each new sample until the function that comes back is called. */
  subscribe(listener: (sample: RateSample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds the rates since the last call. */
  sample(): void {
    const last = this.#last;
    const current = sums(this.view.totals(), this.now());
    const seconds = (current.time - last.time) / 1000;
    // A clock that was set back gives no rate; the next sample does.
    this.#last = current;
    if (seconds <= 0) return;
    const rate = (name: "received" | "sent" | "dropped") => round((current[name] - last[name]) / seconds);
    const sample: RateSample = {
      time: round(current.time / 1000),
      received: rate("received"),
      sent: rate("sent"),
      dropped: rate("dropped"),
      held: this.view.collector.heldOctets,
    };
    this.#samples.push(sample);
    if (this.#samples.length > KEPT) this.#samples.shift();
    for (const listener of this.#listeners) listener(sample);
  }
}

function sums(totals: Counters, now: Date): Sums {
  let dropped = 0;
  for (const count of totals.recordsDropped.values()) dropped += count;
  return { time: now.getTime(), received: totals.recordsReceived, sent: totals.recordsSent, dropped };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
