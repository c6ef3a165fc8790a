/**
 * How much one session has used lately of what all share: milliseconds of the process, or octets. What it uses is
 * forgotten at a steady rate, so that one which uses less than that has used nothing.
 */
export class RecentUse {
  readonly #forgotten: number;
  #used = 0;
  #at = 0;

  /** @param forgotten how much of it a millisecond takes away */
  constructor(forgotten: number) {
    this.#forgotten = forgotten;
  }

  /** Adds a use. @param now milliseconds, on the same clock as in {@link used} */
  add(use: number, now: number): void {
    this.#used = this.used(now) + use;
    this.#at = now;
  }

  used(now: number): number {
    return Math.max(0, this.#used - (now - this.#at) * this.#forgotten);
  }
}
