import { concatenate } from "../../ipfix/octets/concatenate.ts";
import { encodeVariableLength } from "../../ipfix/record/variable_length.ts";
import type { FieldPlace } from "./reference_fields.ts";
import { Unmappable } from "./reference_scope.ts";

/**
 * Maximum length in octets of one record, or of the records of one list: the most that a variable-length field can
 * hold.
 */
export const LONGEST_RECORD = 65535;

/** Returns the length. @throws Unmappable if it exceeds {@link LONGEST_RECORD} */
export function checkedLength(length: number): number {
  if (length > LONGEST_RECORD) throw new Unmappable("record_too_long", "a list outgrows its record");
  return length;
}

/**
 * A record whose values are replaced from front to back. A replacement of the same length happens in place, without
 * copying.
 */
export class PatchedOctets {
  readonly #parts: Uint8Array[] = [];
  #done = 0;
  #length = 0;

  /** @param octets a private copy, which is modified in place */
  constructor(readonly octets: Uint8Array) {}

  /**
   * Replaces the value of a field. The length prefix stays if the length is unchanged; otherwise the shortest form is
   * used (RFC 7011 §7).
   *
   * @throws Unmappable if the value does not match the length of a fixed-length field, or exceeds what a field can hold
   */
  replace({ start, value, end }: FieldPlace, octets: Uint8Array, variable: boolean): void {
    if (octets.length === end - value) {
      this.octets.set(octets, value);
      return;
    }
    if (!variable) {
      throw new Unmappable("fixed_length_list", `a list of ${octets.length} octets in a field of ${end - value}`);
    }
    this.#push(this.octets.subarray(this.#done, start));
    this.#push(encodeVariableLength(checkedLength(octets.length)));
    this.#push(octets);
    this.#done = end;
  }

  /** Returns the patched record. @throws Unmappable if it has become too long */
  result(): Uint8Array {
    if (this.#parts.length === 0) return this.octets;
    this.#push(this.octets.subarray(this.#done));
    return concatenate(this.#parts);
  }

  #push(octets: Uint8Array): void {
    this.#length = checkedLength(this.#length + octets.length);
    this.#parts.push(octets);
  }
}

/** Encodes the number in network byte order, in one or two octets. */
export function numberOctets(value: number, length: number): Uint8Array {
  return length === 1 ? Uint8Array.of(value & 0xff) : Uint8Array.of(value >> 8, value & 0xff);
}
