/**
 * The time to wait before the next attempt: doubled each time up to a limit, with jitter so that clients spread out.
 */
export class Backoff {
  #next: number;

  /**
   * @param first milliseconds
   * @param limit milliseconds
   */
  constructor(readonly first: number, readonly limit: number, readonly random: () => number = Math.random) {
    this.#next = first;
  }

  /** Milliseconds to wait now: between half of the step and all of it. */
  next(): number {
    const step = this.#next;
    this.#next = Math.min(step * 2, this.limit);
    return step * (0.5 + this.random() / 2);
  }

  /** Starts over with the first wait. */
  reset(): void {
    this.#next = this.first;
  }
}
