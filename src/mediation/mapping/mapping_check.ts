import { VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import type { InformationElement } from "../../ipfix/registry/information_element.ts";
import { MAXIMUM_MESSAGE_LENGTH, MESSAGE_HEADER_LENGTH } from "../../ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH } from "../../ipfix/message/set.ts";
import { smallestRecordLength } from "../../ipfix/record/template.ts";
import { conversionBetween, narrowedSigns } from "./conversion.ts";
import { sessionFactLength } from "./session_fact.ts";
import { type MappedField, targetTemplate, type TemplateMapping } from "./template_mapping.ts";

/** A mapping that cannot be compiled: a plugin's mistake. */
export class MappingError extends Error {
  override readonly name = "MappingError";
}

/**
 * Octets that a message has for one template record or data record: the longest message less its headers (RFC 7011
 * §3.1, §3.3.2).
 */
const ROOM_IN_MESSAGE = MAXIMUM_MESSAGE_LENGTH - MESSAGE_HEADER_LENGTH - SET_HEADER_LENGTH;

/**
 * Checks that a mapping can be compiled and is consistent: every index exists, lengths agree with what is copied, every
 * conversion keeps the value, constants have the target's length, scope fields come first, the target can be written as
 * a template record (RFC 7011 §3.2), and a record of it can fit a message.
 *
 * @throws MappingError, which names the field and what is wrong with it
 */
export function checkMapping(mapping: TemplateMapping): void {
  let scopeEnded = false;
  for (const [position, field] of mapping.fields.entries()) {
    checkField(mapping, field, `field ${position} (${field.target.element.name})`);
    if (field.scope !== true) scopeEnded = true;
    else if (scopeEnded) {
      throw new MappingError(`field ${position} (${field.target.element.name}): scope fields stand first`);
    }
  }
  if (mapping.fields.length === 0) return;
  const isOptions = mapping.source.scopeFieldCount > 0;
  const hasScope = mapping.fields[0]?.scope === true;
  if (isOptions !== hasScope) {
    throw new MappingError(
      isOptions ? "no scope field is left in an options template" : "a template without scope was given one",
    );
  }
  const target = targetTemplate(mapping, mapping.source.id);
  if (smallestRecordLength(target) > ROOM_IN_MESSAGE || target.fields.length * 4 > ROOM_IN_MESSAGE) {
    throw new MappingError("a record of the target template fits no message");
  }
}

/**
 * Whether a field specifier can name the element: an id of 15 bits, and a PEN of 32 only with the enterprise bit (RFC
 * 7011 §3.2).
 */
function isFieldElement({ pen, id, enterpriseBit }: InformationElement): boolean {
  return Number.isInteger(id) && id >= 0 && id <= 0x7fff && Number.isInteger(pen) && pen >= 0 && pen <= 0xffffffff &&
    (enterpriseBit || pen === 0);
}

function checkField(mapping: TemplateMapping, { target, value }: MappedField, where: string): void {
  const { element, length } = target;
  if (!isFieldElement(element)) {
    throw new MappingError(`${where}: no field specifier can name PEN ${element.pen}, id ${element.id}`);
  }
  if (!Number.isInteger(length) || length < 0 || length > VARIABLE_LENGTH) {
    throw new MappingError(`${where}: ${length} is not a length of a field`);
  }
  if (value.from === "constant") {
    if (length === VARIABLE_LENGTH ? value.octets.length > ROOM_IN_MESSAGE : value.octets.length !== length) {
      throw new MappingError(`${where}: a constant of ${value.octets.length} octets for a length of ${length}`);
    }
    return;
  }
  if (value.from === "session") {
    if (sessionFactLength(value.fact) !== length) {
      throw new MappingError(`${where}: ${value.fact} has ${sessionFactLength(value.fact)} octets, not ${length}`);
    }
    return;
  }
  const source = mapping.source.fields[value.index];
  if (source === undefined) throw new MappingError(`${where}: there is no source field ${value.index}`);
  if (value.convert === undefined) {
    if (source.length !== length) {
      throw new MappingError(`${where}: ${source.length} octets of ${source.element.name} for a length of ${length}`);
    }
    return;
  }
  if (value.convert === "narrow") {
    if (narrowedSigns(source, target) !== undefined && value.otherwise?.length === length) return;
    throw new MappingError(
      `${where}: narrow cannot make it from ${source.element.name} in ${source.length} octets, ` +
        `or the value for the others does not have ${length} octets`,
    );
  }
  if (conversionBetween(source, target) !== value.convert) {
    throw new MappingError(
      `${where}: ${value.convert} cannot make it from ${source.element.name} in ${source.length} octets`,
    );
  }
}
