import type { BufferPool } from "./buffer_pool.ts";

/**
 * Octets of the buffer that rewritten messages are put into, and of the largest write. A rewriter needs at least 65535.
 */
export const OUTPUT_OCTETS = 256 * 1024;
/** Enough for one or two messages of one record each. */
const SMALLEST_OUTPUT = 4 * 1024;
/** Up to this length, copying the output costs less than keeping a whole output buffer while it is being written. */
const SMALL_OUTPUT = 16 * 1024;

/** The buffer for one session's output, leased only while the session needs it. */
export class OutputBuffer {
  readonly #pool: BufferPool;
  #leased: Uint8Array | undefined;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** The buffer to rewrite into, {@link OUTPUT_OCTETS} long unless {@link shrinkTo} left a smaller one. */
  lease(): Uint8Array {
    return this.#leased ??= this.#pool.lease(OUTPUT_OCTETS);
  }

  /**
   * Keeps as little memory as possible while output is being written, so that thousands of sessions that write at once
   * share one large buffer: none if the octets lie in the input buffer, a small one if they fit into it.
   *
   * @param octets the output
   * @param buffer what {@link lease} returned
   * @returns the octets to write, copied if they have moved
   */
  shrinkTo(octets: Uint8Array, buffer: Uint8Array): Uint8Array {
    const isInput = octets.byteOffset !== buffer.byteOffset || octets.buffer !== buffer.buffer;
    if (!isInput && octets.length > SMALL_OUTPUT) return octets;
    this.release();
    if (isInput) return octets;
    const small = this.#leased = this.#pool.lease(octets.length <= SMALLEST_OUTPUT ? SMALLEST_OUTPUT : SMALL_OUTPUT);
    small.set(octets);
    return small.subarray(0, octets.length);
  }

  /** Releases any buffer but this one: a small one is of no use for the next output. */
  releaseUnless(buffer: Uint8Array): void {
    if (this.#leased !== buffer) this.release();
  }

  release(): void {
    if (this.#leased !== undefined) this.#pool.release(this.#leased);
    this.#leased = undefined;
  }
}
