/** Milliseconds after which a message that still waits for its rest may have to make room. */
const PATIENCE = 1_000;
/** Part of the limit up to which buffers may be larger than the messages in them need. */
const GENEROUS_PART = 2 / 3;
/** Sessions that {@link MessageMemory.look} ends at most, each of which is some work: there is a next time. */
const MOST_ENDED = 32;

/** A session with a message that has begun. */
export interface MessageHolder {
  /** Identifies its exporter's owner: sessions of one owner count together. */
  readonly owner: string;
  /** Milliseconds since the message was first seen to be incomplete, roughly. */
  readonly partialFor: number;
  /** Ends the session, because its message takes too long while others need the memory. */
  yield(): void;
}

/** A part of the memory for octets that cannot wait for room: what finds none is dropped. */
export interface MessagePart {
  octets: number;
  readonly limit: number;
}

/** A session that waits for room. */
interface Waiter {
  readonly holder: MessageHolder;
  readonly octets: number;
  /** Larger for one that came later. */
  readonly order: number;
  readonly resolve: () => void;
}

/** What the sessions of one owner have, and wait for. */
interface Share {
  /** Octets of those that wait for the rest of a message. */
  octets: number;
  /** With the octets of each; the oldest message first. */
  readonly partial: Map<MessageHolder, number>;
  /** The first to come first. */
  readonly waiters: Map<MessageHolder, Waiter>;
}

/**
 * The octets of the buffers in which messages wait: for their rest, or for a collector that takes nothing. Buffers that
 * every session may have are not counted.
 *
 * A session that finds no room waits, and its exporter with it. Messages that are slow to come make room: that of the
 * owner with most goes first, the oldest of its. When there is room again, the owner with least gets it first. With
 * thousands of sessions of an owner, each step looks at one of them.
 */
export class MessageMemory {
  limit: number;
  /** Whether there is no room at all, because the process takes too much memory. */
  closed = false;
  #used = 0;
  /** Only of owners that have something, or wait. */
  readonly #shares = new Map<string, Share>();
  /** How many wait, and the octets that they wait for. */
  #waiting = 0;
  #wanted = 0;
  #order = 0;
  /** Octets for those whose wait is over, until they have taken them. */
  readonly #reserved = new Map<MessageHolder, number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Whether buffers may be larger than their messages need. */
  get generous(): boolean {
    return !this.closed && this.#used < this.limit * GENEROUS_PART;
  }

  /** A part for datagrams, which may take what nobody else has. */
  datagrams(): MessagePart {
    return new DatagramPart(this);
  }

  /** Counts octets of a buffer more, or less. */
  hold(octets: number): void {
    this.#used += octets;
    if (octets < 0 && this.#waiting > 0) this.#serve();
  }

  /**
   * The session waits for the rest of a message, in a buffer of this many octets.
   *
   * @param isNext whether it is another message than the one that the session waited for before, if any
   */
  beginPartial(holder: MessageHolder, octets: number, isNext = false): void {
    const share = this.#shareOf(holder.owner);
    share.octets += octets - (share.partial.get(holder) ?? 0);
    if (isNext) share.partial.delete(holder);
    share.partial.set(holder, octets);
  }

  /** The session no longer waits for the rest of that message. */
  endPartial(holder: MessageHolder): void {
    const share = this.#shares.get(holder.owner);
    const octets = share?.partial.get(holder);
    if (share === undefined || octets === undefined) return;
    share.octets -= octets;
    share.partial.delete(holder);
    this.#forget(holder.owner, share);
  }

  /**
   * Whether there is room for this many octets now. Those that wait already go first. A message that alone takes more
   * than the limit finds room when there is nothing else.
   */
  hasRoom(octets: number, holder: MessageHolder): boolean {
    return (this.#reserved.get(holder) ?? 0) >= octets || (this.#waiting === 0 && this.#fits(octets));
  }

  /**
   * Waits for room; {@link giveUp} ends the wait. The room is kept until the caller has counted its buffer and calls
   * {@link settle}.
   */
  room(holder: MessageHolder, octets: number): Promise<void> {
    return new Promise((resolve) => {
      this.giveUp(holder);
      this.#shareOf(holder.owner).waiters.set(holder, { holder, octets, order: this.#order++, resolve });
      this.#waiting++;
      this.#wanted += octets;
      this.#makeRoom(1);
    });
  }

  /** The session's room is no longer needed. */
  settle(holder: MessageHolder): void {
    const octets = this.#reserved.get(holder);
    if (octets === undefined) return;
    this.#reserved.delete(holder);
    this.hold(-octets);
  }

  /** The session no longer waits for room. */
  giveUp(holder: MessageHolder): void {
    const share = this.#shares.get(holder.owner);
    const waiter = share?.waiters.get(holder);
    if (share === undefined || waiter === undefined) return;
    share.waiters.delete(holder);
    this.#waiting--;
    this.#wanted -= waiter.octets;
    this.#forget(holder.owner, share);
    waiter.resolve();
  }

  /** Makes slow messages give way to waiting ones. Must be called about once a second. */
  look(): void {
    this.#makeRoom(MOST_ENDED);
  }

  /**
   * @param most number of sessions that may be ended for it. A session that begins to wait ends one, so that thousands
   *   that come at once do not end as many in one turn
   */
  #makeRoom(most: number): void {
    this.#serve();
    let needed = this.#wanted + this.#used - this.limit;
    for (let ended = 0; this.#waiting > 0 && needed > 0 && ended < most; ended++) {
      const leaving = this.#slowest();
      if (leaving === undefined) return;
      needed -= this.#shares.get(leaving.owner)?.partial.get(leaving) ?? 0;
      this.endPartial(leaving);
      leaving.yield();
    }
  }

  /**
   * Ends the session with the oldest message of the owner with most, if it has been slow to come: the process takes too
   * much memory.
   *
   * @returns the octets that become free; 0: there is none such
   */
  relieve(): number {
    const leaving = this.#slowest();
    if (leaving === undefined) return 0;
    const octets = this.#shares.get(leaving.owner)?.partial.get(leaving) ?? 0;
    this.endPartial(leaving);
    leaving.yield();
    return octets;
  }

  #fits(octets: number): boolean {
    return (!this.closed && this.#used + octets <= this.limit) || this.#used === 0;
  }

  #serve(): void {
    while (this.#waiting > 0) {
      const next = this.#nextWaiter();
      if (next === undefined || !this.#fits(next.octets)) return;
      this.#reserved.set(next.holder, next.octets);
      this.#used += next.octets;
      this.giveUp(next.holder);
    }
  }

  /** The first of the owner with least; of owners with as much, the one whose first has waited longest. */
  #nextWaiter(): Waiter | undefined {
    let next: Waiter | undefined;
    let least = Infinity;
    for (const { octets, waiters } of this.#shares.values()) {
      if (octets > least || waiters.size === 0) continue;
      const [first] = waiters.values();
      if (first === undefined || (octets === least && next !== undefined && next.order < first.order)) continue;
      next = first;
      least = octets;
    }
    return next;
  }

  /** The oldest of the owner with most, of those whose message is slow to come. */
  #slowest(): MessageHolder | undefined {
    let slowest: MessageHolder | undefined;
    let most = 0;
    for (const { octets, partial } of this.#shares.values()) {
      const [oldest] = partial.keys();
      if (oldest === undefined || oldest.partialFor < PATIENCE || octets <= most) continue;
      slowest = oldest;
      most = octets;
    }
    return slowest;
  }

  #shareOf(owner: string): Share {
    let share = this.#shares.get(owner);
    if (share === undefined) this.#shares.set(owner, share = { octets: 0, partial: new Map(), waiters: new Map() });
    return share;
  }

  #forget(owner: string, { partial, waiters }: Share): void {
    if (partial.size === 0 && waiters.size === 0) this.#shares.delete(owner);
  }
}

class DatagramPart implements MessagePart {
  readonly #memory: MessageMemory;
  #octets = 0;

  constructor(memory: MessageMemory) {
    this.#memory = memory;
  }

  get octets(): number {
    return this.#octets;
  }

  set octets(octets: number) {
    const change = octets - this.#octets;
    this.#octets = octets;
    this.#memory.hold(change);
  }

  get limit(): number {
    const { closed, limit, used } = this.#memory;
    return closed ? this.#octets : this.#octets + Math.max(0, limit - used);
  }
}
