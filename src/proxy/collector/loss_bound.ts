/**
 * How many octets a collector may not have read although the kernel here took them: what both kernels can hold of one connection.
 * These are the largest defaults of Linux: `tcp_wmem` 4 MiB on this side, `tcp_rmem` 32 MiB on the other (6 MiB before Linux 6.18).
 */
export const LARGEST_IN_FLIGHT = (4 + 32) * 1024 * 1024;

const MARKS = 32;
/** Of every connection: at its beginning, nothing had been written. */
const FIRST_MARK: number[] = [0, 0];

/**
 * Counts the records that may be lost with a connection: those within the last octets written that both kernels together can hold.
 * All others have left this kernel and been read by the collector, so that the count is never too low; it is too high by what
 * the collector had read in truth, which nothing on this side can see.
 */
export class LossBound {
  readonly #inFlight: number;
  /** Totals (octets, records) as they stood when each of the last marks was set. Made with the second: most connections are idle. */
  #marks = FIRST_MARK;
  /** Marks ever set. */
  #count = 1;
  #octets = 0;
  #records = 0;

  /** @param inFlight octets that both kernels can hold */
  constructor(inFlight: number = LARGEST_IN_FLIGHT) {
    this.#inFlight = inFlight;
  }

  /** So many octets, with so many data records beginning in them, were taken by the kernel. */
  add(octets: number, records: number): void {
    const last = (this.#count - 1) % MARKS;
    // One mark more than the span needs keeps the oldest always further back than the octets in flight.
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

  /** Records that may be lost if the connection ends now. */
  get records(): number {
    const marks = this.#marks;
    // The newest mark that lies wholly behind what can be in flight; none while the connection is young.
    for (let back = 1; back <= Math.min(this.#count, MARKS); back++) {
      const mark = (this.#count - back) % MARKS;
      if (this.#octets - (marks[2 * mark] ?? 0) >= this.#inFlight) return this.#records - (marks[2 * mark + 1] ?? 0);
    }
    return this.#records;
  }
}
