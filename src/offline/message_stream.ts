import { DecodeError } from "../ipfix/octets/decode_error.ts";
import { foreignProtocol } from "../ipfix/message/foreign_protocol.ts";
import {
  decodeMessageHeader,
  IPFIX_VERSION,
  LENGTH_OFFSET,
  MESSAGE_HEADER_LENGTH,
} from "../ipfix/message/message_header.ts";
import { u16At } from "../ipfix/octets/network_order.ts";
import { foreignFile } from "./foreign_file.ts";

/** Consumes whole messages from a stream of octets, in bounded memory. */
export interface MessageConsumer {
  /**
   * Takes whole messages from the start of the octets. May still produce output where there are none.
   *
   * @param octets the octets not taken yet; the buffer is reused after the call
   * @returns how many octets were taken; undefined: nothing was taken and nothing is left to do before more octets come
   * @throws DecodeError with the offset counted from the start of `octets`
   */
  take(octets: Uint8Array): Promise<number | undefined>;
}

/** The broken message at which reading a stream ended. */
export class BrokenMessage extends Error {
  override readonly name = "BrokenMessage";

  /** @param offset the octet of the stream, counted from 0, at which the message breaks: always inside the message */
  constructor(readonly offset: number, cause: DecodeError, hint: string | undefined) {
    const { extent } = cause;
    super(
      `broken message at octet ${offset} of the input: ${cause.what}` +
        (extent === undefined ? "" : ` (wanted ${extent.wanted}, available ${extent.available})`) +
        (hint === undefined ? "" : `; this looks like ${hint}, not IPFIX`),
      { cause },
    );
  }
}

/** Room for the largest message and a large read after it. */
const BUFFER_LENGTH = 256 * 1024;

/**
 * Reads the stream to its end and passes it to the consumer.
 *
 * @param read fills the start of its argument; returns the number of octets, or null at the end
 * @param onPassedOver goes on behind a broken message whose length leads to the beginning of another message or to the
 *   end of the stream, and receives what was passed over; without it, reading ends at the first
 * @throws BrokenMessage at the first message that breaks RFC 7011, including a truncated last one; the consumer has had
 *   all messages before it
 */
export async function consumeStream(
  read: (into: Uint8Array) => Promise<number | null>,
  consumer: MessageConsumer,
  onPassedOver?: (broken: BrokenMessage) => void,
): Promise<void> {
  const buffer = new Uint8Array(BUFFER_LENGTH);
  /** Octets of the stream before those in the buffer. */
  let before = 0;
  let start = 0;
  let end = 0;
  /** A broken message at the start of the octets, behind which there may be another. */
  let broken: BrokenMessage | undefined;
  while (true) {
    if (end === buffer.length) throw new Error("a message exceeds the largest size and was not refused");
    const count = await read(buffer.subarray(end));
    end += count ?? 0;
    if (broken !== undefined) {
      const length = lengthToNext(buffer.subarray(start, end), count === null);
      if (length === "unknown") throw broken;
      if (length === "incomplete") continue;
      onPassedOver?.(broken);
      start += length;
      broken = undefined;
    }
    try {
      let taken: number | undefined;
      while ((taken = await consumer.take(buffer.subarray(start, end))) !== undefined) start += taken;
      if (count === null && start < end) throw truncated(buffer.subarray(start, end));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      broken = brokenMessage(error, before + start, buffer.subarray(start, end));
      if (onPassedOver === undefined) throw broken;
    }
    if (count === null && broken === undefined) return;
    buffer.copyWithin(0, start, end);
    before += start;
    end -= start;
    start = 0;
  }
}

/** The error for a message whose end is missing. */
function truncated(octets: Uint8Array): DecodeError {
  try {
    const { length } = decodeMessageHeader(octets);
    return new DecodeError("message_truncated", "the input ends inside the message", 0, {
      wanted: length,
      available: octets.length,
    });
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

function brokenMessage(error: DecodeError, start: number, octets: Uint8Array): BrokenMessage {
  // Some errors point past the last octet present; the reported offset is always inside the message.
  const offset = Math.min(error.offset, messageLength(octets) - 1);
  const hint = foreignProtocol(octets) ?? (start === 0 ? foreignFile(octets) : undefined);
  return new BrokenMessage(start + Math.max(0, offset), error, hint);
}

/**
 * Octets of a broken message, if its length field leads to the beginning of another message or to the end of the
 * stream.
 *
 * @param atEnd whether nothing comes behind these octets
 */
function lengthToNext(octets: Uint8Array, atEnd: boolean): number | "incomplete" | "unknown" {
  if (octets.length < MESSAGE_HEADER_LENGTH) return atEnd ? "unknown" : "incomplete";
  const length = u16At(octets, LENGTH_OFFSET);
  if (length < MESSAGE_HEADER_LENGTH) return "unknown";
  if (atEnd && length === octets.length) return length;
  if (octets.length < length + MESSAGE_HEADER_LENGTH) return atEnd ? "unknown" : "incomplete";
  const isNext = u16At(octets, length) === IPFIX_VERSION &&
    u16At(octets, length + LENGTH_OFFSET) >= MESSAGE_HEADER_LENGTH;
  return isNext ? length : "unknown";
}

/** Octets of the message that are present. */
function messageLength(octets: Uint8Array): number {
  try {
    return Math.min(decodeMessageHeader(octets).length, octets.length);
  } catch {
    return octets.length;
  }
}
