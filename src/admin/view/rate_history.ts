import { type Sums, sumsOf } from "./totals.ts";
import { heldOctets } from "./collectors.ts";
import type { AdminView } from "./view.ts";

/** Rates since the previous sample, and what was held at its time. */
export interface RateSample {
  /** Seconds since 1970-01-01 UTC. */
  readonly time: number;
  /** Data records a second. */
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
  /** Octets waiting for the collector. */
  readonly held: number;
}

/** Most samples kept: an hour, with one every five seconds. */
const KEPT = 720;

/** The rates of the last hour. The owner calls {@link sample} at intervals. */
export class RateHistory {
  readonly #samples: RateSample[] = [];
  readonly #listeners = new Set<(sample: RateSample) => void>();
  #last: Sums;
  /** When that was. */
  #at: number;

  constructor(
    readonly view: Pick<AdminView, "counted" | "collector" | "otherCollectors">,
    readonly now: () => Date = () => new Date(),
  ) {
    this.#last = sumsOf(view);
    this.#at = now().getTime();
  }

  /** Oldest first. */
  samples(): readonly RateSample[] {
    return this.#samples;
  }

  /** Calls the listener with each new sample, until the returned function is called. */
  subscribe(listener: (sample: RateSample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds the rates since the last call. */
  sample(): void {
    const last = this.#last;
    const current = sumsOf(this.view);
    const time = this.now().getTime();
    const seconds = (time - this.#at) / 1000;
    // If the clock was set back, this sample has no rates; the next one has.
    this.#last = current;
    this.#at = time;
    if (seconds <= 0) return;
    const rate = (name: "received" | "sent" | "dropped") => round((current[name] - last[name]) / seconds);
    const sample: RateSample = {
      time: round(time / 1000),
      received: rate("received"),
      sent: rate("sent"),
      dropped: rate("dropped"),
      held: heldOctets(this.view),
    };
    this.#samples.push(sample);
    if (this.#samples.length > KEPT) this.#samples.shift();
    for (const listener of this.#listeners) listener(sample);
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
