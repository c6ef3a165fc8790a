/** Pseudo-random numbers that follow from a seed alone (splitmix32), for cases that can be made again. */
export class Random {
  #state: number;

  /** @param seed any text: the run's seed, the target and the case's number */
  constructor(seed: string) {
    // FNV-1a
    let hash = 0x811c9dc5;
    for (const character of seed) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    this.#state = hash >>> 0;
  }

  /** A whole number of 32 bits. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** A whole number from 0 to one less than the limit; 0 if the limit is 0. */
  below(limit: number): number {
    return limit <= 0 ? 0 : this.word() % limit;
  }

  /** A whole number between two, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in so many times; never for 0. */
  oneIn(times: number): boolean {
    return times > 0 && this.below(times) === 0;
  }

  /** @throws RangeError if the list is empty */
  pick<Item>(list: readonly Item[]): Item {
    const index = this.below(list.length);
    if (index >= list.length) throw new RangeError("nothing to pick from");
    return list[index] as Item;
  }

  octets(length: number): Uint8Array {
    const octets = new Uint8Array(length);
    for (let index = 0; index < length; index += 4) {
      const word = this.word();
      for (let part = 0; part < 4 && index + part < length; part++) octets[index + part] = word >>> (8 * part);
    }
    return octets;
  }

  /** A list of so many things. */
  list<Item>(length: number, make: (index: number) => Item): Item[] {
    return Array.from({ length }, (_, index) => make(index));
  }
}
