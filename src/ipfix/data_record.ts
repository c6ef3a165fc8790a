import { VARIABLE_LENGTH } from "./abstract_data_type.ts";
import { concatenate } from "./concatenate.ts";
import type { FieldSpecifier, Template } from "./template.ts";
import { encodeValue, type Value } from "./value.ts";
import { encodeVariableLength, type LengthForm } from "./variable_length.ts";

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
