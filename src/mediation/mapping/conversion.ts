import {
  type AbstractDataType,
  isLengthOfType,
  isSigned,
  VARIABLE_LENGTH,
} from "../../ipfix/types/abstract_data_type.ts";
import { type InformationElement, sameElement } from "../../ipfix/registry/information_element.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import type { Conversion } from "./template_mapping.ts";

/**
 * Classes of types that differ in length only: within a class, a shorter value widens to a longer one (RFC 7011 §6.2).
 */
const NUMBER_CLASSES: Readonly<Partial<Record<AbstractDataType, "unsigned" | "signed" | "float">>> = {
  unsigned8: "unsigned",
  unsigned16: "unsigned",
  unsigned32: "unsigned",
  unsigned64: "unsigned",
  signed8: "signed",
  signed16: "signed",
  signed32: "signed",
  signed64: "signed",
  float32: "float",
  float64: "float",
};

/**
 * The conversion that makes every value of the source field the same value of the target field: `none` if the octets
 * can stay as they are; undefined if no conversion keeps all values, or a length is not one that its type may have (RFC
 * 7011 §6.2).
 *
 * - unsigned to unsigned, signed to signed, float to float: the same length, or longer (`widen`)
 * - unsigned to signed: longer only (`widen` with zeros, since the source's type decides)
 * - string to string or octetArray, octetArray to octetArray: the same length, or to variable. Never octetArray to
 *   string, since octets need not be text.
 * - dateTimeSeconds to dateTimeMilliseconds, ipv4Address to ipv6Address
 * - anything to its own type and length
 *
 * The same element is read as {@link readType} says.
 *
 * ```ts
 * import { conversionBetween } from "./conversion.ts";
 * import assert from "node:assert/strict";
 *
 * const packets = {
 *   pen: 0, id: 2, name: "packetDeltaCount", type: "unsigned64", length: 8, known: true, enterpriseBit: false,
 * } as const;
 * assert.equal(conversionBetween({ element: packets, length: 4 }, { element: packets, length: 8 }), "widen");
 * assert.equal(conversionBetween({ element: packets, length: 8 }, { element: packets, length: 4 }), undefined);
 * ```
 */
export function conversionBetween(source: FieldSpecifier, target: FieldSpecifier): Conversion | "none" | undefined {
  const to = target.element.type;
  const from = readType(source, target.element);
  if (!isLengthOfType(from, source.length) || !isLengthOfType(to, target.length)) return undefined;
  if (from === to && source.length === target.length) return "none";

  const fromClass = NUMBER_CLASSES[from];
  const toClass = NUMBER_CLASSES[to];
  if (fromClass !== undefined && fromClass === toClass) {
    if (source.length === target.length) return "none";
    return source.length < target.length ? "widen" : undefined;
  }
  if (fromClass === "unsigned" && toClass === "signed") return source.length < target.length ? "widen" : undefined;

  if ((from === "string" || from === "octetArray") && (to === from || to === "octetArray")) {
    if (source.length === target.length) return "none";
    return target.length === VARIABLE_LENGTH ? "to-variable" : undefined;
  }
  if (from === "dateTimeSeconds" && to === "dateTimeMilliseconds") return "seconds-to-milliseconds";
  if (from === "ipv4Address" && to === "ipv6Address") return "ipv4-to-ipv6";
  return undefined;
}

/**
 * The type as which a collector reads the octets of a source field. If its registry has the field's element and the
 * length is one that the type there may have, it reads them as that type, whatever type another registry gives the
 * element. The same holds for an element that no other registry knows.
 */
export function readType(source: FieldSpecifier, target: InformationElement): AbstractDataType {
  const { element, length } = source;
  if (!sameElement(element, target)) return element.type;
  return !element.known || isLengthOfType(target.type, length) ? target.type : element.type;
}

/** Whether the integers of a `narrow` conversion are signed. */
export interface NarrowedSigns {
  readonly source: boolean;
  readonly target: boolean;
}

/**
 * Whether the source field's integer can be narrowed to the target's length, record by record where its value fits, and
 * the signs of the two; undefined if not. Both are the same element. A source in a length that its own type cannot have
 * (samplerId in 4 octets) is an integer of the target's sign.
 */
export function narrowedSigns(source: FieldSpecifier, target: FieldSpecifier): NarrowedSigns | undefined {
  const to = target.element.type;
  if (!sameElement(source.element, target.element) || !isInteger(to) || !isLengthOfType(to, target.length)) {
    return undefined;
  }
  if (source.length === VARIABLE_LENGTH || source.length <= target.length) return undefined;
  const own = source.element.type;
  const from = source.element.known && isLengthOfType(own, source.length) ? own : to;
  return isInteger(from) ? { source: isSigned(from), target: isSigned(to) } : undefined;
}

function isInteger(type: AbstractDataType): boolean {
  return NUMBER_CLASSES[type] === "unsigned" || NUMBER_CLASSES[type] === "signed";
}
