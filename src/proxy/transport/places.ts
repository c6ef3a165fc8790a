import { type Address, ownerOf } from "./address.ts";

/** A connection that has one of a bounded number of places. */
export interface PlaceHolder {
  readonly remoteAddress: Address;
  /** Whether it ever sent an octet. */
  readonly heard: boolean;
  /** Whether it never sent an octet, and has had the time to. */
  readonly unheard: boolean;
  /** Milliseconds since it last sent anything, roughly. */
  readonly quiet: number;
}

/**
 * Who has a place, oldest first. As long as places are free, everyone gets one, however many have the same address:
 * behind a node's or a service's address translation, many Agents do. Only when none is free does it matter how many
 * places an address has.
 *
 * A newcomer that is turned away costs constant time, as thousands may come a second.
 */
export class Places<Holder extends PlaceHolder> {
  /** With the places of each one's owner. */
  readonly #holders = new Map<Holder, Set<Holder>>();
  /** Places of each owner of addresses, oldest first. */
  readonly #owners = new Map<string, Set<Holder>>();
  /** Owners' places by their number. */
  readonly #shares = new Map<number, Set<Set<Holder>>>();
  /** Number of places of the owner that has most. */
  #most = 0;
  /** Holders that had sent nothing when they were last looked at, oldest first. */
  readonly #silent = new Set<Holder>();

  get taken(): number {
    return this.#holders.size;
  }

  take(holder: Holder): void {
    if (this.#holders.has(holder)) return;
    const owner = ownerOf(holder.remoteAddress);
    let share = this.#owners.get(owner);
    if (share === undefined) this.#owners.set(owner, share = new Set());
    this.#holders.set(holder, share);
    this.#silent.add(holder);
    share.add(holder);
    this.#move(share, share.size - 1);
  }

  /** Releases a place. May be called repeatedly. */
  free(holder: Holder): void {
    const share = this.#holders.get(holder);
    if (share === undefined) return;
    this.#holders.delete(holder);
    this.#silent.delete(holder);
    share.delete(holder);
    this.#move(share, share.size + 1);
    if (share.size === 0) this.#owners.delete(ownerOf(holder.remoteAddress));
  }

  /**
   * Who makes room for a newcomer from this address, now that no place is free: the oldest that is unheard; else, if
   * another address would still have more places than the newcomer's with one more, the quietest of the address that
   * has most. Undefined: nobody does.
   */
  yieldTo(newcomer: Address): Holder | undefined {
    const silent = this.#longestSilent();
    if (silent?.unheard === true) return silent;
    const own = this.#owners.get(ownerOf(newcomer))?.size ?? 0;
    return this.#most > own + 1 ? quietestOf(this.#largestShare()) : undefined;
  }

  /** The oldest of the address with most places; undefined if there is none. */
  oldestOfLargestShare(): Holder | undefined {
    const [oldest] = this.#largestShare();
    return oldest;
  }

  /** The oldest that has sent nothing. Those behind it came later, so it is the first to be unheard. */
  #longestSilent(): Holder | undefined {
    for (const holder of this.#silent) {
      if (!holder.heard) return holder;
      this.#silent.delete(holder);
    }
    return undefined;
  }

  #largestShare(): Iterable<Holder> {
    const [share] = this.#shares.get(this.#most) ?? [];
    return share ?? [];
  }

  /** An owner's share has grown or shrunk by one place. */
  #move(share: Set<Holder>, before: number): void {
    const { size } = share;
    const left = this.#shares.get(before);
    left?.delete(share);
    if (left?.size === 0) this.#shares.delete(before);
    if (size > 0) {
      const joined = this.#shares.get(size);
      if (joined === undefined) this.#shares.set(size, new Set([share]));
      else joined.add(share);
    }
    if (size > this.#most || !this.#shares.has(this.#most)) this.#most = size;
  }
}

function quietestOf<Holder extends PlaceHolder>(holders: Iterable<Holder>): Holder | undefined {
  let quietest: Holder | undefined;
  for (const holder of holders) if (holder.quiet > (quietest?.quiet ?? -1)) quietest = holder;
  return quietest;
}
