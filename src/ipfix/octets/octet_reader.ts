import { DecodeError, type RejectReason } from "./decode_error.ts";

/**
 * Reads numbers in network byte order from a range of octets, from front to back. Every read is checked in one place,
 * so that no decoder can read past the end of its range.
 *
 * Offsets count from the beginning of the octets, not of the range, so that errors give the offset in the message.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const reader = new OctetReader(Uint8Array.of(0, 10, 0, 16), 0, 4, "message_truncated");
 * assert.equal(reader.u16(), 10);
 * assert.equal(reader.remaining, 2);
 * assert.throws(() => reader.u32(), { reason: "message_truncated", offset: 2, extent: { wanted: 4, available: 2 } });
 * ```
 */
export class OctetReader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  #offset: number;

  /**
   * @param start first octet of the range
   * @param end octet after the last of the range
   * @param reason why the message is refused if a read that gives no reason of its own fails
   * @throws RangeError if the range is not inside the octets, which is a mistake of the caller, not of the input
   */
  constructor(
    octets: Uint8Array,
    start = 0,
    readonly end: number = octets.length,
    readonly reason: RejectReason = "message_truncated",
  ) {
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start > end || end > octets.length) {
      throw new RangeError(`cannot read octets ${start} to ${end} of ${octets.length}`);
    }
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#offset = start;
  }

  /** Where the next read begins. */
  get offset(): number {
    return this.#offset;
  }

  /** Octets left to read. */
  get remaining(): number {
    return this.end - this.#offset;
  }

  /** Where the zero octets at the end of the range begin; {@link offset} if all octets left to read are zero. */
  trailingZeros(): number {
    let start = this.end;
    while (start > this.#offset && this.#octets[start - 1] === 0) start--;
    return start;
  }

  /** @throws DecodeError if no octet is left; the reads below throw likewise */
  u8(reason?: RejectReason): number {
    return this.#view.getUint8(this.#advance(1, reason));
  }

  u16(reason?: RejectReason): number {
    return this.#view.getUint16(this.#advance(2, reason));
  }

  u32(reason?: RejectReason): number {
    return this.#view.getUint32(this.#advance(4, reason));
  }

  u64(reason?: RejectReason): bigint {
    return this.#view.getBigUint64(this.#advance(8, reason));
  }

  /** The next octets, as a view of the same memory. */
  octets(length: number, reason?: RejectReason): Uint8Array {
    const start = this.#advance(length, reason);
    return this.#octets.subarray(start, start + length);
  }

  skip(length: number, reason?: RejectReason): void {
    this.#advance(length, reason);
  }

  /** The one check of bounds. If it fails, nothing is consumed. */
  #advance(length: number, reason: RejectReason = this.reason): number {
    const start = this.#offset;
    if (!Number.isInteger(length) || length < 0) throw new RangeError(`cannot read ${length} octets`);
    if (length > this.end - start) {
      throw new DecodeError(reason, "octets missing", start, { wanted: length, available: this.end - start });
    }
    this.#offset = start + length;
    return start;
  }
}
