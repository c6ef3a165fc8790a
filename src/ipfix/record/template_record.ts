import { DecodeError } from "../octets/decode_error.ts";
import type { InformationElement } from "../registry/information_element.ts";
import type { OctetReader } from "../octets/octet_reader.ts";
import { MINIMUM_DATA_SET_ID, OPTIONS_TEMPLATE_SET_ID, TEMPLATE_SET_ID } from "../message/set.ts";
import type { FieldSpecifier, Template } from "./template.ts";

/**
 * Octets of a template record's header, its id and field count (RFC 7011 §3.4.1). A withdrawal is nothing else (§8.1),
 * so what is shorter at the end of a set is padding.
 */
export const TEMPLATE_HEADER_LENGTH = 4;

/** Set in the element id of a field specifier that carries a PEN (RFC 7011 §3.2). */
export const ENTERPRISE_BIT = 0x8000;

/** Which of the two a record is; sets never mix them. */
export type TemplateKind = "template" | "options-template";

/** How the element of a field specifier is found: `RegistryHistory.resolve` is one. */
export type ResolveElement = (pen: number, id: number, length: number, enterpriseBit: boolean) => InformationElement;

/** One record of a template set or options template set. */
export type TemplateRecord =
  | { readonly kind: "template"; readonly template: Template }
  /**
   * An id of 2 in a template set or 3 in an options template set withdraws all of that kind (RFC 7011 §8.1). Any id may
   * stand here.
   */
  | { readonly kind: "withdrawal"; readonly id: number };

/** Position of a template record, and its header. */
export interface TemplateRecordPlace {
  readonly id: number;
  /** 0: a withdrawal. */
  readonly fieldCount: number;
  /** As in {@link Template}. */
  readonly scopeFieldCount: number;
  /** Octets from the first of the set's content to the first field specifier. */
  readonly fieldsAt: number;
}

/**
 * Checks all records of the set's content, and counts them, without an object for any record or field: a set may have
 * 16,000. A rest shorter than any record is padding (RFC 7011 §3.3.1), and so is a longer one that is all zero: some
 * exporters align sets to more than four octets, and no template has the id 0 that such octets would withdraw. The
 * reader is left before the padding.
 *
 * @param reader from the set's first content octet to its end
 * @throws DecodeError as {@link decodeTemplateRecord}
 */
export function countTemplateRecords(reader: OctetReader, kind: TemplateKind): number {
  const zeros = reader.trailingZeros();
  let count = 0;
  for (; hasRecord(reader, zeros); count++) skipFieldSpecifiers(reader, decodeHeader(reader, kind).fieldCount);
  return count;
}

/**
 * Finds one record of a set and leaves the reader after it. Errors as for {@link countTemplateRecords}.
 *
 * @param begin the offset of the set's first content octet
 */
export function templateRecordPlace(reader: OctetReader, kind: TemplateKind, begin: number): TemplateRecordPlace {
  const place = { ...decodeHeader(reader, kind), fieldsAt: reader.offset - begin };
  skipFieldSpecifiers(reader, place.fieldCount);
  return place;
}

/** All records of the set's content, in order; parameters, errors and padding as for {@link countTemplateRecords}. */
export function templateRecordPlaces(reader: OctetReader, kind: TemplateKind): readonly TemplateRecordPlace[] {
  const begin = reader.offset;
  const zeros = reader.trailingZeros();
  const places: TemplateRecordPlace[] = [];
  while (hasRecord(reader, zeros)) {
    places.push(templateRecordPlace(reader, kind, begin));
  }
  return places;
}

/** All records of the set's content, in order; parameters, errors and padding as for {@link countTemplateRecords}. */
export function decodeTemplateRecords(
  reader: OctetReader,
  kind: TemplateKind,
  resolve: ResolveElement,
): readonly TemplateRecord[] {
  const zeros = reader.trailingZeros();
  const records: TemplateRecord[] = [];
  while (hasRecord(reader, zeros)) {
    records.push(decodeTemplateRecord(reader, kind, resolve));
  }
  return records;
}

/**
 * Reads one template record (RFC 7011 §3.4.1) or options template record (§3.4.2) and leaves the reader after it.
 *
 * @param reader bounded by the set
 * @throws DecodeError `template_truncated` where the set ends inside the record, which the field count alone may show;
 *   `template_id` for an id below 256 with fields; `scope_field_count` for an options template whose scope has no
 *   field, or more than the template has
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { unknownElement } from "../registry/information_element.ts";
 * import { OctetReader } from "../octets/octet_reader.ts";
 *
 * const octets = Uint8Array.of(1, 0, 0, 1, 0, 8, 0, 4); // template 256, one field: element 8 in 4 octets
 * const resolve = (pen: number, id: number) => unknownElement(pen, id);
 * assert.deepEqual(decodeTemplateRecord(new OctetReader(octets), "template", resolve), {
 *   kind: "template",
 *   template: { id: 256, fields: [{ element: unknownElement(0, 8), length: 4 }], scopeFieldCount: 0 },
 * });
 * ```
 */
export function decodeTemplateRecord(reader: OctetReader, kind: TemplateKind, resolve: ResolveElement): TemplateRecord {
  const { id, fieldCount, scopeFieldCount } = decodeHeader(reader, kind);
  if (fieldCount === 0) return { kind: "withdrawal", id };
  const fields: FieldSpecifier[] = [];
  for (let index = 0; index < fieldCount; index++) fields.push(decodeFieldSpecifier(reader, resolve));
  return { kind: "template", template: { id, fields, scopeFieldCount } };
}

/** The header of a record; checks that the octets after it can be as many as it says. */
function decodeHeader(reader: OctetReader, kind: TemplateKind): Omit<TemplateRecordPlace, "fieldsAt"> {
  const start = reader.offset;
  const id = reader.u16("template_truncated");
  const fieldCount = reader.u16("template_truncated");
  // A withdrawal has no scope field count, not even in an options template set (RFC 7011 §8.1, figure Q).
  if (fieldCount === 0) return { id, fieldCount, scopeFieldCount: 0 };
  if (id < MINIMUM_DATA_SET_ID) {
    throw new DecodeError("template_id", `template id ${id} is less than ${MINIMUM_DATA_SET_ID}`, start);
  }
  let scopeFieldCount = 0;
  if (kind === "options-template") {
    scopeFieldCount = reader.u16("template_truncated");
    if (scopeFieldCount === 0 || scopeFieldCount > fieldCount) {
      throw new DecodeError(
        "scope_field_count",
        `scope field count ${scopeFieldCount} of options template ${id} is not between 1 and its field count ${fieldCount}`,
        start + 4,
      );
    }
  }
  if (fieldCount * 4 > reader.remaining) {
    throw new DecodeError(
      "template_truncated",
      `${fieldCount} fields of template ${id} overrun the set`,
      reader.offset,
      {
        wanted: fieldCount * 4,
        available: reader.remaining,
      },
    );
  }
  return { id, fieldCount, scopeFieldCount };
}

/**
 * Whether the rest of a set's content is more than padding.
 *
 * @param zeros where the zero octets at the end of the set begin, found once for all of its records
 */
function hasRecord(reader: OctetReader, zeros: number): boolean {
  return reader.remaining >= TEMPLATE_HEADER_LENGTH && reader.offset < zeros;
}

/** Leaves the reader after `count` field specifiers. */
function skipFieldSpecifiers(reader: OctetReader, count: number): void {
  for (let index = 0; index < count; index++) {
    const isEnterprise = (reader.u16("template_truncated") & ENTERPRISE_BIT) !== 0;
    reader.u16("template_truncated");
    if (isEnterprise) reader.u32("template_truncated");
  }
}

/**
 * Reads one field specifier (RFC 7011 §3.2), which basic lists have as well (RFC 6313 §4.5.1).
 *
 * @throws DecodeError `template_truncated`
 */
export function decodeFieldSpecifier(reader: OctetReader, resolve: ResolveElement): FieldSpecifier {
  const idAndBit = reader.u16("template_truncated");
  const length = reader.u16("template_truncated");
  const enterpriseBit = (idAndBit & ENTERPRISE_BIT) !== 0;
  const pen = enterpriseBit ? reader.u32("template_truncated") : 0;
  return { element: resolve(pen, idAndBit & ~ENTERPRISE_BIT, length, enterpriseBit), length };
}

/**
 * The octets of a template record, or of an options template record where the template has scope fields.
 *
 * @throws RangeError for values that no record can have: an id outside 256 to 65535, no field, too large a number
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { unknownElement } from "../registry/information_element.ts";
 *
 * const fields = [{ element: unknownElement(56506, 101), length: 65535 }];
 * assert.deepEqual(
 *   encodeTemplateRecord({ id: 256, fields, scopeFieldCount: 0 }),
 *   Uint8Array.of(1, 0, 0, 1, 0x80, 101, 0xff, 0xff, 0, 0, 0xdc, 0xba),
 * );
 * ```
 */
export function encodeTemplateRecord(template: Template): Uint8Array {
  const { id, fields, scopeFieldCount } = template;
  checkNumber("template id", id, MINIMUM_DATA_SET_ID, 65535);
  checkNumber(`field count of template ${id}`, fields.length, 1, 65535);
  checkNumber(`scope field count of template ${id}`, scopeFieldCount, 0, fields.length);
  const headerLength = scopeFieldCount > 0 ? 6 : 4;
  const octets = new Uint8Array(fields.reduce((length, field) => length + specifierLength(field), headerLength));
  const view = new DataView(octets.buffer);
  view.setUint16(0, id);
  view.setUint16(2, fields.length);
  if (scopeFieldCount > 0) view.setUint16(4, scopeFieldCount);
  let offset = headerLength;
  for (const field of fields) {
    const { element, length } = field;
    checkNumber(`id of element ${element.name}`, element.id, 0, ENTERPRISE_BIT - 1);
    checkNumber(`length of element ${element.name}`, length, 0, 65535);
    checkNumber(`PEN of element ${element.name}`, element.pen, 0, element.enterpriseBit ? 0xffffffff : 0);
    view.setUint16(offset, element.enterpriseBit ? element.id | ENTERPRISE_BIT : element.id);
    view.setUint16(offset + 2, length);
    if (element.enterpriseBit) view.setUint32(offset + 4, element.pen);
    offset += specifierLength(field);
  }
  return octets;
}

function specifierLength(field: FieldSpecifier): number {
  return field.element.enterpriseBit ? 8 : 4;
}

/**
 * The octets of a withdrawal (RFC 7011 §8.1): the same for both kinds, which the set tells apart.
 *
 * @param id a template's, or the set id of the kind (2, 3) to withdraw all of that kind
 * @throws RangeError for any other id
 */
export function encodeWithdrawal(id: number, kind: TemplateKind): Uint8Array {
  const all = setIdOfKind(kind);
  if (id !== all) checkNumber(`id to withdraw that is not ${all}`, id, MINIMUM_DATA_SET_ID, 65535);
  return Uint8Array.of(id >> 8, id & 0xff, 0, 0);
}

/** The set id under which records of this kind stand. */
export function setIdOfKind(kind: TemplateKind): number {
  return kind === "template" ? TEMPLATE_SET_ID : OPTIONS_TEMPLATE_SET_ID;
}

function checkNumber(what: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what}: ${value} is not an integer between ${least} and ${most}`);
  }
}
