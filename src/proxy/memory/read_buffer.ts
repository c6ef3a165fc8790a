import { LENGTH_OFFSET, MAXIMUM_MESSAGE_LENGTH } from "../../ipfix/message/message_header.ts";
import { u16At } from "../../ipfix/octets/network_order.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { MessageMemory } from "./message_memory.ts";

/**
 * The buffer of an idle session: room for a message of one record, as Agents send them. Most of 5000 sessions never
 * need more.
 */
export const SMALLEST_BUFFER = 1024;
/** The size that every busy session may have, however many there are. With less, system calls take most of the time. */
export const MODEST_BUFFER = 4 * 1024;
/** Large enough for the cost of system calls to be negligible. Many sessions may have this much at a time. */
export const LARGE_BUFFER = 256 * 1024;
/** For a few sessions at full speed: fewer calls for each gigabyte (test/bench/README.md). */
export const LARGEST_BUFFER = 1024 * 1024;
/** Octets that the pool has on loan above which no buffer grows to {@link LARGEST_BUFFER}. */
const FEW_OCTETS = 8 * 1024 * 1024;
const GROWTH = 4;
/**
 * Upper bound of an idle buffer's size times the octets that the pool has on loan: 256 KiB and more are kept up to 8
 * MiB on loan, 64 KiB up to 32 MiB.
 */
const LARGEST_KEPT = LARGE_BUFFER * 8 * 1024 * 1024;

/**
 * The octets of one exporter that are read but not yet consumed: whole messages, then possibly the beginning of one.
 *
 * Its size follows the load: it grows with reads that fill it. A read that does not fill it ends a burst; the buffer
 * then takes about the size of that burst, as far as so much may be kept while idle.
 */
export class ReadBuffer {
  readonly #pool: BufferPool;
  #octets: Uint8Array;
  #start = 0;
  #end = 0;
  /** The size that the last read suggests. */
  #wanted = SMALLEST_BUFFER;
  /** Octets of the current run of reads that filled the buffer. */
  #burst = 0;
  readonly #memory: Pick<MessageMemory, "generous" | "hold"> | undefined;

  /** @param memory counts buffers that are larger than every session may have */
  constructor(pool: BufferPool, memory?: Pick<MessageMemory, "generous" | "hold">) {
    this.#pool = pool;
    this.#memory = memory;
    this.#octets = pool.lease(SMALLEST_BUFFER);
  }

  /** Octets that are not yet consumed. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Octets leased from the pool. */
  get capacity(): number {
    return this.#octets.length;
  }

  /** Octets of the buffer that a message which has begun waits in; 0: there is none. */
  get partialCapacity(): number {
    return this.length > 0 ? this.capacity : 0;
  }

  /** Octets of memory that the next {@link space} takes because the message that has begun is long. */
  get missing(): number {
    const size = sizeFor(this.#lengthOfBegun());
    return size <= this.#octets.length ? 0 : Math.max(0, counted(size) - counted(this.#octets.length));
  }

  /** The octets that are not yet consumed. Valid until the next call of {@link space}. */
  waiting(): Uint8Array {
    return this.#octets.subarray(this.#start, this.#end);
  }

  /** Removes this many octets from the start. */
  consume(octets: number): void {
    this.#start += octets;
  }

  /**
   * Returns where to read into: behind the unconsumed octets, with room for the rest of a message that has begun.
   *
   * @throws RangeError if more octets are unconsumed than a message can be long
   */
  space(): Uint8Array {
    if (this.length > MAXIMUM_MESSAGE_LENGTH) throw new RangeError(`${this.length} octets are read and not consumed`);
    const size = Math.max(Math.min(this.#wanted, this.#most), sizeFor(this.#lengthOfBegun()));
    if (size !== this.#octets.length) this.#resize(size);
    else if (this.#start > 0) {
      this.#octets.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    // Most sessions wait with an empty buffer, and need no view of their own.
    return this.#end === 0 ? this.#octets : this.#octets.subarray(this.#end);
  }

  /** Appends this many octets, which were read into {@link space}. */
  fill(octets: number): void {
    const size = this.#octets.length;
    this.#burst += octets;
    if (octets === size - this.#end) {
      this.#wanted = Math.max(this.#wanted, Math.min(size * GROWTH, this.#most));
    } else {
      this.#wanted = this.#sizeToKeep();
      this.#burst = 0;
    }
    this.#end += octets;
  }

  /** Discards all octets and releases the memory. May be called again, but nothing else may follow. */
  release(): void {
    if (this.#octets.length > 0) this.#pool.release(this.#octets);
    this.#memory?.hold(-counted(this.#octets.length));
    this.#octets = new Uint8Array(0);
    this.#start = this.#end = 0;
  }

  get #generous(): boolean {
    return this.#pool.generous && this.#memory?.generous !== false;
  }

  /** The size that a busy session may have now. */
  get #most(): number {
    if (!this.#generous) return MODEST_BUFFER;
    return this.#pool.leased <= FEW_OCTETS ? LARGEST_BUFFER : LARGE_BUFFER;
  }

  /** The size nearest to that of the last burst that may be kept while idle. */
  #sizeToKeep(): number {
    let size = SMALLEST_BUFFER;
    while (size * 2 <= this.#burst && size < LARGEST_BUFFER && this.#mayKeep(size * GROWTH)) size *= GROWTH;
    return size;
  }

  #mayKeep(size: number): boolean {
    return size <= MODEST_BUFFER ||
      (this.#generous && Math.min(size, LARGE_BUFFER) * this.#pool.leased <= LARGEST_KEPT);
  }

  /**
   * Length of the message that has begun, from its header; one octet more than there is, as long as the header is
   * incomplete.
   */
  #lengthOfBegun(): number {
    if (this.length < LENGTH_OFFSET + 2) return this.length + 1;
    return Math.max(u16At(this.#octets, this.#start + LENGTH_OFFSET), this.length + 1);
  }

  #resize(size: number): void {
    const octets = this.#pool.lease(size);
    octets.set(this.waiting());
    this.#pool.release(this.#octets);
    this.#memory?.hold(counted(size) - counted(this.#octets.length));
    this.#end -= this.#start;
    this.#start = 0;
    this.#octets = octets;
  }
}

/** Octets of a buffer of this size that count: every session may have a modest one. */
function counted(size: number): number {
  return size <= MODEST_BUFFER ? 0 : size;
}

function sizeFor(octets: number): number {
  let size = SMALLEST_BUFFER;
  while (size < octets) size *= GROWTH;
  return size;
}
