import { OctetReader } from "../../ipfix/octets/octet_reader.ts";
import type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";
import { decodeFieldSpecifier, encodeTemplateRecord, type ResolveElement } from "../../ipfix/record/template_record.ts";

/** A template with more fields than this is kept as octets where its fields are seldom asked for. */
export const LONG_TEMPLATE = 256;

/**
 * A long template kept as the octets of its field specifiers: a twentieth of the memory of the decoded objects, and
 * nothing for the garbage collector to traverse.
 */
export class StoredTemplate implements Template {
  readonly id: number;
  readonly scopeFieldCount: number;
  readonly #fieldCount: number;
  readonly #specifiers: Uint8Array;
  readonly #resolve: ResolveElement;

  /** @param resolve finds the elements as when the template was first decoded */
  constructor(template: Template, resolve: ResolveElement) {
    this.id = template.id;
    this.scopeFieldCount = template.scopeFieldCount;
    this.#fieldCount = template.fields.length;
    this.#specifiers = encodeTemplateRecord(template).subarray(template.scopeFieldCount > 0 ? 6 : 4);
    this.#resolve = resolve;
  }

  /** Its approximate memory in octets. */
  get octets(): number {
    return this.#specifiers.length;
  }

  /** Decodes them each time. */
  get fields(): readonly FieldSpecifier[] {
    const reader = new OctetReader(this.#specifiers);
    return Array.from({ length: this.#fieldCount }, () => decodeFieldSpecifier(reader, this.#resolve));
  }

  /** The template with all its fields. */
  decode(): Template {
    const { id, fields, scopeFieldCount } = this;
    return { id, fields, scopeFieldCount };
  }

  /** Whether it consists of these `count` field specifiers, which begin at this offset of the octets. */
  isWritten(octets: Uint8Array, offset: number, fieldCount: number): boolean {
    const own = this.#specifiers;
    if (fieldCount !== this.#fieldCount || offset + own.length > octets.length) return false;
    for (let index = 0; index < own.length; index++) if (octets[offset + index] !== own[index]) return false;
    return true;
  }
}

/** Returns the template itself, or as octets if it is long. */
export function storedTemplate(template: Template, resolve: ResolveElement): Template {
  if (template instanceof StoredTemplate || template.fields.length <= LONG_TEMPLATE) return template;
  return new StoredTemplate(template, resolve);
}
