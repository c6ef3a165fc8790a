import {
  type AbstractDataType,
  isSigned,
  isStructured,
  VARIABLE_LENGTH,
} from "../../../ipfix/types/abstract_data_type.ts";
import type { InformationElement } from "../../../ipfix/registry/information_element.ts";
import type { FieldSpecifier } from "../../../ipfix/record/template.ts";
import { defaultOctets } from "../../../ipfix/types/value.ts";
import { conversionBetween, narrowedSigns } from "../conversion.ts";
import type { Dialect } from "../profile/dialect.ts";
import { collectorElement, type Profile } from "../profile/profile.ts";
import type { MappedField, TemplateMapping } from "../template_mapping.ts";

/** Name under which `explain` lists the changes of this step. */
export const DIALECT_STEP = "dialect";

/**
 * The last step of every chain: fits the mapping to the limits of the collector's decoder (see {@link Dialect}).
 *
 * - A field whose type it cannot decode is stripped.
 * - If it decodes by its registry's lengths, every known element gets that length: reduced sizes widen, fixed-length
 *   strings become variable, and integers in more octets are narrowed, record by record. A field that cannot be fitted,
 *   because its length is wrong for its type, is replaced by the type's default if the collector expects the element,
 *   and stripped otherwise. A fixed-size element of length 0 stands for its type's default. A constant is fitted in the
 *   same way, and replaced by the type's default if it cannot be.
 * - An options template whose scope it cannot decode completely keeps no field: its records would describe something
 *   else.
 *
 * @param expected whether the template follows one of the profile's lists
 */
export function fitToDialect(mapping: TemplateMapping, profile: Profile, expected: boolean): TemplateMapping {
  const { dialect } = profile;
  if (dialect.fieldLengths === "template" && dialect.undecodableTypes.size === 0) return mapping;
  const stripped = new Map(mapping.stripped);
  const fields: MappedField[] = [];
  for (const field of mapping.fields) {
    const fitted = fitField(mapping, field, profile, dialect, expected);
    if (fitted !== undefined) fields.push(fitted);
    else if (field.scope === true) return { source: mapping.source, fields: [], stripped };
    else if (field.value.from === "record") stripped.set(field.value.index, DIALECT_STEP);
  }
  return { source: mapping.source, fields, stripped };
}

function fitField(
  mapping: TemplateMapping,
  field: MappedField,
  profile: Profile,
  dialect: Dialect,
  expected: boolean,
): MappedField | undefined {
  const { target, value } = field;
  const own = collectorElement(profile, target.element);
  if (dialect.undecodableTypes.has((own ?? target.element).type)) return undefined;
  if (dialect.fieldLengths === "template") return field;
  if (own === undefined) return field.scope === true && !profile.acceptsUnknownElements ? undefined : field;
  const wanted: FieldSpecifier = { element: own, length: own.length };
  if (value.from === "constant") {
    const octets = fitConstant(value.octets, target, wanted);
    return octets === undefined
      ? defaultField(field, wanted)
      : { ...field, target: wanted, value: { from: "constant", octets } };
  }
  if (value.from === "session") return { ...field, target: wanted };
  const source = mapping.source.fields[value.index];
  if (source === undefined) return field; // the mapping check names it
  const conversion = source.length === 0 ? emptyConversion(own) : conversionBetween(readAs(source, target), wanted);
  if (conversion === "none") return { ...withoutConversion(field), target: wanted };
  if (conversion !== undefined && conversion !== "default") {
    return { ...field, target: wanted, value: { from: "record", index: value.index, convert: conversion } };
  }
  if (conversion === undefined && narrowedSigns(source, wanted) !== undefined) {
    const otherwise = value.otherwise?.length === wanted.length ? value.otherwise : defaultOctets(own.type, own.length);
    return { ...field, target: wanted, value: { from: "record", index: value.index, convert: "narrow", otherwise } };
  }
  return !expected && conversion === undefined ? undefined : defaultField(field, wanted);
}

/** A field with the type's default instead; undefined for a type that has none. */
function defaultField(field: MappedField, target: FieldSpecifier): MappedField | undefined {
  const { type } = target.element;
  if (type === "subTemplateList") return undefined;
  return {
    ...field,
    target,
    value: { from: "constant", octets: defaultOctets(type, target.length) },
    by: DIALECT_STEP,
  };
}

/**
 * How a field of no octets is fitted: it is an empty string, or stands for the default of a type with a size of its
 * own.
 */
function emptyConversion(own: InformationElement): "none" | "to-variable" | "default" | undefined {
  if (own.length !== VARIABLE_LENGTH) return "default";
  return isStructured(own.type) ? undefined : "to-variable";
}

/**
 * A mapped source field keeps its own type. If a plugin renamed the field without a conversion, it is this type that
 * has to fit.
 */
function readAs(source: FieldSpecifier, target: FieldSpecifier): FieldSpecifier {
  return source.element.known
    ? source
    : { element: { ...source.element, type: target.element.type }, length: source.length };
}

function withoutConversion(field: MappedField): MappedField {
  return field.value.from === "record" ? { ...field, value: { from: "record", index: field.value.index } } : field;
}

/** The same value in the collector's length; undefined if there is no such value. */
function fitConstant(octets: Uint8Array, target: FieldSpecifier, wanted: FieldSpecifier): Uint8Array | undefined {
  switch (conversionBetween({ element: target.element, length: target.length }, wanted)) {
    case "none":
    case "to-variable":
      return octets;
    case "widen":
      return widen(octets, target.element.type, wanted.length);
    default:
      return undefined;
  }
}

/** Widens a value as the rewrite loop does for records (RFC 7011 §6.2). */
function widen(octets: Uint8Array, type: AbstractDataType, length: number): Uint8Array {
  const wide = new Uint8Array(length);
  if (type === "float32" || type === "float64") {
    const narrow = new DataView(octets.buffer, octets.byteOffset).getFloat32(0);
    new DataView(wide.buffer).setFloat64(0, narrow);
    return wide;
  }
  if (isSigned(type) && (octets[0] ?? 0) >= 0x80) wide.fill(0xff);
  wide.set(octets, length - octets.length);
  return wide;
}
