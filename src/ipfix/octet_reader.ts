import { DecodeError, type RejectReason } from "./decode_error.ts";

/**
 * Reads network byte order out of a stretch of octets, from front to back. Every read is checked in one place, so that
 * nothing in this room can read past the end it was given.
 *
 * Offsets count from the beginning of the octets, not of the stretch: so errors say where in the message they happened.
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
   * @param start first octet of the stretch
   * @param end octet after the last of the stretch
   * @param reason why the message is refused where a read does not give its own reason
   * @throws RangeError where the stretch does not lie inside the octets: a mistake of the caller, not of the input
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

  /** @throws DecodeError where no octet is left, as in all the reads below. */
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

  /** The next octets as a view of the same memory: copy them to keep them. */
  octets(length: number, reason?: RejectReason): Uint8Array {
    const start = this.#advance(length, reason);
    return this.#octets.subarray(start, start + length);
  }

  skip(length: number, reason?: RejectReason): void {
    this.#advance(length, reason);
  }

  /** The one check of bounds. Nothing is consumed where it fails. */
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
