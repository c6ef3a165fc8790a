/**
 * Octets that the local kernel may have taken without the collector having read them: what both kernels can hold of one
 * connection. These are the largest defaults of Linux: `tcp_wmem` 4 MiB on this side, `tcp_rmem` 32 MiB on the other (6
 * MiB before Linux 6.18).
 */
const LARGEST_IN_FLIGHT = (4 + 32) * 1024 * 1024;

const MARKS = 32;
/** The first mark of every connection: nothing written yet. */
const FIRST_MARK: number[] = [0, 0];

/** Milliseconds within which the network delivers octets, retransmissions included. */
export const DELIVERED_WITHIN = 2_000;
const TIME_MARKS = 16;
/** Milliseconds between marks; two are set at a time, at most. */
const SPACING = DELIVERED_WITHIN / 6;
/** Milliseconds from which on a write counts as having waited for room. */
const WAITED = 100;
/** Milliseconds for which a connection on which a write had to wait may be behind. */
const BEHIND = 60_000;

/**
 * Bounds the records that may be lost with a connection, never too low.
 *
 * A kernel closes a connection in order only if its process has read all that had arrived; with octets unread, or
 * arriving later, it resets it (RFC 1122 §4.2.2.13). A half-close shows nothing of that. So with a connection that was
 * closed in order, only what was still on its way is lost: at most what was written within {@link DELIVERED_WITHIN}.
 * Otherwise, or if a write had to wait for room recently, it may be all that both kernels can hold, as this side cannot
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
  /** Times, and the records that had been taken by then. */
  #times: number[] | undefined;
  #timesCount = 0;
  /** When the last write was taken, and all records until then. */
  #takenAt = -Infinity;
  #taken = 0;
  #begunAt = 0;
  #waitedAt = -Infinity;

  /** @param inFlight octets that both kernels together can hold */
  constructor(inFlight: number = LARGEST_IN_FLIGHT) {
    this.#inFlight = inFlight;
  }

  /** Adds octets that are written next, and the number of data records that begin in them. */
  add(octets: number, records: number, now: number): void {
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
    this.#begunAt = now;
  }

  /**
   * The kernel has taken all that was added.
   *
   * @param waited whether it had no room for it at first
   */
  take(now: number, waited: boolean): void {
    if (waited || now - this.#begunAt >= WAITED) this.#waitedAt = now;
    const newest = this.#times?.[2 * ((this.#timesCount - 1) % TIME_MARKS)] ?? -Infinity;
    if (now - newest >= SPACING) {
      if (this.#takenAt > newest) this.#mark(this.#takenAt, this.#taken);
      this.#mark(now, this.#records);
    }
    this.#takenAt = now;
    this.#taken = this.#records;
  }

  /**
   * Upper bound of the records lost if the connection ends now.
   *
   * @param inOrder whether the collector's kernel has closed it in order
   */
  records(now: number, inOrder: boolean): number {
    const held = this.#heldByKernels();
    if (!inOrder || now - this.#waitedAt < BEHIND) return held;
    return Math.min(held, this.#records - this.#takenBy(now - DELIVERED_WITHIN));
  }

  #mark(time: number, records: number): void {
    const times = this.#times ??= [];
    const next = this.#timesCount++ % TIME_MARKS;
    times[2 * next] = time;
    times[2 * next + 1] = records;
  }

  /** Records taken by this time, or fewer. */
  #takenBy(time: number): number {
    if (this.#takenAt <= time) return this.#taken;
    let taken = 0;
    for (let back = 1; back <= Math.min(this.#timesCount, TIME_MARKS); back++) {
      const mark = 2 * ((this.#timesCount - back) % TIME_MARKS);
      if ((this.#times?.[mark] ?? Infinity) <= time) {
        taken = this.#times?.[mark + 1] ?? 0;
        break;
      }
    }
    return taken;
  }

  #heldByKernels(): number {
    const marks = this.#marks;
    // The newest mark before everything that can be in flight. A young connection has none.
    for (let back = 1; back <= Math.min(this.#count, MARKS); back++) {
      const mark = (this.#count - back) % MARKS;
      if (this.#octets - (marks[2 * mark] ?? 0) >= this.#inFlight) return this.#records - (marks[2 * mark + 1] ?? 0);
    }
    return this.#records;
  }
}
