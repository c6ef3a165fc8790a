/**
 * What a template becomes for a collector, worked out a second time from the project's rules and RFC 7011 alone, for
 * tests. Slow and obvious: every value is converted on its own, nothing is compiled, no plugin is asked.
 *
 * @module
 */
import type { AbstractDataType } from "../../../src/ipfix/types/abstract_data_type.ts";
import type { RegistryHistory } from "../../../src/ipfix/registry/registry.ts";
import type { Dialect } from "../../../src/mediation/mapping/profile/dialect.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { smallestRecord, type WireField, type WireTemplate } from "../messages/wire.ts";

/** Where the value of one target field comes from. */
export type ReferenceValue =
  | { readonly from: "default"; readonly octets: Uint8Array }
  | {
    readonly from: "record";
    readonly index: number;
    readonly convert: (octets: Uint8Array) => Uint8Array;
    /** Whether the field has room for the value; if not, `convert` makes another of it. Undefined: it always has. */
    readonly fits?: (octets: Uint8Array) => boolean;
  };

/** A template as the collector gets it. */
export interface ReferenceMapping {
  readonly target: WireTemplate;
  readonly values: readonly ReferenceValue[];
}

const FIXED_LENGTHS: Partial<Record<AbstractDataType, number>> = {
  unsigned8: 1,
  signed8: 1,
  boolean: 1,
  unsigned16: 2,
  signed16: 2,
  unsigned32: 4,
  signed32: 4,
  float32: 4,
  dateTimeSeconds: 4,
  ipv4Address: 4,
  macAddress: 6,
  unsigned64: 8,
  signed64: 8,
  float64: 8,
  dateTimeMilliseconds: 8,
  dateTimeMicroseconds: 8,
  dateTimeNanoseconds: 8,
  ipv6Address: 16,
};

/** The mapping of a template, or why none of its records may go out. */
export function referenceMapping(
  profile: Profile,
  history: RegistryHistory,
  source: WireTemplate,
): ReferenceMapping | "template_refused" | "everything_stripped" | "options_template" | "mapping_failed" {
  if (source.scope > 0 && !profile.dialect.optionsTemplates) return "options_template";
  if (smallestRecord(source.fields) === 0) return "template_refused";
  if (smallestRecord(source.fields) > LARGEST_RECORD) return "mapping_failed";
  const listed = listToTheLetter(profile, source);
  const expected = listed ?? (source.scope > 0 ? undefined : selectedList(profile, source));
  const mapping = listed !== undefined && profile.dialect.fieldLengths === "template"
    ? asListed(profile, source)
    : expected === undefined
    ? ownShape(profile, history, source)
    : expectedShape(profile, history, expected.fields.map(({ element, length }) => ({ ...element, length })), source);
  const { fields, scope } = mapping.target;
  if (fewestOctets(mapping, source) > LARGEST_RECORD) return "mapping_failed";
  // With less of its scope, its records would speak of something else.
  return smallestRecord(fields) === 0 || scope < source.scope ? "everything_stripped" : mapping;
}

/** Elements as people write them, so that equal texts are equal elements. */
const named = ({ pen, id, enterpriseBit }: Pick<WireField, "pen" | "id" | "enterpriseBit">) =>
  `${pen}/${id} ${enterpriseBit}`;

/** The list that has the template's elements in its order and its lengths. */
function listToTheLetter({ templates }: Profile, { fields, scope }: WireTemplate) {
  const letter = fields.map((field) => `${named(field)} ${field.length}`).join();
  return templates.find((one) =>
    (one.scopeFieldCount ?? 0) === scope &&
    one.fields.map(({ element, length }) => `${named(element)} ${length}`).join() === letter
  );
}

/** As it came, but for what the collector can decode in no template. */
function asListed({ dialect, registry }: Profile, source: WireTemplate): ReferenceMapping {
  const kept = [...source.fields.entries()].filter(([, { pen, id }]) =>
    !dialect.undecodableTypes.has(registry.lookup(pen, id)?.type ?? "octetArray")
  );
  return {
    target: { ...source, fields: kept.map(([, field]) => plain(field)) },
    values: kept.map(([index]) => ({ from: "record", index, convert: (octets) => octets })),
  };
}

/**
 * Of the lists that the source's elements select, the one that keeps most, needs the fewest others, and comes first.
 */
function selectedList({ templates }: Profile, { fields }: WireTemplate): Profile["templates"][number] | undefined {
  const own = fields.map(named);
  const candidates = templates.filter(({ selectedBy, not = [] }) =>
    selectedBy.length > 0 && selectedBy.every((element) => own.includes(named(element))) &&
    not.every((element) => !own.includes(named(element)))
  ).map((template) => {
    const left = template.fields.map(({ element }) => named(element));
    let kept = 0;
    for (const element of own) {
      const place = left.indexOf(element);
      if (place < 0) continue;
      left.splice(place, 1);
      kept++;
    }
    return { template, kept };
  });
  candidates.sort((one, other) => other.kept - one.kept || one.template.fields.length - other.template.fields.length);
  return candidates[0]?.template;
}

/** A message's octets less its header and the set's: no record can be longer. */
const LARGEST_RECORD = 65535 - 16 - 4;

/** Octets that every record has at least, its values as they came in. */
function fewestOctets({ values, target }: ReferenceMapping, source: WireTemplate): number {
  const lengths = values.map((value, position) =>
    (value.from === "record" ? source.fields[value.index] : target.fields[position])?.length ?? 0
  );
  return lengths.reduce((sum, length) => sum + (length === 65535 ? 1 : length), 0);
}

type TypedField = WireField & { readonly type: AbstractDataType };

/**
 * The collector's list: the first source field of each element that can be read and no earlier place has taken, else
 * the default.
 */
function expectedShape(
  { dialect }: Profile,
  history: RegistryHistory,
  list: readonly TypedField[],
  source: WireTemplate,
): ReferenceMapping {
  const taken = new Set<number>();
  const fields: WireField[] = [];
  const values = list.map((wanted): ReferenceValue => {
    const index = source.fields.findIndex((field, position) =>
      !taken.has(position) && field.pen === wanted.pen && field.id === wanted.id &&
      field.enterpriseBit === wanted.enterpriseBit &&
      (field.length === 0 || canBeRead(field, wanted, dialect) || narrow(history, field, wanted, 0) !== undefined)
    );
    taken.add(index);
    const wide = source.fields[index];
    const narrowed = wide !== undefined && wide.length > 0 && !canBeRead(wide, wanted, dialect)
      ? narrow(history, wide, wanted, index)
      : undefined;
    if (narrowed !== undefined) {
      fields.push(plain(wanted));
      return narrowed;
    }
    const length = source.fields[index]?.length ?? wanted.length;
    fields.push({ ...plain(wanted), length: dialect.fieldLengths === "template" ? length : wanted.length });
    const from = source.fields[index];
    const value = from && valueOf(wanted.type, index, length, fields.at(-1)?.length ?? length);
    return value ?? { from: "default", octets: defaultOf(wanted.type, wanted.length) };
  });
  return { target: { id: source.id, scope: 0, fields }, values };
}

/** The collector reads the octets as its own registry says, whatever the exporter's release made of the element. */
function canBeRead(field: WireField, { type, length }: TypedField, dialect: Dialect): boolean {
  if (!legalLength(type, field.length)) return false;
  return dialect.fieldLengths === "template" || valueOf(type, 0, field.length, length) !== undefined;
}

/** An integer in more octets than the collector has for it: the value where there is room for it, else 0. */
function narrow(
  history: RegistryHistory,
  field: WireField,
  { type, length }: Pick<TypedField, "type" | "length">,
  index: number,
): ReferenceValue | undefined {
  const isInteger = (one: AbstractDataType) => /^(un)?signed/.test(one);
  const sent = sentAs(history, field);
  const from = legalLength(sent, field.length) ? sent : type;
  if (!isInteger(from) || !isInteger(type) || !legalLength(type, length)) return undefined;
  if (field.length === 65535 || field.length <= length) return undefined;
  const valueOfOctets = (octets: Uint8Array) => {
    const value = BigInt(`0x${octets.toHex()}`);
    return from.startsWith("signed") ? BigInt.asIntN(8 * octets.length, value) : value;
  };
  const bits = BigInt(8 * length);
  const [least, most] = type.startsWith("signed")
    ? [-(1n << bits - 1n), (1n << bits - 1n) - 1n]
    : [0n, (1n << bits) - 1n];
  const fits = (octets: Uint8Array) => valueOfOctets(octets) >= least && valueOfOctets(octets) <= most;
  return {
    from: "record",
    index,
    fits,
    convert: (octets) => fits(octets) ? octets.slice(octets.length - length) : new Uint8Array(length),
  };
}

/** The exporter's own order, less what the collector does not know or cannot decode. */
function ownShape(profile: Profile, history: RegistryHistory, source: WireTemplate): ReferenceMapping {
  const fields: WireField[] = [];
  const values: ReferenceValue[] = [];
  let scope = 0;
  source.fields.forEach((field, index) => {
    const kept = ownField(profile, history, field, index, index < source.scope);
    if (kept === undefined) return;
    fields.push(kept.field);
    values.push(kept.value);
    if (index < source.scope) scope++;
  });
  return { target: { id: source.id, scope, fields }, values };
}

function ownField(profile: Profile, history: RegistryHistory, field: WireField, index: number, scope: boolean) {
  const asItCame = {
    field: plain(field),
    value: { from: "record", index, convert: (octets) => octets } as ReferenceValue,
  };
  const { dialect, registry, acceptsUnknownElements } = profile;
  const known = field.enterpriseBit !== (field.pen !== 0) ? undefined : registry.lookup(field.pen, field.id) ??
    (acceptsUnknownElements ? history.newest.lookup(field.pen, field.id) : undefined);
  const { type } = known ?? history.resolve(field.pen, field.id, field.length, field.enterpriseBit);
  if (dialect.undecodableTypes.has(type)) return undefined;
  if (dialect.fieldLengths === "template" && (scope || acceptsUnknownElements)) return asItCame;
  if (known === undefined) return undefined;
  const narrowed = legalLength(known.type, field.length) ? undefined : narrow(history, field, known, index);
  if (narrowed !== undefined) return { field: { ...plain(field), length: known.length }, value: narrowed };
  if (profile.dialect.fieldLengths === "template") {
    return field.length === 0 || legalLength(known.type, field.length) ? asItCame : undefined;
  }
  const value = field.length === 0 && known.length !== 65535
    ? { from: "default", octets: defaultOf(known.type, known.length) } as const
    : valueOf(known.type, index, field.length, known.length);
  return value === undefined ? undefined : { field: { ...plain(field), length: known.length }, value };
}

/** The type that the exporter's release gave the element, as far as its length tells. */
function sentAs(history: RegistryHistory, { pen, id, length, enterpriseBit }: WireField): AbstractDataType {
  return history.resolve(pen, id, length, enterpriseBit).type;
}

function valueOf(
  type: AbstractDataType,
  index: number,
  from: number,
  to: number,
): ReferenceValue | undefined {
  if (from === to) return { from: "record", index, convert: (octets) => octets };
  if (!legalLength(type, from)) return undefined;
  if (type === "float64" && from === 4 && to === 8) {
    return { from: "record", index, convert: (octets) => float64(new DataView(octets.slice().buffer).getFloat32(0)) };
  }
  if (/List$/.test(type)) return undefined;
  if (FIXED_LENGTHS[type] === undefined) {
    return to === 65535 ? { from: "record", index, convert: (octets) => octets } : undefined;
  }
  if (from > to) return undefined;
  return { from: "record", index, convert: (octets) => widen(octets, to, type.startsWith("signed")) };
}

/**
 * RFC 7011 §6.2: integers of 16 to 64 bits and float64 may be sent in fewer octets, all else but strings, arrays and
 * lists not.
 */
function legalLength(type: AbstractDataType, length: number): boolean {
  const fixed = FIXED_LENGTHS[type];
  if (fixed === undefined || fixed === length) return true;
  if (type === "float64") return length === 4;
  return /^(un)?signed/.test(type) && length >= 1 && length < fixed;
}

function widen(octets: Uint8Array, length: number, signed: boolean): Uint8Array {
  const negative = signed && ((octets[0] ?? 0) & 0x80) !== 0;
  const wide = new Uint8Array(length).fill(negative ? 0xff : 0);
  wide.set(octets, length - octets.length);
  return wide;
}

function float64(value: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setFloat64(0, value);
  return octets;
}

/** Zero, nothing, or false, which is 2 (RFC 7011 §6.1.5). */
function defaultOf(type: AbstractDataType, length: number): Uint8Array {
  if (length === 65535) return new Uint8Array();
  return new Uint8Array(length).fill(type === "boolean" ? 2 : 0);
}

function plain({ pen, id, enterpriseBit, length }: WireField): WireField {
  return { pen, id, enterpriseBit, length };
}
