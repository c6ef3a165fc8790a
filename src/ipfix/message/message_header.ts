import { DecodeError } from "../octets/decode_error.ts";
import { u32At } from "../octets/network_order.ts";
import { OctetReader } from "../octets/octet_reader.ts";

/** The version number of every IPFIX message (RFC 7011 §3.1). */
export const IPFIX_VERSION = 10;

/** Octets of a message header. */
export const MESSAGE_HEADER_LENGTH = 16;

/** Octets of the longest message: its length is a 16-bit number. */
export const MAXIMUM_MESSAGE_LENGTH = 65535;
/** Offset of the message's length in its header. */
export const LENGTH_OFFSET = 2;
/** Offset of the export time in a message header. */
export const EXPORT_TIME_OFFSET = 4;
/** Offset of the observation domain id in a message header. */
export const OBSERVATION_DOMAIN_OFFSET = 12;

/** The header of a message (RFC 7011 §3.1). */
export interface MessageHeader {
  /** Always 10 in a header that was decoded. */
  readonly version: number;
  /** Octets of the whole message, header included. */
  readonly length: number;
  /** Seconds since 1970, as an unsigned 32 bit number. */
  readonly exportTime: number;
  readonly sequenceNumber: number;
  readonly observationDomainId: number;
}

/**
 * Decodes the header that begins at the offset. Whether the rest of the message is there is checked by `framing.ts` and
 * `set.ts`.
 *
 * @throws DecodeError `message_version` for another version than 10, `message_length` for a length below 16,
 *   `message_truncated` if the octets end inside the header
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const octets = new Uint8Array(16);
 * writeMessageHeader(octets, 0, { version: 10, length: 16, exportTime: 1700000000, sequenceNumber: 7, observationDomainId: 1 });
 * assert.equal(decodeMessageHeader(octets).sequenceNumber, 7);
 *
 * octets[1] = 9; // NetFlow v9
 * assert.throws(() => decodeMessageHeader(octets), { reason: "message_version", offset: 0 });
 * ```
 */
export function decodeMessageHeader(octets: Uint8Array, offset = 0, end: number = octets.length): MessageHeader {
  const reader = new OctetReader(octets, offset, end, "message_truncated");
  const version = decodeVersion(reader);
  const length = decodeLength(reader);
  return {
    version,
    length,
    exportTime: reader.u32(),
    sequenceNumber: reader.u32(),
    observationDomainId: reader.u32(),
  };
}

/** @throws DecodeError `message_version` */
export function decodeVersion(reader: OctetReader): number {
  const { offset } = reader;
  const version = reader.u16();
  if (version === IPFIX_VERSION) return version;
  throw new DecodeError("message_version", `message version ${version} is not ${IPFIX_VERSION}`, offset);
}

/** @throws DecodeError `message_length` */
export function decodeLength(reader: OctetReader): number {
  const { offset } = reader;
  const length = reader.u16();
  if (length >= MESSAGE_HEADER_LENGTH) return length;
  const problem = `message length ${length} is less than the ${MESSAGE_HEADER_LENGTH} octets of its header`;
  throw new DecodeError("message_length", problem, offset);
}

/** The observation domain id in the header of a whole message. */
export function observationDomainOf(message: Uint8Array): number {
  return u32At(message, OBSERVATION_DOMAIN_OFFSET);
}

/**
 * Writes the header unchecked; numbers are taken modulo their size.
 *
 * @throws RangeError if the target has fewer than 16 octets from the offset
 */
export function writeMessageHeader(target: Uint8Array, offset: number, header: MessageHeader): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  view.setUint16(offset, header.version);
  view.setUint16(offset + 2, header.length);
  view.setUint32(offset + 4, header.exportTime);
  view.setUint32(offset + 8, header.sequenceNumber);
  view.setUint32(offset + 12, header.observationDomainId);
}
