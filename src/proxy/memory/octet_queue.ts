import type { BufferPool } from "./buffer_pool.ts";

const SMALLEST = 4 * 1024;
const GROWTH = 4;
const NOTHING = new Uint8Array(0);

/**
 * A bounded first-in, first-out queue of octets, in one buffer that grows on demand and is released when the queue is
 * empty.
 */
export class OctetQueue {
  #octets: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** @param limit octets it can hold: a power of 4, at least 4096 */
  constructor(readonly pool: BufferPool, readonly limit: number) {}

  get length(): number {
    return this.#end - this.#start;
  }

  /** All octets that are queued. Valid until the next {@link push}, {@link take} or {@link clear}. */
  waiting(): Uint8Array {
    return this.#octets?.subarray(this.#start, this.#end) ?? NOTHING;
  }

  /** Appends octets. Returns false, and appends none, if they do not all fit. */
  push(octets: Uint8Array): boolean {
    const length = this.length + octets.length;
    if (length > this.limit) return false;
    this.#makeRoom(length, octets.length).set(octets, this.#end);
    this.#end += octets.length;
    return true;
  }

  /** Moves the first octets to the start of the view. Returns how many it moved. */
  take(view: Uint8Array): number {
    if (this.#octets === undefined) return 0;
    const length = Math.min(view.length, this.length);
    view.set(this.#octets.subarray(this.#start, this.#start + length));
    this.#start += length;
    if (this.#start === this.#end) this.clear();
    return length;
  }

  clear(): void {
    if (this.#octets !== undefined) this.pool.release(this.#octets);
    this.#octets = undefined;
    this.#start = this.#end = 0;
  }

  #makeRoom(length: number, more: number): Uint8Array {
    const octets = this.#octets;
    if (octets !== undefined && this.#end + more <= octets.length) return octets;
    let size = SMALLEST;
    while (size < length) size *= GROWTH;
    if (octets !== undefined && size <= octets.length) octets.copyWithin(0, this.#start, this.#end);
    else {
      this.#octets = this.pool.lease(size);
      if (octets !== undefined) {
        this.#octets.set(octets.subarray(this.#start, this.#end));
        this.pool.release(octets);
      }
    }
    this.#end -= this.#start;
    this.#start = 0;
    return this.#octets ?? octets ?? new Uint8Array(0);
  }
}
