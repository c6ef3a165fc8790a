import { FLOW_FIELDS } from "./flow_fields.ts";

/**
 * The values of one flow by row of the table, on their way from one side to the other. One object serves all flows: nothing is made
 * for a flow that is gone with it.
 */
export class FlowValues {
  /** Whether the row has a value; what is unset is zero, or empty. */
  readonly present: Uint8Array = new Uint8Array(FLOW_FIELDS.length);
  /** Of `number` and `seconds`. NaN: one that the other side cannot hold. */
  readonly numbers: Float64Array = new Float64Array(FLOW_FIELDS.length);
  /** Of `count`. */
  readonly counts: BigUint64Array = new BigUint64Array(FLOW_FIELDS.length);
  /** Where the octets of all others lie in {@link octets}. */
  readonly starts: Int32Array = new Int32Array(FLOW_FIELDS.length);
  readonly ends: Int32Array = new Int32Array(FLOW_FIELDS.length);
  /** What the flow or the record was read from. */
  octets: Uint8Array = new Uint8Array(0);
  /** Whether the flow has an `app`, be that empty: releases that do not know of it send none. */
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

  /** 0 where it is not there. */
  number(row: number): number {
    return this.has(row) ? this.numbers[row] ?? 0 : 0;
  }

  count(row: number): bigint {
    return this.has(row) ? this.counts[row] ?? 0n : 0n;
  }

  start(row: number): number {
    return this.starts[row] ?? 0;
  }

  /** Octets of the value; 0 where it is not there. */
  length(row: number): number {
    return this.has(row) ? (this.ends[row] ?? 0) - (this.starts[row] ?? 0) : 0;
  }

  /** Whether the value is something else than what an unset field says. */
  isSet(row: number): boolean {
    if (!this.has(row)) return false;
    switch (FLOW_FIELDS[row]?.kind) {
      case "number":
      case "seconds":
        return this.numbers[row] !== 0;
      case "count":
        return this.counts[row] !== 0n;
      default:
        return this.length(row) > 0;
    }
  }
}
