import { VARIABLE_LENGTH } from "./abstract_data_type.ts";
import { concatenate } from "./concatenate.ts";
import { DecodeError } from "./decode_error.ts";
import type { OctetReader } from "./octet_reader.ts";
import { type FieldSpecifier, smallestRecordLength, type Template } from "./template.ts";
import { decodeValue, encodeValue, type Value } from "./value.ts";

/** The length octet that says: the length stands in the next two (RFC 7011 §7). */
const LONG_FORM_MARKER = 255;

/** Where the value of a field lies, without the length octets before it. */
export interface FieldRange {
  /** Counted from the beginning of the octets that are read. */
  readonly offset: number;
  readonly length: number;
}

/** Where one data record lies, and each of its fields, in the template's order. */
export interface DataRecordRange {
  readonly offset: number;
  /** Octets of the record, length octets included. */
  readonly length: number;
  readonly fields: readonly FieldRange[];
}

/**
 * Finds the fields of the record at which the reader stands, and leaves the reader after it.
 *
 * @param reader bounded by the set
 * @throws DecodeError `field_overrun` where a variable field or its length octets leave the set, `partial_record` where a fixed
 *   field does
 */
export function walkDataRecord(reader: OctetReader, template: Template): DataRecordRange {
  const start = reader.offset;
  const fields = template.fields.map((field) => {
    const octets = readField(reader, field);
    return { offset: reader.offset - octets.length, length: octets.length };
  });
  return { offset: start, length: reader.offset - start, fields };
}

/**
 * The values of the record at which the reader stands, in the template's order; leaves the reader after it.
 *
 * @throws DecodeError as {@link walkDataRecord}; a value that is none of its type is no error, see {@link decodeValue}
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { OctetReader } from "./octet_reader.ts";
 *
 * const element = { pen: 0, id: 82, name: "interfaceName", type: "string", length: 65535, known: true, enterpriseBit: false } as const;
 * const template = { id: 256, fields: [{ element, length: 65535 }, { element, length: 2 }], scopeFieldCount: 0 };
 * const octets = Uint8Array.of(4, 101, 116, 104, 48, 108, 111);
 * assert.deepEqual(decodeDataRecord(new OctetReader(octets), template), ["eth0", "lo"]);
 *
 * octets[0] = 7;
 * assert.throws(() => decodeDataRecord(new OctetReader(octets), template), { reason: "field_overrun", offset: 0 });
 * ```
 */
export function decodeDataRecord(reader: OctetReader, template: Template): Value[] {
  return template.fields.map((field) => decodeValue(field.element.type, readField(reader, field)));
}

/**
 * All records of a set, one after the other; a rest shorter than the smallest record is padding (RFC 7011 §3.3.1).
 * They come one at a time, since a message can hold 65,000 of them.
 *
 * @param reader from the set's first content octet to its end
 * @throws DecodeError as {@link walkDataRecord}, at the record that is broken: those before it have been given by then
 * @throws RangeError for a template whose records may have no octets: such a set would never end
 */
export function walkDataRecords(reader: OctetReader, template: Template): Generator<DataRecordRange> {
  return recordsOfSet(reader, template, walkDataRecord);
}

/** The values of all records of a set, as {@link walkDataRecords} finds them. */
export function decodeDataRecords(reader: OctetReader, template: Template): Generator<Value[]> {
  return recordsOfSet(reader, template, decodeDataRecord);
}

function* recordsOfSet<Record>(
  reader: OctetReader,
  template: Template,
  read: (reader: OctetReader, template: Template) => Record,
): Generator<Record> {
  const smallest = smallestRecordLength(template);
  if (smallest === 0) throw new RangeError(`records of template ${template.id} have no octets: no set of them ends`);
  while (reader.remaining >= smallest) yield read(reader, template);
}

function readField(reader: OctetReader, field: FieldSpecifier): Uint8Array {
  return field.length === VARIABLE_LENGTH ? readVariableField(reader) : reader.octets(field.length, "partial_record");
}

/**
 * The octets of a variable-length field, behind their length (RFC 7011 §7); its long form is right for short values too.
 *
 * @throws DecodeError `field_overrun` at the field's first length octet
 */
export function readVariableField(reader: OctetReader): Uint8Array {
  const start = reader.offset;
  try {
    const short = reader.u8("field_overrun");
    return reader.octets(short < LONG_FORM_MARKER ? short : reader.u16("field_overrun"), "field_overrun");
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError("field_overrun", "a variable-length field is cut off", start, error.extent);
  }
}

/** How the length of a variable field is written: in one octet where that is enough, or always in three. */
export type LengthForm = "shortest" | "long";

/**
 * The length octets of a variable field (RFC 7011 §7).
 *
 * @throws RangeError outside 0 to 65535
 */
export function encodeVariableLength(length: number, form: LengthForm = "shortest"): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > 65535) {
    throw new RangeError(`${length} is no length of a variable field (allowed: 0 to 65535)`);
  }
  if (form === "shortest" && length < LONG_FORM_MARKER) return Uint8Array.of(length);
  return Uint8Array.of(LONG_FORM_MARKER, length >> 8, length & 0xff);
}

/**
 * The octets of a record with these values, one for each field of the template.
 *
 * @throws RangeError where there are more or fewer values than fields, or a value is not its field's: then with the element's name
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const element = { pen: 0, id: 2, name: "packetDeltaCount", type: "unsigned64", length: 8, known: true, enterpriseBit: false } as const;
 * const template = { id: 256, fields: [{ element, length: 4 }], scopeFieldCount: 0 };
 * assert.deepEqual(encodeDataRecord(template, [258]), Uint8Array.of(0, 0, 1, 2));
 * ```
 */
export function encodeDataRecord(
  template: Template,
  values: readonly Value[],
  form: LengthForm = "shortest",
): Uint8Array {
  if (values.length !== template.fields.length) {
    throw new RangeError(`template ${template.id} has ${template.fields.length} fields, not ${values.length} values`);
  }
  const parts = template.fields.flatMap((field, index) => {
    const value = encodeField(field, values[index] ?? new Uint8Array());
    return field.length === VARIABLE_LENGTH ? [encodeVariableLength(value.length, form), value] : [value];
  });
  return concatenate(parts);
}

function encodeField({ element, length }: FieldSpecifier, value: Value): Uint8Array {
  try {
    return encodeValue(element.type, length, value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${element.name}: ${error.message}`, { cause: error });
  }
}
