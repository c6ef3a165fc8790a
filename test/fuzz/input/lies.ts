import type { Random } from "./random.ts";

/** Lengths, counts and ids that are not what they should be, once in so many times. */
export class Lies {
  /** @param oneIn once in how many; 0: never */
  constructor(readonly random: Random, readonly oneIn: number) {}

  /**
   * The value, or a lie about it that still fits so many octets.
   *
   * @param octets of the number on the wire
   */
  about(value: number, octets: 1 | 2 | 4): number {
    const limit = 2 ** (8 * octets);
    const honest = Math.min(value, limit - 1);
    if (!this.random.oneIn(this.oneIn)) return honest;
    const { random } = this;
    const lie = random.pick([
      0,
      1,
      3,
      4,
      honest - 1,
      honest + 1,
      honest - 4,
      honest + 4,
      2 * honest,
      limit - 1,
      random.below(limit),
      random.below(512),
    ]);
    return ((lie % limit) + limit) % limit;
  }
}
