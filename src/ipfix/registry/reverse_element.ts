import { type InformationElement, REVERSE_PEN } from "./information_element.ts";

/**
 * The reverse element of one of IANA's elements (RFC 5103 §6.1): PEN 29305, the same id, type and length, and `reverse`
 * before the name. Whether an element has a reverse element at all is up to its registry.
 *
 * @throws RangeError for an element that is not one of IANA's
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const octetDeltaCount = {
 *   pen: 0, id: 1, name: "octetDeltaCount", type: "unsigned64", length: 8, known: true, enterpriseBit: false,
 * } as const;
 * assert.equal(reverseElement(octetDeltaCount).name, "reverseOctetDeltaCount");
 * assert.equal(reverseElement(octetDeltaCount).pen, 29305);
 * ```
 */
export function reverseElement(element: InformationElement): InformationElement {
  if (element.pen !== 0 || element.enterpriseBit) {
    throw new RangeError(`only IANA's elements have a reverse under PEN ${REVERSE_PEN}, ${element.name} is not one`);
  }
  const name = `reverse${element.name.charAt(0).toUpperCase()}${element.name.slice(1)}`;
  return { ...element, pen: REVERSE_PEN, enterpriseBit: true, name };
}
