import { isLengthOfType, VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { type InformationElement, unknownElement } from "../../ipfix/registry/information_element.ts";
import type { Registry } from "../../ipfix/registry/registry.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import type { Dialect } from "../../mediation/mapping/profile/dialect.ts";
import type { ElementChoice } from "./profile_schema.ts";

/** The fields of a template as a profile file lists them. */
export interface LearntFields {
  /** The fields in the form of the file. */
  readonly choices: readonly ElementChoice[];
  /** The element of each. */
  readonly elements: readonly InformationElement[];
  /** Fields that a profile cannot express, each described for a person. */
  readonly leftOut: readonly string[];
  /** Fields that the profile states differently from the template, described in the same way. */
  readonly changed: readonly string[];
}

/** Expresses the fields of a template in a profile with this registry and dialect. */
export function learnFields(fields: readonly FieldSpecifier[], registry: Registry, dialect: Dialect): LearntFields {
  const learnt = fields.map((field) => learnField(field, registry, dialect));
  const written = learnt.flatMap((one) => "choice" in one ? [one] : []);
  return {
    choices: written.map(({ choice }) => choice),
    elements: written.map(({ element }) => element),
    leftOut: learnt.flatMap((one) => "leftOut" in one ? [one.leftOut] : []),
    changed: written.flatMap(({ changed }) => changed === undefined ? [] : [changed]),
  };
}

interface WrittenField {
  readonly choice: ElementChoice;
  readonly element: InformationElement;
  readonly changed: string | undefined;
}

function learnField(
  { element: { pen, id, enterpriseBit }, length }: FieldSpecifier,
  registry: Registry,
  dialect: Dialect,
): WrittenField | { readonly leftOut: string } {
  // PEN 0 with the enterprise bit is no element of the registry, nor one that its decoder could know.
  const isOdd = enterpriseBit && pen === 0;
  const element = isOdd ? unknownElement(0, id, true) : registry.lookup(pen, id) ?? unknownElement(pen, id);
  const { name } = element;
  if (dialect.fieldLengths === "registry") {
    if (isOdd) return { leftOut: `element ${id} of PEN 0 with the enterprise bit` };
    if (element.known) {
      const changed = `${name} of ${octets(length)} as ${octets(element.length)}`;
      return { choice: name, element, changed: length === element.length ? undefined : changed };
    }
    if (length === 0) return { leftOut: `${name} of no octets` };
  }
  const bit = isOdd ? { enterpriseBit: true } : {};
  if (length === 0 || !isLengthOfType(element.type, length)) {
    return { choice: { element: name, unusualLength: length, ...bit }, element, changed: undefined };
  }
  const isPlain = length === element.length && !isOdd;
  return { choice: isPlain ? name : { element: name, length, ...bit }, element, changed: undefined };
}

function octets(length: number): string {
  return length === VARIABLE_LENGTH ? "variable length" : length === 1 ? "1 octet" : `${length} octets`;
}
