/**
 * Template mappings as plain data: what a plugin answers is read by its own properties and copied, so that a getter, a
 * cycle, or a change made later has no effect, whether the plugin runs in this process or in another.
 *
 * @module
 */
import { ABSTRACT_DATA_TYPES, type AbstractDataType } from "../../ipfix/types/abstract_data_type.ts";
import { formatHex, parseHex } from "../../ipfix/octets/hex.ts";
import { type InformationElement, sameElement } from "../../ipfix/registry/information_element.ts";
import type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";
import type { Profile } from "./profile/profile.ts";
import type { Conversion, FieldValue, MappedField, SessionFact, TemplateMapping } from "./template_mapping.ts";

const CONVERSIONS: readonly Conversion[] = [
  "widen",
  "narrow",
  "to-variable",
  "seconds-to-milliseconds",
  "ipv4-to-ipv6",
];
const FACTS: readonly SessionFact[] = ["exporterIPv4Address", "exporterIPv6Address", "observationDomainId"];
/** Fields that a template record can have in the longest message (RFC 7011 §3.4.1). */
const MAXIMUM_FIELDS = 16_383;
const MAXIMUM_NAME = 256;

/** An answer that is no template mapping. */
class MappingDataError extends Error {
  override readonly name = "MappingDataError";
}

/**
 * Reads what a plugin answered for a mapping.
 *
 * @param value a mapping, or its JSON form as {@link mappingData} makes it
 * @param given the mapping that the plugin was given
 * @throws MappingDataError, which names the property and what is wrong with it
 */
export function readMapping(value: unknown, given: TemplateMapping): TemplateMapping {
  if (value === given && Object.isFrozen(given)) return given;
  const answer = own(value, "the answer");
  if (answer("source") !== undefined && !isSameTemplate(answer("source"), given.source)) {
    throw new MappingDataError("the mapping is of another source template");
  }
  const fields = readFields(answer("fields"), given);
  const stripped = readStripped(answer("stripped"), given, fields);
  return { source: given.source, fields, ...(stripped === undefined ? {} : { stripped }) };
}

/** A mapping as JSON; {@link readMapping} reads it. */
export function mappingData({ source, fields, stripped }: TemplateMapping): unknown {
  return {
    source,
    fields: fields.map(({ value, ...field }) => ({
      ...field,
      value: valueData(value),
    })),
    ...(stripped === undefined ? {} : { stripped: [...stripped] }),
  };
}

function valueData(value: FieldValue): unknown {
  if (value.from === "constant") return { from: "constant", octets: formatHex(value.octets) };
  if (value.from !== "record" || value.otherwise === undefined) return value;
  return { ...value, otherwise: formatHex(value.otherwise) };
}

/** A mapping of {@link mappingData}, in the process that receives it. */
export function mappingOf(data: unknown): TemplateMapping {
  const source = readTemplate(own(data, "the mapping")("source"));
  return readMapping(data, { source, fields: [] });
}

/** Reads own data properties only: a getter could answer otherwise each time. */
function own(value: unknown, what: string): (name: string) => unknown {
  if (typeof value !== "object" || value === null) throw new MappingDataError(`${what} is not an object`);
  return (name) => {
    const property = Object.getOwnPropertyDescriptor(value, name);
    if (property === undefined) return undefined;
    if (!("value" in property)) throw new MappingDataError(`${what}.${name} is an accessor, not data`);
    return property.value;
  };
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new MappingDataError(`${what} is not a list`);
  if (value.length > MAXIMUM_FIELDS) throw new MappingDataError(`${what} has ${value.length} entries`);
  const entry = own(value, what);
  return Array.from({ length: value.length }, (_, index) => entry(String(index)));
}

/**
 * Fields that are those that the plugin was given, and so frozen and read before, are not read again: there may be
 * 16,000.
 */
function readFields(value: unknown, given: TemplateMapping): readonly MappedField[] {
  if (value === given.fields) return given.fields;
  const fields = list(value, "fields");
  const before = new Set<unknown>(fields.length === 0 ? [] : given.fields);
  return fields.map((field, position) => {
    if (before.has(field) && Object.isFrozen(field)) return field as MappedField;
    return readField(field, `fields[${position}]`);
  });
}

function readField(value: unknown, where: string): MappedField {
  const field = own(value, where);
  const target = readSpecifier(field("target"), `${where}.target`);
  const [scope, by] = [field("scope"), field("by")];
  return {
    target,
    value: readValue(field("value"), `${where}.value`),
    ...(scope === true ? { scope } : {}),
    ...(typeof by === "string" ? { by: by.slice(0, MAXIMUM_NAME) } : {}),
  };
}

function readSpecifier(value: unknown, where: string): FieldSpecifier {
  const specifier = own(value, where);
  return {
    element: readElement(specifier("element"), `${where}.element`),
    length: whole(specifier("length"), `${where}.length`),
  };
}

function readElement(value: unknown, where: string): InformationElement {
  const property = own(value, where);
  const [name, type, known, enterpriseBit] = ["name", "type", "known", "enterpriseBit"].map(property);
  if (typeof name !== "string" || name === "" || name.length > MAXIMUM_NAME) {
    throw new MappingDataError(`${where}.name is not a name`);
  }
  if (!isOneOf(ABSTRACT_DATA_TYPES, type)) throw new MappingDataError(`${where}.type is not an abstract data type`);
  if (typeof known !== "boolean" || typeof enterpriseBit !== "boolean") {
    throw new MappingDataError(`${where}: known and enterpriseBit are not booleans`);
  }
  return {
    pen: whole(property("pen"), `${where}.pen`),
    id: whole(property("id"), `${where}.id`),
    name,
    type: type as AbstractDataType,
    length: whole(property("length"), `${where}.length`),
    known,
    enterpriseBit,
  };
}

function readValue(given: unknown, where: string): FieldValue {
  const value = own(given, where);
  switch (value("from")) {
    case "record": {
      const index = whole(value("index"), `${where}.index`);
      const convert = value("convert");
      if (convert === undefined) return { from: "record", index };
      if (!isOneOf(CONVERSIONS, convert)) {
        throw new MappingDataError(`${where}.convert is none of ${CONVERSIONS.join(", ")}`);
      }
      const otherwise = value("otherwise");
      return {
        from: "record",
        index,
        convert: convert as Conversion,
        ...(otherwise === undefined ? {} : { otherwise: readOctets(otherwise, `${where}.otherwise`) }),
      };
    }
    case "constant":
      return { from: "constant", octets: readOctets(value("octets"), `${where}.octets`) };
    case "session": {
      const fact = value("fact");
      if (isOneOf(FACTS, fact)) return { from: "session", fact: fact as SessionFact };
      throw new MappingDataError(`${where}.fact is none of ${FACTS.join(", ")}`);
    }
  }
  throw new MappingDataError(`${where}.from is none of record, constant, session`);
}

function readOctets(value: unknown, where: string): Uint8Array {
  const octets = value instanceof Uint8Array ? value.slice() : typeof value === "string" ? parseHex(value) : undefined;
  if (octets === undefined) throw new MappingDataError(`${where} are not octets`);
  return octets;
}

/** Positions said to be stripped must be fields of the source that no target field takes its value from. */
function readStripped(
  value: unknown,
  { source, fields: before, stripped: known }: TemplateMapping,
  fields: readonly MappedField[],
): ReadonlyMap<number, string> | undefined {
  if (value === undefined) return undefined;
  if (value === known && fields === before) return known;
  const stripped = known !== undefined && value === known ? known : readPositions(value, source);
  for (const { value } of fields) {
    if (value.from === "record" && stripped.has(value.index)) {
      throw new MappingDataError(`stripped names field ${value.index}, which the target has`);
    }
  }
  return stripped;
}

function readPositions(value: unknown, source: Template): ReadonlyMap<number, string> {
  const stripped = new Map<number, string>();
  const read = (plugin: unknown, position: unknown) => {
    if (typeof position !== "number" || source.fields[position] === undefined || typeof plugin !== "string") {
      throw new MappingDataError("stripped has an entry that is not a position of the source with a plugin's name");
    }
    stripped.set(position, plugin.slice(0, MAXIMUM_NAME));
  };
  if (value instanceof Map) {
    Map.prototype.forEach.call(value, read);
    return stripped;
  }
  for (const entry of list(value, "stripped")) {
    if (Array.isArray(entry)) read(entry[1], entry[0]);
    else read(undefined, entry);
  }
  return stripped;
}

function readTemplate(value: unknown): Template {
  const template = own(value, "source");
  return {
    id: whole(template("id"), "source.id"),
    fields: list(template("fields"), "source.fields").map((field, position) =>
      readSpecifier(field, `source.fields[${position}]`)
    ),
    scopeFieldCount: whole(template("scopeFieldCount"), "source.scopeFieldCount"),
  };
}

function isSameTemplate(value: unknown, template: Template): boolean {
  if (value === template) return true;
  const other = readTemplate(value);
  return other.id === template.id && other.scopeFieldCount === template.scopeFieldCount &&
    other.fields.length === template.fields.length &&
    other.fields.every(({ element, length }, index) => {
      const field = template.fields[index];
      return field !== undefined && field.length === length && sameElement(field.element, element);
    });
}

function whole(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw new MappingDataError(`${where} is not a whole number`);
}

function isOneOf(words: readonly string[], value: unknown): boolean {
  return typeof value === "string" && words.includes(value);
}

/** Freezes a mapping and all that it holds, as {@link freezeDeep} does: it may have 16,000 fields. */
export function freezeMapping(mapping: TemplateMapping): TemplateMapping {
  if (Object.isFrozen(mapping)) return mapping;
  const { source, fields, stripped } = mapping;
  if (!Object.isFrozen(source)) {
    source.fields.forEach(freezeSpecifier);
    Object.freeze(source.fields);
    Object.freeze(source);
  }
  if (!Object.isFrozen(fields)) {
    for (const field of fields) {
      if (Object.isFrozen(field)) continue;
      freezeSpecifier(field.target);
      Object.freeze(field.value);
      Object.freeze(field);
    }
    Object.freeze(fields);
  }
  if (stripped !== undefined) Object.freeze(stripped);
  return Object.freeze(mapping);
}

function freezeSpecifier(specifier: FieldSpecifier): void {
  if (Object.isFrozen(specifier)) return;
  Object.freeze(specifier.element);
  Object.freeze(specifier);
}

/** Freezes a value and all that it holds, so that a plugin cannot change what it was given. Octets cannot be frozen. */
export function freezeDeep<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) freezeDeep(part);
  return value;
}

/**
 * Freezes a profile and the elements of its registries: all templates and plugins share it.
 *
 * @returns the same profile
 */
export function freezeProfile(profile: Profile): Profile {
  if (Object.isFrozen(profile)) return profile;
  for (const { elements } of [profile.registry, profile.vocabulary ?? profile.registry]) {
    for (const element of elements()) Object.freeze(element);
  }
  return freezeDeep(profile);
}
