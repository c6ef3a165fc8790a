/**
 * Values that speak of templates, put right a second time: slow and obvious. Everything is decoded to fields and put
 * together again, one value after the other.
 *
 * @module
 */
import type { RegistryHistory } from "../../../src/ipfix/registry/registry.ts";
import type { DropReason, ReferenceFault } from "../../../src/mediation/templates/event.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { isIdentity } from "./reference_counts.ts";
import type { ReferenceMapping } from "./reference_mapping.ts";
import type { ReferenceTemplate } from "./reference_rewriter.ts";
import { join, number, readNumber, variable, type WireField, type WireTemplate } from "../messages/wire.ts";

/** A field of a record: its length octets, none in a fixed field, and its value. */
export interface RawField {
  readonly prefix: Uint8Array;
  readonly value: Uint8Array;
}

/** The record of a value, and the templates that it may refer to. */
export interface RecordContext {
  readonly profile: Profile;
  readonly history: RegistryHistory;
  readonly source: WireTemplate;
  readonly record: readonly RawField[];
  readonly templates: ReadonlyMap<string, ReferenceTemplate>;
  readonly observationDomain: number;
  /** Lists around the record. */
  readonly depth: number;
  readonly findings: Findings;
}

/** What is found while one data record is put right. */
export interface Findings {
  /** Records inside lists that go out, with their templates. */
  readonly embedded: { source: WireTemplate; mapping: ReferenceMapping; values: readonly Uint8Array[] }[];
  readonly faults: ReferenceFault[];
  /** Names of elements whose values say less than they did. */
  readonly lost: Set<string>;
}

/** The whole data record cannot go out. */
export class RecordLost extends Error {
  constructor(readonly reason: DropReason) {
    super(reason);
  }
}

/**
 * A list that is none by RFC 6313. `harmless`: nothing that was read of it is laid out by a template that goes out
 * changed.
 */
class NotWellFormed extends Error {
  constructor(readonly harmless: boolean) {
    super("not well-formed");
  }
}

type Kind = "templateId" | "flowKeyIndicator" | "basicList" | "subTemplateList" | "subTemplateMultiList";

/** What values of the field speak of templates with. */
export function kindOf(history: RegistryHistory, { pen, id, length, enterpriseBit }: WireField): Kind | undefined {
  const { type } = history.resolve(pen, id, length, enterpriseBit);
  if (length === 0) return undefined;
  if (type === "basicList" || type === "subTemplateList" || type === "subTemplateMultiList") return type;
  if (pen !== 0 || enterpriseBit) return undefined;
  if (id === 145 && length <= 2) return "templateId";
  return id === 173 && length <= 8 ? "flowKeyIndicator" : undefined;
}

/** A collector that may be sent what nobody can make sense of. */
function isWithoutLimits({ dialect }: Profile): boolean {
  return dialect.fieldLengths === "template" && dialect.undecodableTypes.size === 0 &&
    dialect.templateScope === "session";
}

/**
 * Whether all that values can speak of stays what it is, and the collector takes anything: then nothing is looked at.
 */
function isRelayed({ profile, templates, observationDomain }: RecordContext): boolean {
  const own = [...templates].filter(([key]) => key.startsWith(`${observationDomain} `)).map(([, template]) => template);
  return isWithoutLimits(profile) &&
    own.every(({ source, outcome }) => typeof outcome !== "string" && isIdentity(source, outcome));
}

/** The fields of a record as they go out. @throws RecordLost */
export function rewriteFields({ target, values }: ReferenceMapping, context: RecordContext): RawField[] {
  const fields = values.map((value, position): RawField => {
    const field = target.fields[position];
    if (field === undefined) throw new Error(`target field ${position} is missing`);
    if (value.from === "default") return shortest(field, value.octets);
    const raw = context.record[value.index];
    if (raw === undefined) throw new Error(`source field ${value.index} is missing`);
    const converted = value.convert(raw.value);
    const kind = isRelayed(context) ? undefined : kindOf(context.history, field);
    const octets = kind === undefined ? converted : rewriteValue(kind, field, converted, context);
    if (field.length === 65535) {
      const keepsForm = octets.length === raw.value.length && raw.prefix.length > 0;
      return keepsForm ? { prefix: raw.prefix, value: octets } : shortest(field, octets);
    }
    if (octets.length !== field.length) throw new RecordLost("fixed_length_list");
    return { prefix: new Uint8Array(), value: octets };
  });
  if (octetsOf(fields).length > 65535) throw new RecordLost("record_too_long");
  return fields;
}

/** The octets of a record's fields. */
export function octetsOf(fields: readonly RawField[]): Uint8Array {
  return join(...fields.flatMap(({ prefix, value }) => [prefix, value]));
}

function shortest({ length }: WireField, value: Uint8Array): RawField {
  if (length !== 65535) return { prefix: new Uint8Array(), value };
  if (value.length > 65535) throw new RecordLost("record_too_long");
  const framed = variable(value);
  return { prefix: framed.slice(0, framed.length - value.length), value };
}

function templateOf(id: number, { templates, observationDomain }: RecordContext): ReferenceTemplate | undefined {
  return templates.get(`${observationDomain} ${id}`);
}

function nameOf({ history }: RecordContext, { pen, id, length, enterpriseBit }: WireField): string {
  return history.resolve(pen, id, length, enterpriseBit).name;
}

function rewriteValue(kind: Kind, field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  if (kind === "templateId") return templateId(field, octets, context);
  if (kind === "flowKeyIndicator") return flowKeys(field, octets, context);
  return list(kind, field, octets, { ...context, depth: context.depth + 1 });
}

/** A template that the collector does not have under this id. */
function unresolved(
  field: WireField,
  octets: Uint8Array,
  template: ReferenceTemplate | undefined,
  context: RecordContext,
): Uint8Array {
  const { findings, profile } = context;
  findings.faults.push(template === undefined ? "unknown_template" : "refused_template");
  if (isWithoutLimits(profile)) return octets;
  findings.lost.add(nameOf(context, field));
  return new Uint8Array(octets.length);
}

/** Ids of a session alone are never changed. */
function templateId(field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  const id = readNumber(octets, 0, octets.length);
  const template = templateOf(id, context);
  if (id === 0 || (template !== undefined && typeof template.outcome !== "string")) return octets;
  return unresolved(field, octets, template, context);
}

/**
 * RFC 7119 §10.2: bits move with the fields of the template that the record's first templateId names, or of its own.
 */
function flowKeys(field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  const { source, record, history, findings } = context;
  const place = source.fields.findIndex((one) => kindOf(history, one) === "templateId");
  const named = record[place]?.value;
  const id = named === undefined ? source.id : readNumber(named, 0, named.length);
  const template = templateOf(id, context);
  const outcome = template?.outcome;
  if (outcome === undefined || typeof outcome === "string") return unresolved(field, octets, template, context);
  const bits = BigInt(`0x${octets.toHex()}`);
  let moved = 0n;
  outcome.values.forEach((value, position) => {
    if (value.from === "record" && value.index < 64 && (bits >> BigInt(value.index) & 1n) === 1n) {
      moved |= 1n << BigInt(position);
    }
  });
  const kept = BigInt.asUintN(8 * octets.length, moved);
  if (kept !== moved) {
    findings.faults.push("flow_key");
    findings.lost.add(nameOf(context, field));
  }
  return number(kept, octets.length);
}

type ListKind = Exclude<Kind, "templateId" | "flowKeyIndicator">;

function list(kind: ListKind, field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  const { findings, depth, profile } = context;
  if (depth > 8) {
    findings.faults.push("deep_list");
    findings.lost.add(nameOf(context, field));
    return emptyList(kind, octets, context);
  }
  try {
    if (kind === "basicList") return basicList(field, octets, context);
    return kind === "subTemplateList"
      ? subTemplateList(field, octets, context)
      : subTemplateMultiList(field, octets, context);
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    findings.faults.push("malformed_list");
    if (error.harmless && isWithoutLimits(profile)) return octets;
    findings.lost.add(nameOf(context, field));
    return emptyList(kind, octets, context);
  }
}

/**
 * A list without items, of the record's own template where it has to name one, of paddingOctets where its element
 * cannot be read.
 */
function emptyList(kind: ListKind, octets: Uint8Array, { source }: RecordContext): Uint8Array {
  const semantic = number(octets[0] ?? 255, 1);
  if (kind === "subTemplateMultiList") return semantic;
  if (kind === "subTemplateList") return join(semantic, number(source.id, 2));
  const length = (octets[1] ?? 0) >= 0x80 ? 9 : 5;
  return octets.length < length ? join(semantic, number(210, 2), number(65535, 2)) : octets.slice(0, length);
}

function basicList(field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  const header = (octets[1] ?? 0) >= 0x80 ? 9 : 5;
  if (octets.length < header) throw new NotWellFormed(true);
  const enterpriseBit = header === 9;
  const item: WireField = {
    pen: enterpriseBit ? readNumber(octets, 5, 4) : 0,
    id: readNumber(octets, 1, 2) % 0x8000,
    enterpriseBit,
    length: readNumber(octets, 3, 2),
  };
  const kind = kindOf(context.history, item);
  const items = rawRecords([item], octets.slice(header), kind === undefined).map(([one]) => one);
  if (kind === undefined) return octets;
  return join(
    octets.slice(0, header),
    ...items.map((one) => {
      const raw = one ?? { prefix: new Uint8Array(), value: new Uint8Array() };
      // What is lost in it is lost of the list's own element.
      const value = isList(kind)
        ? list(kind, field, raw.value, { ...context, depth: context.depth + 1 })
        : rewriteValue(kind, field, raw.value, context);
      if (item.length !== 65535 && value.length !== raw.value.length) throw new RecordLost("fixed_length_list");
      return octetsOf([value.length === raw.value.length ? { ...raw, value } : shortest(item, value)]);
    }),
  );
}

function isList(kind: Kind): kind is ListKind {
  return kind !== "templateId" && kind !== "flowKeyIndicator";
}

/** All records, to the last octet. */
function rawRecords(fields: readonly WireField[], content: Uint8Array, harmless: boolean): RawField[][] {
  const records: RawField[][] = [];
  const smallest = fields.reduce((sum, { length }) => sum + (length === 65535 ? 1 : length), 0);
  let offset = 0;
  const take = (length: number) => {
    if (offset + length > content.length) throw new NotWellFormed(harmless);
    offset += length;
    return content.slice(offset - length, offset);
  };
  while (offset < content.length) {
    if (smallest === 0) throw new NotWellFormed(harmless);
    records.push(fields.map(({ length }) => {
      if (length !== 65535) return { prefix: new Uint8Array(), value: take(length) };
      const short = take(1);
      if (short[0] !== 255) return { prefix: short, value: take(short[0] ?? 0) };
      const long = take(2);
      return { prefix: join(short, long), value: take(readNumber(long, 0, 2)) };
    }));
  }
  return records;
}

function subTemplateList(field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  if (octets.length < 3) throw new NotWellFormed(true);
  const template = templateOf(readNumber(octets, 1, 2), context);
  if (template !== undefined && typeof template.outcome !== "string") {
    const { source } = template;
    const records = rawRecords(source.fields, octets.slice(3), isUnchanged(template, context));
    return join(octets.slice(0, 3), embedded(source, template.outcome, records, context));
  }
  return leaveOut(field, template, context) ? octets : emptyList("subTemplateList", octets, context);
}

function subTemplateMultiList(field: WireField, octets: Uint8Array, context: RecordContext): Uint8Array {
  if (octets.length === 0) throw new NotWellFormed(true);
  const blocks: { template: ReferenceTemplate | undefined; octets: Uint8Array }[] = [];
  let harmless = true;
  for (let offset = 1; offset < octets.length;) {
    if (offset + 4 > octets.length) throw new NotWellFormed(harmless);
    const [id, length] = [readNumber(octets, offset, 2), readNumber(octets, offset + 2, 2)];
    const template = templateOf(id, context);
    harmless = harmless && isUnchanged(template, context);
    if (length < 4 || offset + length > octets.length) throw new NotWellFormed(harmless);
    blocks.push({ template, octets: octets.slice(offset, offset + length) });
    offset += length;
  }
  const read = blocks.map(({ template, octets }) => {
    const isKnown = template !== undefined && typeof template.outcome !== "string";
    return isKnown ? rawRecords(template.source.fields, octets.slice(4), harmless) : [];
  });
  const parts = blocks.map(({ template, octets }, index) => {
    if (template === undefined || typeof template.outcome === "string") {
      return leaveOut(field, template, context) ? octets : new Uint8Array();
    }
    const content = embedded(template.source, template.outcome, read[index] ?? [], context);
    if (content.length + 4 > 65535) throw new RecordLost("record_too_long");
    return join(octets.slice(0, 2), number(content.length + 4, 2), content);
  });
  return join(octets.slice(0, 1), ...parts);
}

/** Notes records of a template that the collector does not have; true: they go out as they are. */
function leaveOut(field: WireField, template: ReferenceTemplate | undefined, context: RecordContext): boolean {
  const { findings, profile } = context;
  findings.faults.push(template === undefined ? "unknown_template" : "refused_template");
  if (template === undefined && isWithoutLimits(profile)) return true;
  findings.lost.add(nameOf(context, field));
  return false;
}

/** Whether octets laid out by the template are laid out by it behind the mediator as well. */
function isUnchanged(template: ReferenceTemplate | undefined, { history }: RecordContext): boolean {
  if (template === undefined) return true;
  const { source, outcome } = template;
  if (typeof outcome === "string" || !isIdentity(source, outcome)) return false;
  return source.fields.every((field) => kindOf(history, field) === undefined);
}

function embedded(
  source: WireTemplate,
  mapping: ReferenceMapping,
  records: readonly RawField[][],
  context: RecordContext,
): Uint8Array {
  const octets = join(...records.map((record) => {
    context.findings.embedded.push({ source, mapping, values: record.map(({ value }) => value) });
    return octetsOf(rewriteFields(mapping, { ...context, source, record }));
  }));
  if (octets.length > 65535) throw new RecordLost("record_too_long");
  return octets;
}
