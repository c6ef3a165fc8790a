import { VARIABLE_LENGTH } from "../types/abstract_data_type.ts";
import { concatenate } from "../octets/concatenate.ts";
import type { OctetReader } from "../octets/octet_reader.ts";
import type { FieldSpecifier, Template } from "./template.ts";
import { decodeValue, encodeValue, type Value } from "../types/value.ts";
import { encodeVariableLength, type LengthForm, readVariableField } from "./variable_length.ts";

/**
 * Reads the record at the reader's position: its values in the template's order. Leaves the reader after it.
 *
 * @param reader bounded by the set
 * @throws DecodeError `field_overrun` if a variable field or its length octets overrun the set, `partial_record` if a
 *   fixed field does; a value that is not valid for its type is no error, see {@link decodeValue}
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { OctetReader } from "../octets/octet_reader.ts";
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

/** The octets of one field, without its length octets; as {@link decodeDataRecord}. */
export function readField(reader: OctetReader, field: FieldSpecifier): Uint8Array {
  return field.length === VARIABLE_LENGTH ? readVariableField(reader) : reader.octets(field.length, "partial_record");
}

/**
 * The octets of a record with these values, one for each field of the template.
 *
 * @throws RangeError if there are more or fewer values than fields, or a value does not fit its field, which is then
 *   named
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
