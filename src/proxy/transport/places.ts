import { type Address, ownerOf } from "./address.ts";

/** A connection that has one of a bounded number of places. */
export interface PlaceHolder {
  readonly remoteAddress: Address;
  /** Whether it never sent an octet, and has had the time to. */
  readonly unheard: boolean;
  /** Milliseconds since it last sent anything, roughly. */
  readonly quiet: number;
}

/**
 * Who has a place, oldest first. As long as places are free, everyone gets one, however many have the same address:
 * behind a node's or a service's address translation, many Agents do. Only when none is free does it matter how many
 * places an address has.
 */
export class Places<Holder extends PlaceHolder> {
  /** With the owner of each one's address. */
  readonly #holders = new Map<Holder, string>();
  /** Places of each owner. */
  readonly #shares = new Map<string, number>();

  get taken(): number {
    return this.#holders.size;
  }

  take(holder: Holder): void {
    if (this.#holders.has(holder)) return;
    const owner = ownerOf(holder.remoteAddress);
    this.#holders.set(holder, owner);
    this.#shares.set(owner, (this.#shares.get(owner) ?? 0) + 1);
  }

  /** Releases a place. May be called repeatedly. */
  free(holder: Holder): void {
    const owner = this.#holders.get(holder);
    if (owner === undefined) return;
    this.#holders.delete(holder);
    const left = (this.#shares.get(owner) ?? 0) - 1;
    if (left > 0) this.#shares.set(owner, left);
    else this.#shares.delete(owner);
  }

  /**
   * Who makes room for a newcomer from this address, now that no place is free: the oldest that is unheard; else, if
   * another address would still have more places than the newcomer's with one more, the quietest of the address that
   * has most. Undefined: nobody does.
   */
  yieldTo(newcomer: Address): Holder | undefined {
    for (const holder of this.#holders.keys()) if (holder.unheard) return holder;
    const own = ownerOf(newcomer);
    const [owner, most] = this.#largestShare();
    return most > (this.#shares.get(own) ?? 0) + 1 ? this.#quietest(owner) : undefined;
  }

  /** The oldest of the address with most places; undefined if there is none. */
  oldestOfLargestShare(): Holder | undefined {
    const [largest] = this.#largestShare();
    for (const [holder, owner] of this.#holders) if (owner === largest) return holder;
    return undefined;
  }

  #largestShare(): [owner: string, places: number] {
    let largest: [string, number] = ["", 0];
    for (const share of this.#shares) if (share[1] > largest[1]) largest = share;
    return largest;
  }

  #quietest(of: string): Holder | undefined {
    let quietest: Holder | undefined;
    for (const [holder, owner] of this.#holders) {
      if (owner === of && holder.quiet > (quietest?.quiet ?? -1)) quietest = holder;
    }
    return quietest;
  }
}
