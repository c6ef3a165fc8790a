/**
 * How much of something may still be used. A second's worth can be used at once; past that the user waits until it has
 * earned what it used.
 */
export class Allowance {
  /** Less than 0: used in advance. */
  #left: number;
  #at: number;

  /** @param now milliseconds, on the same clock as in {@link use} */
  constructor(perSecond: number, now: number) {
    this.#left = perSecond;
    this.#at = now;
  }

  /** Uses this much. Returns the milliseconds to wait before the next use. */
  use(amount: number, perSecond: number, now: number): number {
    const earned = (now - this.#at) * perSecond / 1000;
    this.#left = Math.min(perSecond, this.#left + earned) - amount;
    this.#at = now;
    return this.#left >= 0 ? 0 : -this.#left * 1000 / perSecond;
  }
}
