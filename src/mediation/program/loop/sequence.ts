import { allocate, memoryWords, release } from "./memory.ts";
import { endSequence, followSequence } from "./rewrite_loop.ts";

const BLOCK_LENGTH = 64;
/** Over UDP, with the records that have not come yet. */
const DATAGRAMS_BLOCK_LENGTH = 128;
const DATAGRAMS = 1;
const SEVERAL_PORTS = 2;
const MANNER_INCLUSIVE = 2;

/**
 * Sequence numbers of one observation domain of a session (RFC 7011 §3.1), in the loop's memory.
 *
 * The exporter's numbers are passed on until something is split or dropped, or the collector's session is a new one.
 * From then on the records really sent are counted, in the exporter's own way: some exporters include a message's own
 * records in its number. Where that is known only later, the numbers are put right from there on.
 *
 * Over UDP, messages overtake each other and parts of them wait for their template: records that are missing are a gap
 * only once the exporter's clock has gone on by 10 seconds, or the session ends. A number from before of which nothing
 * is missing is a gap at once, as the message came twice or the exporter began anew.
 */
export class Sequence {
  readonly address: number;
  readonly #word: number;
  readonly #length: number;

  /**
   * @param datagrams whether the exporter's messages come over UDP
   * @throws RangeError when the loop's memory is used up
   */
  constructor(datagrams = false) {
    this.#length = datagrams ? DATAGRAMS_BLOCK_LENGTH : BLOCK_LENGTH;
    this.address = allocate(this.#length);
    if (this.address === 0) throw new RangeError("the rewrite loop's memory is used up");
    this.#word = this.address >>> 2;
    memoryWords.fill(0, this.#word, this.#word + this.#length / 4);
    if (datagrams) memoryWords[this.#word + 8] = DATAGRAMS;
  }

  /** Whether records sent are counted, instead of the exporter's numbers being passed on. */
  get counted(): boolean {
    return memoryWords[this.#word + 4] === 1;
  }

  /** How often the exporter's numbers jumped since the last call. */
  takeGaps(): number {
    const gaps = memoryWords[this.#word + 6] ?? 0;
    memoryWords[this.#word + 6] = 0;
    return gaps;
  }

  /** Stops looking for the way of counting: the numbers are those of several ports, which may count apart. */
  mix(): void {
    memoryWords[this.#word + 8] = SEVERAL_PORTS;
  }

  /** Counts what is still missing as gaps. */
  end(): number {
    return endSequence(this.address);
  }

  /** The numbers at the last gap. */
  get gap(): { readonly expected: number; readonly received: number } {
    return { expected: memoryWords[this.#word + 12] ?? 0, received: memoryWords[this.#word + 13] ?? 0 };
  }

  /** The exporter's next number, if it counts the records before a message. */
  get expected(): number {
    return memoryWords[this.#word + 2] ?? 0;
  }

  /** The number that a message without records would have now. */
  get current(): number {
    return this.#inclusive ? memoryWords[this.#word + 1] ?? 0 : this.expected;
  }

  get #inclusive(): boolean {
    return memoryWords[this.#word + 3] === MANNER_INCLUSIVE;
  }

  /**
   * Follows a message that came in with this number and this many data records.
   *
   * @param certain false if it held records that could not be counted, so that neither its number nor the next one says
   *   anything
   * @param exportTime seconds, by the exporter's clock
   * @returns how many gaps are known by it: over UDP they may be older
   */
  follow(received: number, records: number, certain = true, exportTime = 0): number {
    const first = memoryWords[this.#word] === 0;
    // A first message whose number is that of its own records comes from an exporter that includes them; otherwise it
    // would be 0.
    if (first && certain && records > 0 && received === records) memoryWords[this.#word + 3] = MANNER_INCLUSIVE;
    return followSequence(this.address, received, records, certain, exportTime);
  }

  /**
   * Counts what is sent from here on.
   *
   * @param received the current message's number, of whose `records` none has been sent yet
   */
  depart(received: number, records: number): void {
    if (this.counted) return;
    memoryWords[this.#word + 4] = 1;
    memoryWords[this.#word + 5] = this.#inclusive ? received - records : received;
    memoryWords[this.#word + 7] = records;
  }

  /** Counts from 0, for a new transport session to the collector. */
  restart(): void {
    memoryWords[this.#word + 4] = 1;
    memoryWords[this.#word + 5] = 0;
    memoryWords[this.#word + 7] = 0;
  }

  /** The number of a message that is sent with this many records, which are counted. */
  next(records: number): number {
    const before = memoryWords[this.#word + 5] ?? 0;
    memoryWords[this.#word + 5] = before + records;
    return this.#inclusive ? (before + records) >>> 0 : before;
  }

  close(): void {
    release(this.address, this.#length);
  }
}

/** A new sequence; undefined when the loop's memory is used up. */
export function openSequence(datagrams: boolean): Sequence | undefined {
  try {
    return new Sequence(datagrams);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
