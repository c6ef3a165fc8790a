import { FLOW_FIELDS } from "./flow_fields.ts";

/** Where a 64-bit integer has its upper word on this machine. */
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/**
 * The values of one flow, by row of the table. One object is used for all flows, so that none is allocated for each.
 */
export class FlowValues {
  /** Whether the row has a value. */
  readonly present: Uint8Array = new Uint8Array(FLOW_FIELDS.length);
  /** Values of `number` and `seconds`; NaN if out of range. */
  readonly numbers: Float64Array = new Float64Array(FLOW_FIELDS.length);
  /** Values of `count`. */
  readonly counts: BigUint64Array = new BigUint64Array(FLOW_FIELDS.length);
  /** The same in words of 32 bits, which take no memory when they are read. */
  readonly #countWords = new Uint32Array(this.counts.buffer);
  /** Start and end of all other values in {@link octets}. */
  readonly starts: Int32Array = new Int32Array(FLOW_FIELDS.length);
  readonly ends: Int32Array = new Int32Array(FLOW_FIELDS.length);
  /** The octets that the flow or record was read from. */
  octets: Uint8Array = new Uint8Array(0);
  /** Whether the flow has an `app`, even an empty one. */
  app = false;

  clear(octets: Uint8Array): void {
    this.present.fill(0);
    this.octets = octets;
    this.app = false;
  }

  setNumber(row: number, value: number): void {
    this.present[row] = 1;
    this.numbers[row] = value;
  }

  setCount(row: number, value: bigint): void {
    this.present[row] = 1;
    this.counts[row] = value;
  }

  setOctets(row: number, start: number, end: number): void {
    this.present[row] = 1;
    this.starts[row] = start;
    this.ends[row] = end;
  }

  has(row: number): boolean {
    return this.present[row] === 1;
  }

  /** 0 if there is no value. */
  number(row: number): number {
    return this.has(row) ? this.numbers[row] ?? 0 : 0;
  }

  count(row: number): bigint {
    return this.has(row) ? this.counts[row] ?? 0n : 0n;
  }

  /** The upper 32 bits of a count. */
  countHigh(row: number): number {
    return this.has(row) ? this.#countWords[2 * row + HIGH] ?? 0 : 0;
  }

  /** The lower 32 bits of a count. */
  countLow(row: number): number {
    return this.has(row) ? this.#countWords[2 * row + 1 - HIGH] ?? 0 : 0;
  }

  start(row: number): number {
    return this.starts[row] ?? 0;
  }

  /** Length of the value in octets, 0 if there is none. */
  length(row: number): number {
    return this.has(row) ? (this.ends[row] ?? 0) - (this.starts[row] ?? 0) : 0;
  }

  /** Whether there is a value that differs from the default. */
  isSet(row: number): boolean {
    if (!this.has(row)) return false;
    switch (FLOW_FIELDS[row]?.kind) {
      case "number":
      case "seconds":
        return this.numbers[row] !== 0;
      case "count":
        return (this.countLow(row) | this.countHigh(row)) !== 0;
      default:
        return this.length(row) > 0;
    }
  }
}
