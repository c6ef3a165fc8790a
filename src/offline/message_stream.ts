import { DecodeError } from "../ipfix/decode_error.ts";
import { foreignProtocol } from "../ipfix/foreign_protocol.ts";
import { decodeMessageHeader } from "../ipfix/message_header.ts";
import { foreignFile } from "./foreign_file.ts";

/** What both `rewrite` and `inspect` read: whole messages off a stream of octets, in memory that does not grow. */
export interface MessageConsumer {
  /**
   * Takes whole messages from the start of the octets, and may have something left to say when there are none.
   *
   * @param octets from the first one not taken yet; reused after the call
   * @returns how many octets were taken; undefined: nothing was taken and nothing is left to do before more octets come
   * @throws DecodeError with the offset counted from the start of `octets`
   */
  take(octets: Uint8Array): Promise<number | undefined>;
}

/** The message at which reading a stream ended. */
export class BrokenMessage extends Error {
  override readonly name = "BrokenMessage";

  /** @param offset the octet of the stream, counted from 0, at which the message breaks: always one of the message's own */
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

/** Room for a message of the largest size and for a large read behind it. */
const BUFFER_LENGTH = 256 * 1024;

/**
 * Reads the stream to its end and gives it to the consumer.
 *
 * @param read fills the start of its argument; gives how many octets, null at the end
 * @throws BrokenMessage at the first message that breaks RFC 7011, a last one that is cut off included; the consumer has had all
 *   before it
 */
export async function consumeStream(
  read: (into: Uint8Array) => Promise<number | null>,
  consumer: MessageConsumer,
): Promise<void> {
  const buffer = new Uint8Array(BUFFER_LENGTH);
  /** Octets of the stream that came before those in the buffer. */
  let before = 0;
  let start = 0;
  let end = 0;
  while (true) {
    if (end === buffer.length) throw new Error("a message is larger than any may be, and nobody said so");
    const count = await read(buffer.subarray(end));
    end += count ?? 0;
    try {
      let taken: number | undefined;
      while ((taken = await consumer.take(buffer.subarray(start, end))) !== undefined) start += taken;
      if (count === null && start < end) throw truncated(buffer.subarray(start, end));
    } catch (error) {
      throw error instanceof DecodeError ? brokenMessage(error, before + start, buffer.subarray(start, end)) : error;
    }
    if (count === null) return;
    buffer.copyWithin(0, start, end);
    before += start;
    end -= start;
    start = 0;
  }
}

/** What is wrong with the beginning of a message after which nothing comes. */
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
  // Some errors point behind the last octet that is there; the place named shall be one that can be looked at.
  const offset = Math.min(error.offset, messageLength(octets) - 1);
  const hint = foreignProtocol(octets) ?? (start === 0 ? foreignFile(octets) : undefined);
  return new BrokenMessage(start + Math.max(0, offset), error, hint);
}

/** Octets of the message that are there. */
function messageLength(octets: Uint8Array): number {
  try {
    return Math.min(decodeMessageHeader(octets).length, octets.length);
  } catch {
    return octets.length;
  }
}
