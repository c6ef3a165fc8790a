import { concatenate } from "../ipfix/concatenate.ts";
import { encodeVariableLength } from "../ipfix/data_record.ts";
import { Unmappable } from "./reference_scope.ts";

/** Octets that one record, or the records of one list, may have: as many as a variable field can say. */
export const LONGEST_RECORD = 65535;

/** The length again. @throws Unmappable where it is more than {@link LONGEST_RECORD} */
export function checkedLength(length: number): number {
  if (length > LONGEST_RECORD) throw new Unmappable("record_too_long", "a list outgrows its record");
  return length;
}

/**
 * A value behind its length octets: those that it had where its length is the same, else the shortest form (RFC 7011 §7).
 *
 * @param prefix the length octets that it had, none in a fixed field
 * @param before octets that the value had
 * @throws Unmappable for a fixed field that it does not fill, or a length that no field can say
 */
export function withLength(octets: Uint8Array, prefix: Uint8Array, before: number, variable: boolean): Uint8Array {
  if (octets.length === before) return concatenate([prefix, octets]);
  if (!variable) {
    throw new Unmappable("fixed_length_list", `a list of ${octets.length} octets in a field of ${before}`);
  }
  return concatenate([encodeVariableLength(checkedLength(octets.length)), octets]);
}

/** The number in network byte order, in one octet or two. */
export function numberOctets(value: number, length: number): Uint8Array {
  return length === 1 ? Uint8Array.of(value & 0xff) : Uint8Array.of(value >> 8, value & 0xff);
}
