import { DecodeError } from "../octets/decode_error.ts";
import { MESSAGE_HEADER_LENGTH } from "./message_header.ts";
import { u16At } from "../octets/network_order.ts";
import { OctetReader } from "../octets/octet_reader.ts";

/** Octets of a set header (RFC 7011 §3.3.2). */
export const SET_HEADER_LENGTH = 4;

/** Set id of template sets. */
export const TEMPLATE_SET_ID = 2;

/** Set id of options template sets. */
export const OPTIONS_TEMPLATE_SET_ID = 3;

/** The smallest set id that is the id of a template, whose data records the set holds. */
export const MINIMUM_DATA_SET_ID = 256;

/** The position of one set. Offsets count from the beginning of the octets that hold the message. */
export interface MessageSet {
  readonly id: number;
  /** First octet of the set's header; its content begins {@link SET_HEADER_LENGTH} octets later. */
  readonly offset: number;
  /** First octet of the content. */
  readonly contentOffset: number;
  /** Octets of the content, without the set's header: 0 for an empty set. */
  readonly length: number;
  /** Octet after the set's last. */
  readonly end: number;
}

/**
 * The sets of one message, in order. All of them are checked first, so that a message is accepted or refused as a
 * whole.
 *
 * @param start first octet of the message's header
 * @param end octet after the message's last: `start` + the header's length
 * @throws DecodeError `message_truncated` if the octets end before the message does, `set_length` for a length below 4,
 *   `set_overrun` for a set that overruns the message, `trailing_octets` for 1 to 3 octets after the last set
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const message = new Uint8Array(24);
 * writeSetHeader(message, 16, 256, 8);
 * assert.deepEqual(setsOfMessage(message, 0, 24), [{ id: 256, offset: 16, contentOffset: 20, length: 4, end: 24 }]);
 *
 * writeSetHeader(message, 16, 256, 9);
 * assert.throws(() => setsOfMessage(message, 0, 24), { reason: "set_overrun", offset: 16 });
 * ```
 */
export function setsOfMessage(octets: Uint8Array, start: number, end: number): readonly MessageSet[] {
  const sets: MessageSet[] = [];
  for (let at = firstSet(octets, start, end); at < end;) {
    const set = setAt(octets, at, end);
    sets.push(set);
    at = set.end;
  }
  return sets;
}

/**
 * Checks the sets of one message, of which there may be 16,000, and returns how many there are. Parameters and errors as
 * for {@link setsOfMessage}.
 */
export function countSets(octets: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = firstSet(octets, start, end); at < end; count++) at = setAt(octets, at, end).end;
  return count;
}

/** Where the first set of a message begins. @throws DecodeError `message_truncated` */
function firstSet(octets: Uint8Array, start: number, end: number): number {
  if (end > octets.length) {
    throw new DecodeError("message_truncated", "message ends early", start, {
      wanted: end - start,
      available: octets.length - start,
    });
  }
  const reader = new OctetReader(octets, start, end, "message_truncated");
  reader.skip(MESSAGE_HEADER_LENGTH);
  return reader.offset;
}

/**
 * The set at this offset of a message.
 *
 * @param end octet after the message's last
 * @throws DecodeError as {@link setsOfMessage}
 */
export function setAt(octets: Uint8Array, offset: number, end: number): MessageSet {
  if (end - offset < SET_HEADER_LENGTH) {
    throw new DecodeError("trailing_octets", `${end - offset} octets after the last set`, offset);
  }
  const id = u16At(octets, offset);
  const length = u16At(octets, offset + 2);
  if (length < SET_HEADER_LENGTH) {
    throw new DecodeError(
      "set_length",
      `length ${length} of set ${id} is less than the ${SET_HEADER_LENGTH} octets of its header`,
      offset + 2,
    );
  }
  if (length > end - offset) {
    throw new DecodeError("set_overrun", `set ${id} overruns its message`, offset, {
      wanted: length,
      available: end - offset,
    });
  }
  return {
    id,
    offset,
    contentOffset: offset + SET_HEADER_LENGTH,
    length: length - SET_HEADER_LENGTH,
    end: offset + length,
  };
}

/**
 * Writes a set header.
 *
 * @param length octets of the whole set, including these 4
 * @throws RangeError if the target has fewer than 4 octets from the offset
 */
export function writeSetHeader(target: Uint8Array, offset: number, id: number, length: number): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  view.setUint16(offset, id);
  view.setUint16(offset + 2, length);
}
