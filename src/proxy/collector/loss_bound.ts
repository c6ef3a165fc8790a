/**
 * Octets that the local kernel may have taken without the collector having read them: what both kernels can hold of one
 * connection. These are the largest defaults of Linux: `tcp_wmem` 4 MiB on this side, `tcp_rmem` 32 MiB on the other (6
 * MiB before Linux 6.18).
 */
export const LARGEST_IN_FLIGHT = (4 + 32) * 1024 * 1024;

const MARKS = 32;
/** The first mark of every connection: nothing written yet. */
const FIRST_MARK: number[] = [0, 0];

/**
 * Bounds the records that may be lost with a connection: those in the last octets written that both kernels together
 * can hold. The collector has read all others, so the count is never too low. It may be too high, as this side cannot
 * see what the collector has read.
 */
export class LossBound {
  readonly #inFlight: number;
  /**
   * Octets and records written when each of the last marks was set. Allocated with the second mark: most connections
   * are idle.
   */
  #marks = FIRST_MARK;
  /** Marks set so far. */
  #count = 1;
  #octets = 0;
  #records = 0;

  /** @param inFlight octets that both kernels together can hold */
  constructor(inFlight: number = LARGEST_IN_FLIGHT) {
    this.#inFlight = inFlight;
  }

  /** Adds octets taken by the kernel, and the number of data records that begin in them. */
  add(octets: number, records: number): void {
    const last = (this.#count - 1) % MARKS;
    // One mark more than needed, so that the oldest always lies before the octets in flight.
    if (this.#octets - (this.#marks[2 * last] ?? 0) >= this.#inFlight / (MARKS - 1)) {
      const marks = this.#marks === FIRST_MARK ? this.#marks = [...FIRST_MARK] : this.#marks;
      const next = this.#count % MARKS;
      marks[2 * next] = this.#octets;
      marks[2 * next + 1] = this.#records;
      this.#count++;
    }
    this.#octets += octets;
    this.#records += records;
  }

  /** Upper bound of the records lost if the connection ends now. */
  get records(): number {
    const marks = this.#marks;
    // The newest mark before everything that can be in flight. A young connection has none.
    for (let back = 1; back <= Math.min(this.#count, MARKS); back++) {
      const mark = (this.#count - back) % MARKS;
      if (this.#octets - (marks[2 * mark] ?? 0) >= this.#inFlight) return this.#records - (marks[2 * mark + 1] ?? 0);
    }
    return this.#records;
  }
}
