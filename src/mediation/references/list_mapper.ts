import { type ListType, VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { concatenate } from "../../ipfix/octets/concatenate.ts";
import { LONG_FORM_MARKER } from "../../ipfix/record/variable_length.ts";
import { u16At } from "../../ipfix/octets/network_order.ts";
import { OctetReader } from "../../ipfix/octets/octet_reader.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { decodeFieldSpecifier, type ResolveElement } from "../../ipfix/record/template_record.ts";
import { acceptsAnything } from "../mapping/profile/dialect.ts";
import { checkedLength, numberOctets, PatchedOctets } from "./record_octets.ts";
import { type FieldPlace, referenceKind } from "./reference_fields.ts";
import type { RecordContext, ValueContext } from "./reference_scope.ts";
import type { ValueMapper } from "./value_mapper.ts";
import { memoryOctets } from "../program/loop/memory.ts";
import { walkRecords } from "../program/loop/rewrite_loop.ts";
import type { AcceptedTemplate, TemplateEntry } from "../templates/template_entry.ts";

/** Maximum nesting depth of lists that are mapped, including the outermost. */
const LIST_DEPTH = 8;

/** The "undefined" semantic (RFC 6313 §4.4): the relation between the items is unspecified. */
const SEMANTIC_UNDEFINED = 255;

/**
 * Field specifier of a variable-length paddingOctets (210): stands in for the element of a basicList that cannot be
 * read.
 */
const NO_ELEMENT = Uint8Array.of(0, 210, 255, 255);

/** Maps the records inside lists, whose values may be lists themselves. */
export interface ListRecords {
  /** Values mapped so far. */
  values: number;
  /**
   * Maps consecutive records of one template and everything they refer to.
   *
   * @param depth number of lists around the records
   * @throws Unmappable if the result is too long
   */
  map(template: AcceptedTemplate, from: number, end: number, context: RecordContext, depth: number): Uint8Array;
}

/**
 * The records of one template in a subTemplateMultiList: addresses of the block's first octet, including its four-octet
 * header, and of its end.
 */
interface Block {
  readonly id: number;
  readonly from: number;
  readonly end: number;
}

/**
 * Signals a list that violates RFC 6313; never leaves this file. Not an Error, because capturing a stack for each of
 * 65,000 lists takes a second.
 */
class Malformed {
  constructor(
    readonly message: string,
    readonly at: number,
    /**
     * Whether nothing in the list uses a template that is sent changed, so that its unmodified octets keep their
     * meaning.
     */
    readonly harmless: boolean,
  ) {}
}

/**
 * Maps lists (RFC 6313): their template ids and records follow the mapping of their template, at any nesting level.
 *
 * - A malformed list, or one of a template that was never announced, stays unchanged towards a collector without limits
 *   if nothing in it uses a template that is sent changed (the collector would decode it with the wrong layout).
 *   Otherwise it becomes an empty list.
 * - Records of a template that the collector does not get, and lists nested deeper than {@link LIST_DEPTH}, are left
 *   out.
 * - An empty list replaces what is left out, since a single record cannot omit a field of its template.
 * - The element of a basicList belongs to no template: its values are copied unless they refer to templates themselves.
 */
export class ListMapper {
  constructor(readonly resolve: ResolveElement, readonly values: ValueMapper, readonly records: ListRecords) {}

  /**
   * Maps the list between two addresses and returns its replacement.
   *
   * @param depth nesting depth of this list: 1 if it stands directly in a data record
   */
  map(type: ListType, from: number, end: number, context: ValueContext, depth: number): Uint8Array {
    if (depth > LIST_DEPTH) {
      context.faults.note("deep_list", from, context.element, () => `${type} in ${depth - 1} other lists`);
      return emptyList(type, from, end, context);
    }
    // Not thrown, as all others are: a record may have 65,000 of them.
    if (from === end) return this.#malformed(new Malformed("no semantic", from, true), type, from, end, context);
    try {
      switch (type) {
        case "basicList":
          return this.#basicList(from, end, context, depth);
        case "subTemplateList":
          return this.#subTemplateList(from, end, context, depth);
        case "subTemplateMultiList":
          return this.#subTemplateMultiList(from, end, context, depth);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return this.#malformed(error, type, from, end, context);
    }
  }

  #malformed(
    { message, at, harmless }: Malformed,
    type: ListType,
    from: number,
    end: number,
    context: ValueContext,
  ): Uint8Array {
    const goes = harmless && acceptsAnything(context.holder.shared.dialect);
    const { element } = context;
    context.faults.note("malformed_list", at, goes ? undefined : element, () => `${element}: ${message}`);
    return goes ? memoryOctets.slice(from, end) : emptyList(type, from, end, context);
  }

  #basicList(from: number, end: number, context: ValueContext, depth: number): Uint8Array {
    const field = basicListField(from, end, this.resolve);
    const content = from + specifierLength(from) + 1;
    const items = itemsOf(field, content, end);
    const kind = referenceKind(field);
    if (kind === undefined) return memoryOctets.slice(from, end);
    const patched = new PatchedOctets(memoryOctets.slice(from, end));
    this.records.values += items.length;
    for (const { start, value, end: itemEnd } of items) {
      const octets = kind === "templateId"
        ? this.values.templateId(memoryOctets.slice(value, itemEnd), value, context)
        : kind === "flowKeyIndicator"
        ? this.values.flowKeys(memoryOctets.slice(value, itemEnd), value, context)
        : this.map(kind, value, itemEnd, context, depth + 1);
      const place = { start: start - from, value: value - from, end: itemEnd - from };
      patched.replace(place, octets, field.length === VARIABLE_LENGTH);
    }
    return patched.result();
  }

  #subTemplateList(from: number, end: number, context: ValueContext, depth: number): Uint8Array {
    if (end - from < 3) throw new Malformed("no template id", from, true);
    const id = u16At(memoryOctets, from + 1);
    const entry = context.scope.templates.get(id);
    checkRecords(entry, from + 3, end, isUnchanged(entry));
    if (entry?.kind === "accepted") {
      const content = this.#content(entry, from + 3, end, context, depth);
      return concatenate([memoryOctets.slice(from, from + 1), numberOctets(entry.shared.targetId, 2), content]);
    }
    const goes = leaveOut(id, entry, from, context);
    return goes ? memoryOctets.slice(from, end) : emptyList("subTemplateList", from, end, context);
  }

  #subTemplateMultiList(from: number, end: number, context: ValueContext, depth: number): Uint8Array {
    const parts: Uint8Array[] = [memoryOctets.slice(from, from + 1)];
    let length = 0;
    const blocks = this.#blocks(from, end, context);
    this.records.values += blocks.length;
    for (const { id, from: start, end: blockEnd } of blocks) {
      const entry = context.scope.templates.get(id);
      if (entry?.kind === "accepted") {
        const content = this.#content(entry, start + 4, blockEnd, context, depth);
        checkedLength(content.length + 4);
        parts.push(numberOctets(entry.shared.targetId, 2), numberOctets(content.length + 4, 2), content);
        length = checkedLength(length + content.length + 4);
      } else if (leaveOut(id, entry, start, context)) {
        parts.push(memoryOctets.slice(start, blockEnd));
        length = checkedLength(length + blockEnd - start);
      }
    }
    return concatenate(parts);
  }

  /** Parses the blocks of a subTemplateMultiList, validating all of them before any is mapped. */
  #blocks(from: number, end: number, { scope }: ValueContext): Block[] {
    const blocks: Block[] = [];
    let harmless = true;
    for (let at = from + 1; at < end;) {
      if (end - at < 4) throw new Malformed("octets after the last records", at, harmless);
      const [id, length] = [u16At(memoryOctets, at), u16At(memoryOctets, at + 2)];
      harmless &&= isUnchanged(scope.templates.get(id));
      if (length < 4 || length > end - at) throw new Malformed(`${length} octets of records`, at + 2, harmless);
      blocks.push({ id, from: at, end: at + length });
      at += length;
    }
    for (const block of blocks) checkRecords(scope.templates.get(block.id), block.from + 4, block.end, harmless);
    return blocks;
  }

  #content(entry: AcceptedTemplate, from: number, end: number, context: ValueContext, depth: number): Uint8Array {
    return from === end ? new Uint8Array(0) : this.records.map(entry, from, end, context, depth);
  }
}

/** @throws Malformed if octets remain after the last record, since lists have no padding */
function checkRecords(entry: TemplateEntry | undefined, from: number, end: number, harmless: boolean): void {
  if (entry?.kind !== "accepted") return;
  const { whole, consumed } = walkRecords(entry.shared.compiled.address, from, end);
  if (whole && consumed === end - from) return;
  throw new Malformed(`a record of template ${entry.source.id} overruns its list`, from + consumed, harmless);
}

function isUnchanged(entry: TemplateEntry | undefined): boolean {
  return entry === undefined || (entry.kind === "accepted" && entry.shared.identity && !entry.shared.references);
}

/** Notes records of a template that the collector does not have. Returns true if they go out unchanged. */
function leaveOut(id: number, entry: TemplateEntry | undefined, at: number, context: ValueContext): boolean {
  const goes = entry === undefined && acceptsAnything(context.holder.shared.dialect);
  context.faults.note(
    entry === undefined ? "unknown_template" : "refused_template",
    at,
    goes ? undefined : context.element,
    () => {
      const known = entry === undefined ? "was not announced" : "does not go out";
      return `${context.element} holds records of template ${id}, which ${known}`;
    },
  );
  return goes;
}

/**
 * Builds an empty list of this type from whatever can be read of the original. It names only a template that the
 * collector has.
 */
function emptyList(type: ListType, from: number, end: number, { holder }: ValueContext): Uint8Array {
  const semantic = Uint8Array.of(from < end ? memoryOctets[from] ?? SEMANTIC_UNDEFINED : SEMANTIC_UNDEFINED);
  if (type === "subTemplateMultiList") return semantic;
  if (type === "subTemplateList") return concatenate([semantic, numberOctets(holder.shared.targetId, 2)]);
  const header = end - from < 5 ? 0 : specifierLength(from);
  const readable = header > 0 && from + 1 + header <= end;
  return concatenate([semantic, readable ? memoryOctets.slice(from + 1, from + 1 + header) : NO_ELEMENT]);
}

function basicListField(from: number, end: number, resolve: ResolveElement): FieldSpecifier {
  // Checked before it is decoded, since a DecodeError captures a stack.
  if (end - from < 5 || end - from < 1 + specifierLength(from)) throw new Malformed("no element", from + 1, true);
  return decodeFieldSpecifier(new OctetReader(memoryOctets, from + 1, end), resolve);
}

/** Length in octets of the field specifier after the semantic: four more if it has a PEN. */
function specifierLength(from: number): number {
  return (memoryOctets[from + 1] ?? 0) >= 0x80 ? 8 : 4;
}

/**
 * Locates the items of a basicList, all of them before any is mapped. @throws Malformed if they do not fill it exactly
 */
function itemsOf(field: FieldSpecifier, content: number, end: number): FieldPlace[] {
  const items: FieldPlace[] = [];
  const harmless = referenceKind(field) === undefined;
  for (let at = content; at < end;) {
    const start = at;
    let { length } = field;
    if (length === 0 || (length !== VARIABLE_LENGTH && length > end - at)) {
      throw new Malformed(`${end - at} octets after the last item`, start, harmless);
    }
    if (length === VARIABLE_LENGTH) {
      length = memoryOctets[at++] ?? 0;
      if (length === LONG_FORM_MARKER) {
        length = end - at < 2 ? VARIABLE_LENGTH : u16At(memoryOctets, at);
        at += 2;
      }
    }
    if (length > end - at) throw new Malformed("an item overruns its list", start, harmless);
    items.push({ start, value: at, end: at + length });
    at += length;
  }
  return items;
}
