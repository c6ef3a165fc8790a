import { elementKey } from "../../../ipfix/registry/information_element.ts";
import type { FieldSpecifier } from "../../../ipfix/record/template.ts";

/**
 * The place in a collector's list that each field takes: the first free place of its element, or undefined if there is
 * none. Elements are compared as on the wire, by enterprise bit, PEN and id; lengths do not count.
 *
 * If both have an element twice, its fields take the places in order (RFC 7011 §8); if the list has it once, the first
 * field takes it.
 */
export function expectedPlaces(
  fields: readonly FieldSpecifier[],
  expected: readonly FieldSpecifier[],
): readonly (number | undefined)[] {
  const free = new Map<string, number[]>();
  // No key is made of what the list cannot have: a template may have 16,000 fields.
  const ids = new Set(expected.map(({ element }) => element.id));
  for (const [place, { element }] of [...expected.entries()].reverse()) {
    const key = elementKey(element);
    const places = free.get(key);
    if (places === undefined) free.set(key, [place]);
    else places.push(place);
  }
  return fields.map(({ element }) => ids.has(element.id) ? free.get(elementKey(element))?.pop() : undefined);
}
