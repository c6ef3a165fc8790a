import { LENGTH_OFFSET, MAXIMUM_MESSAGE_LENGTH } from "../../ipfix/message_header.ts";
import { u16At } from "../../ipfix/network_order.ts";
import type { BufferPool } from "./buffer_pool.ts";

/** Every session waits for its exporter with so little: room for the message of one record that Agents send; most of 5000 never need more. */
export const SMALLEST_BUFFER = 1024;
/** Whoever sends more gets so much however many others do: with less, system calls take most of the time. */
export const MODEST_BUFFER = 4 * 1024;
/** Large enough that the cost of a system call no longer shows. */
export const LARGEST_BUFFER = 256 * 1024;
const GROWTH = 4;
/** Whoever waits keeps a buffer whose size times what the pool has out is no more: 256 KiB up to 8 MiB out, 64 KiB up to 32 MiB. */
const LARGEST_KEPT = LARGEST_BUFFER * 8 * 1024 * 1024;

/**
 * The octets of one exporter that are read but not consumed yet: whole messages, and the beginning of one at the end.
 *
 * Its size follows the load: reads that fill it make it grow. One that does not is the last of a burst: what comes next is waited for
 * with a buffer as large as the whole burst was, about, and as can be kept for long.
 */
export class ReadBuffer {
  readonly #pool: BufferPool;
  #octets: Uint8Array;
  #start = 0;
  #end = 0;
  /** Size that the last read recommends. */
  #wanted = SMALLEST_BUFFER;
  /** Octets of the reads that filled it, one after the other. */
  #burst = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
    this.#octets = pool.lease(SMALLEST_BUFFER);
  }

  /** How many octets wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Octets that the buffer takes from the pool. */
  get capacity(): number {
    return this.#octets.length;
  }

  /** The octets that wait. Valid until the next {@link space}. */
  waiting(): Uint8Array {
    return this.#octets.subarray(this.#start, this.#end);
  }

  /** The first so many are dealt with. */
  consume(octets: number): void {
    this.#start += octets;
  }

  /**
   * Where the next read goes: behind what waits, with room for the rest of a message that has begun.
   *
   * @throws RangeError when more waits than a message can be long: whoever consumes has stopped doing so
   */
  space(): Uint8Array {
    if (this.length > MAXIMUM_MESSAGE_LENGTH) throw new RangeError(`${this.length} octets wait, and none is consumed`);
    const size = Math.max(this.#wanted, sizeFor(this.#lengthOfBegun()));
    if (size !== this.#octets.length) this.#resize(size);
    else if (this.#start > 0) {
      this.#octets.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    // Most wait with nothing in it: for them, no view is made.
    return this.#end === 0 ? this.#octets : this.#octets.subarray(this.#end);
  }

  /** So many octets were read into {@link space}. */
  fill(octets: number): void {
    const size = this.#octets.length;
    this.#burst += octets;
    if (octets === size - this.#end) {
      const larger = Math.min(size * GROWTH, LARGEST_BUFFER);
      if (larger <= MODEST_BUFFER || this.#pool.generous) this.#wanted = larger;
    } else {
      this.#wanted = this.#sizeToKeep();
      this.#burst = 0;
    }
    this.#end += octets;
  }

  /** Forgets what waits and gives the memory back. Any number of times; nothing else may follow. */
  release(): void {
    if (this.#octets.length > 0) this.#pool.release(this.#octets);
    this.#octets = new Uint8Array(0);
    this.#start = this.#end = 0;
  }

  /** The size nearest to the burst's that whoever waits may keep. */
  #sizeToKeep(): number {
    let size = SMALLEST_BUFFER;
    while (size * 2 <= this.#burst && size < LARGEST_BUFFER && this.#mayKeep(size * GROWTH)) size *= GROWTH;
    return size;
  }

  #mayKeep(size: number): boolean {
    return size <= MODEST_BUFFER || (this.#pool.generous && size * this.#pool.leased <= LARGEST_KEPT);
  }

  /** Octets of the message whose beginning waits, as its header says; as far as it is there. */
  #lengthOfBegun(): number {
    if (this.length < LENGTH_OFFSET + 2) return this.length + 1;
    return Math.max(u16At(this.#octets, this.#start + LENGTH_OFFSET), this.length + 1);
  }

  #resize(size: number): void {
    const octets = this.#pool.lease(size);
    octets.set(this.waiting());
    this.#pool.release(this.#octets);
    this.#end -= this.#start;
    this.#start = 0;
    this.#octets = octets;
  }
}

function sizeFor(octets: number): number {
  let size = SMALLEST_BUFFER;
  while (size < octets) size *= GROWTH;
  return size;
}
