import { VARIABLE_LENGTH } from "../types/abstract_data_type.ts";
import { skipVariableField } from "./variable_length.ts";
import type { OctetReader } from "../octets/octet_reader.ts";
import { smallestRecordLength, type Template } from "./template.ts";

/**
 * Finds where records of a template end, in one step for each variable field, so that a record of thousands of fields
 * without octets takes no longer than a short one.
 */
export class RecordLayout {
  /** Octets of the smallest record. */
  readonly smallest: number;
  /** Steps to the end of a record: one for each variable field, and one for what follows the last. */
  readonly steps: number;
  /** Octets between each variable field and the one before it, or the record's beginning. */
  readonly #gaps: readonly number[];
  /** Octets after the last variable field. */
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
    this.steps = gaps.length + 1;
  }

  /**
   * Counts the records from the reader's offset to its end. A rest shorter than the smallest record is padding (RFC
   * 7011 §3.3.1).
   *
   * @throws DecodeError `field_overrun` if a variable field overruns the set, `partial_record` if a fixed one does; the
   *   reader is then inside that record
   * @throws RangeError for a template whose records may have no octets, since a set of them would never end
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { OctetReader } from "../octets/octet_reader.ts";
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
        skipVariableField(reader);
      }
      reader.skip(this.#rest, "partial_record");
      records++;
    }
    return records;
  }
}

const layouts = new WeakMap<Template, RecordLayout>();

/** The template's layout, built once. */
export function recordLayout(template: Template): RecordLayout {
  const known = layouts.get(template);
  if (known !== undefined) return known;
  const layout = new RecordLayout(template);
  layouts.set(template, layout);
  return layout;
}
