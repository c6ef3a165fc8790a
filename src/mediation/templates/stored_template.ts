import { OctetReader } from "../../ipfix/octets/octet_reader.ts";
import type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";
import { decodeFieldSpecifier, encodeTemplateRecord, type ResolveElement } from "../../ipfix/record/template_record.ts";

/** A template with more fields than this is kept as octets where its fields are seldom asked for. */
export const LONG_TEMPLATE = 256;

/**
 * A long template of which only the octets of its field specifiers are kept: a twentieth of what the objects take that
 * they are decoded to, and nothing for the garbage collector to walk through.
 */
export class StoredTemplate implements Template {
  readonly id: number;
  readonly scopeFieldCount: number;
  readonly #fieldCount: number;
  readonly #specifiers: Uint8Array;
  readonly #resolve: ResolveElement;

  /** @param resolve finds the elements again, as they were found at first */
  constructor(template: Template, resolve: ResolveElement) {
    this.id = template.id;
    this.scopeFieldCount = template.scopeFieldCount;
    this.#fieldCount = template.fields.length;
    this.#specifiers = encodeTemplateRecord(template).subarray(template.scopeFieldCount > 0 ? 6 : 4);
    this.#resolve = resolve;
  }

  /** Octets of memory that it takes, roughly. */
  get octets(): number {
    return this.#specifiers.length;
  }

  /** Decoded anew each time. */
  get fields(): readonly FieldSpecifier[] {
    const reader = new OctetReader(this.#specifiers);
    return Array.from({ length: this.#fieldCount }, () => decodeFieldSpecifier(reader, this.#resolve));
  }

  /** The template with all its fields. */
  decode(): Template {
    const { id, fields, scopeFieldCount } = this;
    return { id, fields, scopeFieldCount };
  }

  /** Whether so many field specifiers, which begin at this offset of the octets, are its own. */
  isWritten(octets: Uint8Array, offset: number, fieldCount: number): boolean {
    const own = this.#specifiers;
    if (fieldCount !== this.#fieldCount || offset + own.length > octets.length) return false;
    for (let index = 0; index < own.length; index++) if (octets[offset + index] !== own[index]) return false;
    return true;
  }
}

/** The template as it is, or as octets if it is long. */
export function storedTemplate(template: Template, resolve: ResolveElement): Template {
  if (template instanceof StoredTemplate || template.fields.length <= LONG_TEMPLATE) return template;
  return new StoredTemplate(template, resolve);
}
