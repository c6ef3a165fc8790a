import { decodeDataRecord, readField } from "../../../src/ipfix/record/data_record.ts";
import type { OctetReader } from "../../../src/ipfix/octets/octet_reader.ts";
import { smallestRecordLength, type Template } from "../../../src/ipfix/record/template.ts";
import type { Value } from "../../../src/ipfix/types/value.ts";

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
 * @throws DecodeError `field_overrun` where a variable field or its length octets overrun the set, `partial_record`
 *   where a fixed field does
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
