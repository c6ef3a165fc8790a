import { allocate, memoryWords, release } from "./memory.ts";
import { followSequence } from "./rewrite_loop.ts";

const BLOCK_LENGTH = 64;
const MANNER_INCLUSIVE = 2;

/**
 * Sequence numbers of one observation domain of a session (RFC 7011 §3.1), in the loop's memory.
 *
 * The exporter's numbers go out as they came in, until something is split or dropped or the collector's session is a new one; from
 * there on what is really sent is counted, in the exporter's own manner: some count a message's own records in its number.
 */
export class Sequence {
  readonly address: number;
  readonly #word: number;

  /** @throws RangeError when the loop's memory is used up */
  constructor() {
    this.address = allocate(BLOCK_LENGTH);
    if (this.address === 0) throw new RangeError("the rewrite loop's memory is used up");
    this.#word = this.address >>> 2;
    memoryWords.fill(0, this.#word, this.#word + BLOCK_LENGTH / 4);
  }

  /** Whether what is sent is counted, instead of the exporter's numbers taken. */
  get counted(): boolean {
    return memoryWords[this.#word + 4] === 1;
  }

  /** Times the exporter's numbers jumped since this was last asked. */
  takeGaps(): number {
    const gaps = memoryWords[this.#word + 6] ?? 0;
    memoryWords[this.#word + 6] = 0;
    return gaps;
  }

  /** The exporter's next number, where it counts what was sent before. */
  get expected(): number {
    return memoryWords[this.#word + 2] ?? 0;
  }

  /** The number of a message that the exporter would send now without any record. */
  get current(): number {
    return this.#inclusive ? memoryWords[this.#word + 1] ?? 0 : this.expected;
  }

  get #inclusive(): boolean {
    return memoryWords[this.#word + 3] === MANNER_INCLUSIVE;
  }

  /**
   * Takes note of a message that came in with this number and so many data records.
   *
   * @param certain false: it held more that could not be counted, so that nothing can be learnt of its number or the next
   * @returns whether records are missing before it
   */
  follow(received: number, records: number, certain = true): boolean {
    const first = memoryWords[this.#word] === 0;
    // A first message whose number is just its own records: an exporter that counts those (its first number else is 0).
    if (first && certain && records > 0 && received === records) memoryWords[this.#word + 3] = MANNER_INCLUSIVE;
    return followSequence(this.address, received, records, certain);
  }

  /** From here on what is sent is counted. `received` and `records`: of the message in hand, none of which has gone out yet. */
  depart(received: number, records: number): void {
    if (this.counted) return;
    memoryWords[this.#word + 4] = 1;
    memoryWords[this.#word + 5] = this.#inclusive ? received - records : received;
  }

  /** A new transport session to the collector: counts from 0. */
  restart(): void {
    memoryWords[this.#word + 4] = 1;
    memoryWords[this.#word + 5] = 0;
  }

  /** The number of a counted message that goes out with so many records; these are counted by it. */
  next(records: number): number {
    const before = memoryWords[this.#word + 5] ?? 0;
    memoryWords[this.#word + 5] = before + records;
    return this.#inclusive ? (before + records) >>> 0 : before;
  }

  close(): void {
    release(this.address, BLOCK_LENGTH);
  }
}
