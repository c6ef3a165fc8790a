import type { MessageSource } from "../message/message_source.ts";
import { OctetReader } from "../../../ipfix/octets/octet_reader.ts";
import type { RegistryHistory } from "../../../ipfix/registry/registry.ts";
import type { FieldSpecifier, Template } from "../../../ipfix/record/template.ts";
import {
  decodeFieldSpecifier,
  ENTERPRISE_BIT,
  type ResolveElement,
  type TemplateRecordPlace,
} from "../../../ipfix/record/template_record.ts";
import { u16At, u32At } from "../../../ipfix/octets/network_order.ts";
import type { Steps } from "../../mapping/chain/steps.ts";
import { StoredTemplate } from "../../templates/stored_template.ts";

/** Field specifiers that are decoded in one step. */
const FIELDS_PER_STEP = 1_024;
/** What decoding a field costs, in units of about a microsecond. */
const FIELD_COST = 0.5;

/**
 * A template that an exporter announces, before it is decoded: whether it is known or finds no room shows in its
 * octets, and objects for 16,000 fields take a megabyte or more.
 */
export interface AnnouncedTemplate {
  readonly id: number;
  readonly fieldCount: number;
  readonly scopeFieldCount: number;
  /** Whether it has the layout of this template, whatever its id. */
  isLike(template: Template): boolean;
  /** Fields whose element no registry knows. */
  unknownFields(): number;
  decode(): Steps<Template>;
}

/** One in a message that is being read. */
export class TemplateInMessage implements AnnouncedTemplate {
  readonly #source: Readonly<MessageSource>;
  /** From the beginning of the message, whose octets may lie elsewhere after a step. */
  readonly #offset: number;
  readonly #place: TemplateRecordPlace;
  readonly #history: RegistryHistory;

  /** @param contentAt octets from the beginning of the message to the set's content */
  constructor(
    source: Readonly<MessageSource>,
    contentAt: number,
    place: TemplateRecordPlace,
    history: RegistryHistory,
  ) {
    this.#source = source;
    this.#offset = contentAt + place.fieldsAt;
    this.#place = place;
    this.#history = history;
  }

  get id(): number {
    return this.#place.id;
  }

  get fieldCount(): number {
    return this.#place.fieldCount;
  }

  get scopeFieldCount(): number {
    return this.#place.scopeFieldCount;
  }

  isLike(template: Template): boolean {
    if (template.scopeFieldCount !== this.scopeFieldCount) return false;
    if (template instanceof StoredTemplate) {
      return template.isWritten(this.#source.octets, this.#begin, this.fieldCount);
    }
    const { fields } = template;
    if (fields.length !== this.fieldCount) return false;
    const { octets } = this.#source;
    let at = this.#begin;
    for (const { element, length } of fields) {
      const id = element.enterpriseBit ? element.id | ENTERPRISE_BIT : element.id;
      if (u16At(octets, at) !== id || u16At(octets, at + 2) !== length) return false;
      at += 4;
      if (!element.enterpriseBit) continue;
      if (u32At(octets, at) !== element.pen) return false;
      at += 4;
    }
    return true;
  }

  unknownFields(): number {
    const { octets } = this.#source;
    const { newest } = this.#history;
    let at = this.#begin;
    let unknown = 0;
    for (let field = 0; field < this.fieldCount; field++) {
      const id = u16At(octets, at);
      const isEnterprise = (id & ENTERPRISE_BIT) !== 0;
      const pen = isEnterprise ? u32At(octets, at + 4) : 0;
      if (isEnterprise !== (pen !== 0) || newest.lookup(pen, id & ~ENTERPRISE_BIT) === undefined) unknown++;
      at += isEnterprise ? 8 : 4;
    }
    return unknown;
  }

  *decode(): Steps<Template> {
    const { id, fieldCount, scopeFieldCount } = this.#place;
    const resolve: ResolveElement = (...specifier) => this.#history.resolve(...specifier);
    const fields: FieldSpecifier[] = [];
    for (let offset = this.#offset; fields.length < fieldCount;) {
      if (fields.length > 0) yield FIELDS_PER_STEP * FIELD_COST;
      const { octets, start } = this.#source;
      const reader = new OctetReader(octets, start + offset);
      const end = Math.min(fieldCount, fields.length + FIELDS_PER_STEP);
      while (fields.length < end) fields.push(decodeFieldSpecifier(reader, resolve));
      offset = reader.offset - start;
    }
    return { id, fields, scopeFieldCount };
  }

  get #begin(): number {
    return this.#source.start + this.#offset;
  }
}
