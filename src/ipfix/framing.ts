import { DecodeError } from "./decode_error.ts";
import { decodeLength, decodeMessageHeader, decodeVersion } from "./message_header.ts";
import { OctetReader } from "./octet_reader.ts";

/**
 * How long the message at the start of a stream's octets is, once all of it is there. What is no message is refused as soon as that
 * can be told: a wrong version by 2 octets, a length below 16 by 4, before anything more is waited for.
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
 * Checks that a datagram is one whole message and nothing else (RFC 7011 §10.3.3).
 *
 * @throws DecodeError `message_truncated` where the message is longer, `message_length` where it is shorter than the datagram, and
 *   what {@link decodeMessageHeader} throws
 */
export function checkDatagram(octets: Uint8Array, start = 0, end: number = octets.length): void {
  const { length } = decodeMessageHeader(octets, start, end);
  const available = end - start;
  if (length > available) {
    throw new DecodeError("message_truncated", "datagram is shorter than its message", start, {
      wanted: length,
      available,
    });
  }
  if (length < available) {
    const more = available - length;
    throw new DecodeError("message_length", `datagram goes on ${more} octets after its message`, start + length);
  }
}
