import { concatenate } from "../../ipfix/concatenate.ts";
import { encodeVariableLength } from "../../ipfix/variable_length.ts";
import type { FieldPlace } from "./reference_fields.ts";
import { Unmappable } from "./reference_scope.ts";

/** Octets that one record, or the records of one list, may have: as many as a variable field can say. */
export const LONGEST_RECORD = 65535;

/** The length again. @throws Unmappable where it is more than {@link LONGEST_RECORD} */
export function checkedLength(length: number): number {
  if (length > LONGEST_RECORD) throw new Unmappable("record_too_long", "a list outgrows its record");
  return length;
}

/** Octets in which values are replaced, from front to back: in place where the length stays, which costs nothing. */
export class PatchedOctets {
  readonly #parts: Uint8Array[] = [];
  #done = 0;
  #length = 0;

  /** @param octets a copy of its own: changed in place */
  constructor(readonly octets: Uint8Array) {}

  /**
   * Replaces the value of a field. Its length octets stay where the length does, else they take the shortest form (RFC 7011 §7).
   *
   * @throws Unmappable for a fixed field that the value does not fill, or more octets than a field can say
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

  /** All octets. @throws Unmappable where they have become too many */
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

/** The number in network byte order, in one octet or two. */
export function numberOctets(value: number, length: number): Uint8Array {
  return length === 1 ? Uint8Array.of(value & 0xff) : Uint8Array.of(value >> 8, value & 0xff);
}
