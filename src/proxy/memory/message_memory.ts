/** Milliseconds after which a message that still waits for its rest may have to make room. */
const PATIENCE = 1_000;
/** Part of the limit up to which buffers may be larger than the messages in them need. */
const GENEROUS_PART = 2;

/** A session with a message that has begun. */
export interface MessageHolder {
  /** What stands for its exporter's owner: sessions of one owner count together. */
  readonly owner: string;
  /** Milliseconds since the message was first seen to be incomplete, roughly. */
  readonly partialFor: number;
  /** Ends the session, because its message takes too long while others need the memory. */
  yield(): void;
}

/** A session that waits for room. */
interface Waiter {
  readonly holder: MessageHolder;
  readonly octets: number;
  readonly resolve: () => void;
}

/**
 * The octets of the buffers in which messages wait: for their rest, or for a collector that takes nothing. Buffers that
 * every session may have are not counted.
 *
 * A session that finds no room waits, and its exporter with it. Messages that are slow to come make room: that of the
 * owner with most goes first, the oldest of its. When there is room again, the owner with least gets it first.
 */
export class MessageMemory {
  limit: number;
  #used = 0;
  /** Octets of those that wait for the rest of a message, the oldest message first. */
  readonly #partial = new Map<MessageHolder, number>();
  #waiters: Waiter[] = [];
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
    return this.#used * GENEROUS_PART < this.limit;
  }

  /** Counts octets of a buffer more, or less. */
  hold(octets: number): void {
    this.#used += octets;
    if (octets < 0 && this.#waiters.length > 0) this.#serve();
  }

  /** The session waits for the rest of a message, in a buffer of so many octets. */
  beginPartial(holder: MessageHolder, octets: number): void {
    this.#partial.set(holder, octets);
  }

  /** The session no longer waits for the rest of that message. */
  endPartial(holder: MessageHolder): void {
    this.#partial.delete(holder);
  }

  /**
   * Whether there is room for so many octets now. Those who wait already go first. A message that alone takes more than
   * the limit finds room when there is nothing else.
   */
  hasRoom(octets: number, holder: MessageHolder): boolean {
    return (this.#reserved.get(holder) ?? 0) >= octets || (this.#waiters.length === 0 && this.#fits(octets));
  }

  /**
   * Waits for room; {@link giveUp} ends the wait. The room is kept until the caller has counted its buffer and calls
   * {@link settle}.
   */
  room(holder: MessageHolder, octets: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ holder, octets, resolve });
      this.look();
    });
  }

  /** What was kept for the session is no longer needed. */
  settle(holder: MessageHolder): void {
    const octets = this.#reserved.get(holder);
    if (octets === undefined) return;
    this.#reserved.delete(holder);
    this.hold(-octets);
  }

  /** The session no longer waits for room. */
  giveUp(holder: MessageHolder): void {
    const given = this.#waiters.filter((waiter) => waiter.holder === holder);
    this.#waiters = this.#waiters.filter((waiter) => waiter.holder !== holder);
    for (const { resolve } of given) resolve();
  }

  /** Has slow messages make room for those who wait. To be called about once a second. */
  look(): void {
    this.#serve();
    let needed = this.#waiters.reduce((sum, { octets }) => sum + octets, this.#used - this.limit);
    while (this.#waiters.length > 0 && needed > 0) {
      const leaving = this.#slowest();
      if (leaving === undefined) return;
      needed -= this.#partial.get(leaving) ?? 0;
      this.#partial.delete(leaving);
      leaving.yield();
    }
  }

  #fits(octets: number): boolean {
    return this.#used + octets <= this.limit || this.#used === 0;
  }

  #serve(): void {
    for (;;) {
      const shares = this.#shares();
      let next: Waiter | undefined;
      for (const waiter of this.#waiters) {
        if (next === undefined || shareOf(shares, waiter) < shareOf(shares, next)) next = waiter;
      }
      if (next === undefined || !this.#fits(next.octets)) return;
      this.#reserved.set(next.holder, next.octets);
      this.#used += next.octets;
      this.giveUp(next.holder);
    }
  }

  #shares(): Map<string, number> {
    const shares = new Map<string, number>();
    for (const [{ owner }, octets] of this.#partial) shares.set(owner, (shares.get(owner) ?? 0) + octets);
    return shares;
  }

  /** The oldest of the owner with most, of those whose message is slow to come. */
  #slowest(): MessageHolder | undefined {
    const shares = this.#shares();
    let slowest: MessageHolder | undefined;
    for (const holder of this.#partial.keys()) {
      if (holder.partialFor < PATIENCE) continue;
      if (slowest === undefined || (shares.get(holder.owner) ?? 0) > (shares.get(slowest.owner) ?? 0)) slowest = holder;
    }
    return slowest;
  }
}

function shareOf(shares: ReadonlyMap<string, number>, { holder }: Waiter): number {
  return shares.get(holder.owner) ?? 0;
}
