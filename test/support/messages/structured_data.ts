import { isStructured, type ListType, VARIABLE_LENGTH } from "../../../src/ipfix/types/abstract_data_type.ts";
import { DecodeError } from "../../../src/ipfix/octets/decode_error.ts";
import type { InformationElement } from "../../../src/ipfix/registry/information_element.ts";
import { OctetReader } from "../../../src/ipfix/octets/octet_reader.ts";
import { type FieldSpecifier, smallestRecordLength, type Template } from "../../../src/ipfix/record/template.ts";
import { decodeFieldSpecifier, type ResolveElement } from "../../../src/ipfix/record/template_record.ts";
import { decodeValue, type Value } from "../../../src/ipfix/types/value.ts";
import { readVariableField } from "../../../src/ipfix/record/variable_length.ts";

/** How the items of a list belong together (RFC 6313 §4.4), by IANA's number. */
const SEMANTICS: ReadonlyMap<number, string> = new Map([
  [0, "noneOf"],
  [1, "exactlyOneOf"],
  [2, "oneOrMoreOf"],
  [3, "allOf"],
  [4, "ordered"],
  [255, "undefined"],
]);

/** A value, or a list in the list. */
export type ListItem = Value | StructuredList;

/** Records of one template in a list: their items in the template's order. */
export interface SubTemplateRecords {
  readonly templateId: number;
  readonly records: readonly (readonly ListItem[])[];
}

/** A list as it was read. `semantic` is IANA's word, or `unassigned N`. */
export type StructuredList =
  | {
    readonly type: "basicList";
    readonly semantic: string;
    readonly element: InformationElement;
    readonly items: readonly ListItem[];
  }
  | { readonly type: "subTemplateList"; readonly semantic: string } & SubTemplateRecords
  | {
    readonly type: "subTemplateMultiList";
    readonly semantic: string;
    readonly lists: readonly SubTemplateRecords[];
  };

/** Why a list was not read. */
export type StructuredDataFailure =
  /** A length inside leaves the list, or octets are left over. */
  | "malformed"
  /** It names a template that nobody knows. */
  | "unknown_template"
  /** Lists in lists, deeper than allowed. */
  | "too_deep"
  /** More items than allowed. */
  | "too_many_items";

/** A list that was read, or why not and where; either all of it or nothing. */
export type StructuredDataResult =
  | { readonly ok: true; readonly list: StructuredList }
  | {
    readonly ok: false;
    readonly failure: StructuredDataFailure;
    readonly message: string;
    /** Octet of the field at which reading ended. */
    readonly offset: number;
  };

/** What a list is read with. */
export interface StructuredDataContext {
  readonly resolve: ResolveElement;
  /** The template of this id in the observation domain of the record. */
  readonly templateOf: (id: number) => Template | undefined;
  /** Lists in one another, the outermost counted; 8 where it is not given. */
  readonly depth?: number;
  /** Items in all lists together; 65,536 where it is not given. */
  readonly items?: number;
}

/**
 * Reads a list of RFC 6313 and the lists in it. Never throws for what the octets hold.
 *
 * @param octets the field's value
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { unknownElement } from "../../../src/ipfix/registry/information_element.ts";
 *
 * const ports = {
 *   pen: 0, id: 7, name: "sourceTransportPort", type: "unsigned16", length: 2, known: true, enterpriseBit: false,
 * } as const;
 * const context = { resolve: (pen: number, id: number) => id === 7 ? ports : unknownElement(pen, id), templateOf: () => undefined };
 * const result = decodeStructuredData("basicList", Uint8Array.of(3, 0, 7, 0, 2, 0, 80, 1, 187), context);
 * assert.deepEqual(result, { ok: true, list: { type: "basicList", semantic: "allOf", element: ports, items: [80, 443] } });
 * ```
 */
export function decodeStructuredData(
  type: ListType,
  octets: Uint8Array,
  context: StructuredDataContext,
): StructuredDataResult {
  try {
    return { ok: true, list: new ListReader(octets, context).list(type, new OctetReader(octets), 1) };
  } catch (error) {
    if (error instanceof Unreadable) {
      return { ok: false, failure: error.failure, message: error.message, offset: error.offset };
    }
    if (error instanceof DecodeError) {
      return { ok: false, failure: "malformed", message: error.what, offset: error.offset };
    }
    throw error;
  }
}

/** Ends the reading; never leaves this file. */
class Unreadable extends Error {
  constructor(readonly failure: StructuredDataFailure, message: string, readonly offset: number) {
    super(message);
  }
}

class ListReader {
  readonly #depth: number;
  #itemsLeft: number;

  constructor(readonly octets: Uint8Array, readonly context: StructuredDataContext) {
    this.#depth = context.depth ?? 8;
    this.#itemsLeft = context.items ?? 65536;
  }

  /** @param reader bounded by the list */
  list(type: ListType, reader: OctetReader, depth: number): StructuredList {
    if (depth > this.#depth) {
      throw new Unreadable("too_deep", `lists in lists deeper than ${this.#depth}`, reader.offset);
    }
    const number = reader.u8();
    const semantic = SEMANTICS.get(number) ?? `unassigned ${number}`;
    switch (type) {
      case "basicList": {
        const field = decodeFieldSpecifier(reader, this.context.resolve);
        return { type, semantic, element: field.element, items: this.#items(reader, field, depth) };
      }
      case "subTemplateList":
        return { type, semantic, ...this.#records(reader.u16(), reader, depth) };
      case "subTemplateMultiList": {
        const lists: SubTemplateRecords[] = [];
        while (reader.remaining > 0) {
          const start = reader.offset;
          const templateId = reader.u16();
          const length = reader.u16();
          // The length counts the template id and itself (RFC 6313 §4.5.3).
          if (length < 4) throw new Unreadable("malformed", `length ${length} of records is less than 4`, start);
          this.#count(start);
          reader.skip(length - 4);
          lists.push(this.#records(templateId, new OctetReader(this.octets, start + 4, start + length), depth));
        }
        return { type, semantic, lists };
      }
    }
  }

  #items(reader: OctetReader, field: FieldSpecifier, depth: number): ListItem[] {
    const items: ListItem[] = [];
    while (reader.remaining > 0) {
      if (field.length === 0) throw new Unreadable("malformed", "octets left behind items of none", reader.offset);
      items.push(this.#item(reader, field, depth));
    }
    return items;
  }

  #records(templateId: number, reader: OctetReader, depth: number): SubTemplateRecords {
    const records: ListItem[][] = [];
    // An empty list needs no template.
    const template = reader.remaining > 0 ? this.context.templateOf(templateId) : undefined;
    if (reader.remaining > 0 && template === undefined) {
      throw new Unreadable("unknown_template", `template ${templateId} is not known`, reader.offset);
    }
    while (template !== undefined && reader.remaining > 0) {
      if (smallestRecordLength(template) === 0) {
        throw new Unreadable("malformed", `octets left behind records of none, template ${templateId}`, reader.offset);
      }
      records.push(template.fields.map((field) => this.#item(reader, field, depth)));
    }
    return { templateId, records };
  }

  #item(reader: OctetReader, { element, length }: FieldSpecifier, depth: number): ListItem {
    const { type } = element;
    this.#count(reader.offset);
    const octets = length === VARIABLE_LENGTH ? readVariableField(reader) : reader.octets(length);
    if (!isStructured(type)) return decodeValue(type, octets);
    return this.list(type, new OctetReader(this.octets, reader.offset - octets.length, reader.offset), depth + 1);
  }

  #count(offset: number): void {
    if (this.#itemsLeft-- <= 0) throw new Unreadable("too_many_items", "more items than are read", offset);
  }
}
