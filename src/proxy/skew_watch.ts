/** What a look at the sessions found to be new. */
export type SkewNews = "skew_seen" | "skew_over";

/** How many sessions there are, and how many of them need rewriting. */
export interface SkewCount {
  readonly open: number;
  readonly skewed: number;
}

/**
 * Remembers whether sessions still need rewriting. Agents that are upgraded go away and come back: skew is over only
 * once none was seen for some time.
 *
 * ```ts
 * import { SkewWatch } from "./skew_watch.ts";
 * import assert from "node:assert/strict";
 *
 * const watch = new SkewWatch(2_000);
 * const now = new Date();
 * assert.equal(watch.look(1_000, { open: 1, skewed: 1 }, now), "skew_seen");
 * assert.equal(watch.look(1_000, { open: 1, skewed: 0 }, now), undefined);
 * assert.equal(watch.look(1_000, { open: 1, skewed: 0 }, now), "skew_over");
 * ```
 */
export class SkewWatch {
  #lastSeen: Date | undefined;
  #quiet = 0;
  #sessionsSeen = false;
  #told: SkewNews | undefined;

  /** @param settle milliseconds without skew after which it is over; 0: at once */
  constructor(public settle: number) {}

  /** When a session last needed rewriting; undefined: none ever did. */
  get lastSeen(): Date | undefined {
    return this.#lastSeen;
  }

  /** Milliseconds since then, or since the start. */
  get quiet(): number {
    return this.#quiet;
  }

  /** Exporters came, and none needed rewriting for `settle`: the proxy can be removed. */
  get over(): boolean {
    return this.#sessionsSeen && this.#quiet >= this.settle;
  }

  /** A session that needs rewriting was there just now. */
  see(now: Date): void {
    this.#lastSeen = now;
    this.#quiet = 0;
    this.#sessionsSeen = true;
  }

  /**
   * Called every so often.
   *
   * @param elapsed milliseconds since the last call
   * @returns what is to be told now, once
   */
  look(elapsed: number, { open, skewed }: SkewCount, now: Date): SkewNews | undefined {
    if (open > 0) this.#sessionsSeen = true;
    if (skewed > 0) this.see(now);
    else this.#quiet += elapsed;
    const news = skewed > 0 ? "skew_seen" : this.over ? "skew_over" : undefined;
    if (news === undefined || news === this.#told) return undefined;
    return this.#told = news;
  }
}
