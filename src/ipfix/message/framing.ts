import type { RejectReason } from "../octets/decode_error.ts";
import { decodeLength, decodeVersion, IPFIX_VERSION, LENGTH_OFFSET, MESSAGE_HEADER_LENGTH } from "./message_header.ts";
import { u16At } from "../octets/network_order.ts";
import { OctetReader } from "../octets/octet_reader.ts";

/**
 * The length of the message at the start of a stream's octets, once all of it has arrived. What is no message is
 * refused as early as possible: a wrong version after 2 octets, a length below 16 after 4.
 *
 * @returns octets of the message; `incomplete` if more must arrive first
 * @throws DecodeError `message_version`, `message_length`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const octets = Uint8Array.of(0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
 * assert.equal(nextMessageLength(octets), 16);
 * assert.equal(nextMessageLength(octets, 0, 15), "incomplete");
 * assert.throws(() => nextMessageLength(Uint8Array.of(0, 9)), { reason: "message_version" });
 * ```
 */
export function nextMessageLength(octets: Uint8Array, start = 0, end: number = octets.length): number | "incomplete" {
  const reader = new OctetReader(octets, start, end);
  if (reader.remaining < 2) return "incomplete";
  decodeVersion(reader);
  if (reader.remaining < 2) return "incomplete";
  const length = decodeLength(reader);
  return length <= end - start ? length : "incomplete";
}

/**
 * Why a datagram is not exactly one whole message (RFC 7011 §10.3.3); undefined if it is. Nothing is thrown, because
 * anyone can send a flood of datagrams and errors are slow.
 *
 * @returns `message_version` for another version in the first two octets; `message_truncated` if the datagram is
 *   shorter than its header or message; `message_length` if it is longer than its message
 */
export function datagramFault(datagram: Uint8Array): RejectReason | undefined {
  if (datagram.length >= 2 && u16At(datagram, 0) !== IPFIX_VERSION) return "message_version";
  if (datagram.length < MESSAGE_HEADER_LENGTH) return "message_truncated";
  const length = u16At(datagram, LENGTH_OFFSET);
  if (length === datagram.length) return undefined;
  return length > datagram.length ? "message_truncated" : "message_length";
}
