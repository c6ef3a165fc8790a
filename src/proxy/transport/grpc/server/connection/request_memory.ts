import type { RequestsInHand } from "./requests_in_hand.ts";

/** Maximum octets of a connection's requests that are incomplete or not yet taken. */
const MOST_OF_ONE = 16 * 1024 * 1024;
/** Maximum octets of such requests of all connections of a listener. */
const MOST_OF_ALL = 48 * 1024 * 1024;
export const MOST_IN_WORDS = "at most 16 MiB of a connection, and 48 MiB of all, of which the largest makes room";
/** Octets from which on a connection is not read while complete requests of it wait to be taken. */
const MODEST_OF_ONE = 4 * 1024 * 1024;
const MODEST_OF_ALL = 24 * 1024 * 1024;

/** A connection whose requests take memory. */
export interface RequestHolder {
  readonly inHand: RequestsInHand;
  /** Goes on reading, if it has stopped. */
  resume(): void;
}

/**
 * Bounds the memory of requests that have arrived and are not processed. Where a collector is slow, exporters wait: a
 * connection is not read while complete requests wait. Incomplete ones get no further without being read, so past the
 * limit the connection that has most is closed, which is never one whose exporter sends one flow at a time.
 */
export class RequestMemory<Holder extends RequestHolder> {
  #octets = 0;
  readonly #holders = new Set<Holder>();
  readonly #paused = new Set<Holder>();

  add(holder: Holder): void {
    this.#holders.add(holder);
  }

  /** The connection is closed: all its requests are gone. */
  remove(holder: Holder): void {
    if (!this.#holders.delete(holder)) return;
    this.#octets -= holder.inHand.octets;
    holder.inHand.endAll();
    this.#paused.delete(holder);
    holder.resume();
    this.#resume();
  }

  /**
   * Requests of a connection have added this many octets. Returns the connection to close, if there is too little
   * memory.
   */
  arrive(holder: Holder, octets: number): Holder | undefined {
    if (!this.#holders.has(holder)) return undefined;
    this.#octets += octets;
    if (holder.inHand.octets > MOST_OF_ONE) return holder;
    if (this.#octets <= MOST_OF_ALL) return undefined;
    let most = holder;
    for (const other of this.#holders) if (other.inHand.octets > most.inHand.octets) most = other;
    return most;
  }

  /** Requests of a connection have been taken, or their streams have ended. */
  settle(holder: Holder, change: (inHand: RequestsInHand) => void): void {
    const before = holder.inHand.octets;
    change(holder.inHand);
    this.#octets -= before - holder.inHand.octets;
    if (this.#paused.has(holder) && !this.mustPause(holder)) {
      this.#paused.delete(holder);
      holder.resume();
    }
    this.#resume();
  }

  /** Whether the connection should not be read until it is resumed. */
  mustPause(holder: Holder): boolean {
    const { inHand } = holder;
    const isMuch = inHand.octets > MODEST_OF_ONE || this.#octets > MODEST_OF_ALL;
    if (inHand.waiting === 0 || !isMuch || !this.#holders.has(holder)) return false;
    this.#paused.add(holder);
    return true;
  }

  /** Resumes those that have stopped because of others. */
  #resume(): void {
    if (this.#paused.size === 0 || this.#octets > MODEST_OF_ALL) return;
    for (const holder of this.#paused) {
      if (holder.inHand.octets > MODEST_OF_ONE) continue;
      this.#paused.delete(holder);
      holder.resume();
    }
  }
}
