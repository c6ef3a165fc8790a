import { VARIABLE_LENGTH } from "./abstract_data_type.ts";
import { readVariableField } from "./variable_length.ts";
import type { OctetReader } from "./octet_reader.ts";
import { smallestRecordLength, type Template } from "./template.ts";

/**
 * Where the records of a template end, in as few steps as there are variable fields: a record of thousands of fields
 * without octets takes no longer than its octets are worth.
 */
export class RecordLayout {
  /** Octets of the smallest record. */
  readonly smallest: number;
  /** Octets before each variable field, behind the one before it. */
  readonly #gaps: readonly number[];
  /** Octets behind the last variable field. */
  readonly #rest: number;

  constructor(template: Template) {
    this.smallest = smallestRecordLength(template);
    const gaps: number[] = [];
    let fixed = 0;
    for (const { length } of template.fields) {
      if (length !== VARIABLE_LENGTH) {
        fixed += length;
        continue;
      }
      gaps.push(fixed);
      fixed = 0;
    }
    this.#gaps = gaps;
    this.#rest = fixed;
  }

  /**
   * The number of records from the reader to its end; a rest shorter than the smallest one is padding (RFC 7011
   * §3.3.1).
   *
   * @throws DecodeError `field_overrun` where a variable field leaves the set, `partial_record` where a fixed one does;
   *   the reader stands in the record
   * @throws RangeError for a template whose records may have no octets: such a set would never end
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { OctetReader } from "./octet_reader.ts";
   *
   * const element = { pen: 0, id: 82, name: "interfaceName", type: "string", length: 65535, known: true, enterpriseBit: false } as const;
   * const layout = new RecordLayout({ id: 256, fields: [{ element, length: 65535 }, { element, length: 1 }], scopeFieldCount: 0 });
   * assert.equal(layout.count(new OctetReader(Uint8Array.of(1, 65, 66, 0, 67, 0))), 2);
   * ```
   */
  count(reader: OctetReader): number {
    if (this.smallest === 0) throw new RangeError("records have no octets: no set of them ends");
    let records = 0;
    while (reader.remaining >= this.smallest) {
      for (const gap of this.#gaps) {
        reader.skip(gap, "partial_record");
        readVariableField(reader);
      }
      reader.skip(this.#rest, "partial_record");
      records++;
    }
    return records;
  }
}

const layouts = new WeakMap<Template, RecordLayout>();

/** The template's layout, made once. */
export function recordLayout(template: Template): RecordLayout {
  const known = layouts.get(template);
  if (known !== undefined) return known;
  const layout = new RecordLayout(template);
  layouts.set(template, layout);
  return layout;
}
