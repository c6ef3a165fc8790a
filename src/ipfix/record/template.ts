import { type InformationElement, sameElement } from "../registry/information_element.ts";
import { VARIABLE_LENGTH } from "../types/abstract_data_type.ts";

/** One field of a template record (RFC 7011 §3.2). */
export interface FieldSpecifier {
  readonly element: InformationElement;
  /** Octets of the field in every record; 65535 if each record has a length of its own (§7). */
  readonly length: number;
}

/** A template record or options template record (RFC 7011 §3.4.1, §3.4.2). */
export interface Template {
  /** 256 to 65535. */
  readonly id: number;
  readonly fields: readonly FieldSpecifier[];
  /** 0 for a template; for an options template, the number of its first fields that are its scope. */
  readonly scopeFieldCount: number;
}

/** Octets of the template's smallest record, in which a variable field has its length octet only. */
export function smallestRecordLength(template: Template): number {
  let length = 0;
  for (const field of template.fields) length += field.length === VARIABLE_LENGTH ? 1 : field.length;
  return length;
}

/** Whether two templates have the same elements with the same lengths in the same order; ids may differ. */
export function sameLayout(one: Template, other: Template): boolean {
  return one.scopeFieldCount === other.scopeFieldCount &&
    one.fields.length === other.fields.length &&
    one.fields.every((field, index) => {
      const twin = other.fields[index];
      return twin !== undefined && field.length === twin.length && sameElement(field.element, twin.element);
    });
}
