import { VARIABLE_LENGTH } from "../../src/ipfix/abstract_data_type.ts";
import type { OctetReader } from "../../src/ipfix/octet_reader.ts";
import { type FieldSpecifier, smallestRecordLength, type Template } from "../../src/ipfix/template.ts";
import { decodeValue, type Value } from "../../src/ipfix/value.ts";
import { readVariableField } from "../../src/ipfix/variable_length.ts";

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
 * import { OctetReader } from "../../src/ipfix/octet_reader.ts";
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
