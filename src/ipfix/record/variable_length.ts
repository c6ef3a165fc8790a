import { DecodeError } from "../octets/decode_error.ts";
import type { OctetReader } from "../octets/octet_reader.ts";

/** The length octet that stands for the long form: the length is in the next two octets (RFC 7011 §7). */
export const LONG_FORM_MARKER = 255;

/**
 * Reads a variable-length field and returns its octets without the length (RFC 7011 §7). The long form is valid for
 * short values too.
 *
 * @throws DecodeError `field_overrun` at the field's first length octet
 */
export function readVariableField(reader: OctetReader): Uint8Array {
  const start = reader.offset;
  try {
    return reader.octets(readLength(reader), "field_overrun");
  } catch (error) {
    throw cutOff(error, start);
  }
}

/** Passes over a variable-length field, without a view of its octets. Errors as for {@link readVariableField}. */
export function skipVariableField(reader: OctetReader): void {
  const start = reader.offset;
  try {
    reader.skip(readLength(reader), "field_overrun");
  } catch (error) {
    throw cutOff(error, start);
  }
}

function readLength(reader: OctetReader): number {
  const short = reader.u8("field_overrun");
  return short < LONG_FORM_MARKER ? short : reader.u16("field_overrun");
}

/** The error for the whole field, which begins at `start`. */
function cutOff(error: unknown, start: number): unknown {
  if (!(error instanceof DecodeError)) return error;
  return new DecodeError("field_overrun", "a variable-length field is cut off", start, error.extent);
}

/** How the length of a variable field is written: in one octet if that is enough, or always in three. */
export type LengthForm = "shortest" | "long";

/**
 * The length octets of a variable field (RFC 7011 §7).
 *
 * @throws RangeError outside 0 to 65535
 */
export function encodeVariableLength(length: number, form: LengthForm = "shortest"): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > 65535) {
    throw new RangeError(`${length} is not a length of a variable field (allowed: 0 to 65535)`);
  }
  if (form === "shortest" && length < LONG_FORM_MARKER) return Uint8Array.of(length);
  return Uint8Array.of(LONG_FORM_MARKER, length >> 8, length & 0xff);
}
