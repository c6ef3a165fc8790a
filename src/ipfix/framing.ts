import type { RejectReason } from "./decode_error.ts";
import { decodeLength, decodeVersion, IPFIX_VERSION, LENGTH_OFFSET, MESSAGE_HEADER_LENGTH } from "./message_header.ts";
import { u16At } from "./network_order.ts";
import { OctetReader } from "./octet_reader.ts";

/**
 * How long the message at the start of a stream's octets is, once all of it is there. What is no message is refused as
 * soon as that can be told: a wrong version by 2 octets, a length below 16 by 4, before anything more is waited for.
 *
 * @returns octets of the message; `incomplete` where more must come first
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
 * Why a datagram is not one whole message and nothing else (RFC 7011 §10.3.3); undefined where it is. Nothing is
 * thrown: anyone can send a flood of datagrams.
 *
 * @returns `message_version` by the first two octets; `message_truncated` where its header or message is not all there;
 *   `message_length` where the message ends before the datagram does
 */
export function datagramFault(datagram: Uint8Array): RejectReason | undefined {
  if (datagram.length >= 2 && u16At(datagram, 0) !== IPFIX_VERSION) return "message_version";
  if (datagram.length < MESSAGE_HEADER_LENGTH) return "message_truncated";
  const length = u16At(datagram, LENGTH_OFFSET);
  if (length === datagram.length) return undefined;
  return length > datagram.length ? "message_truncated" : "message_length";
}
