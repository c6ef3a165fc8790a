import type { FieldSpecifier } from "../../ipfix/template.ts";

/**
 * Which place in a collector's list each field takes: the first free one of its own element, undefined where there is
 * none (any more). Elements agree as on the wire: enterprise bit, PEN and id; lengths do not count.
 *
 * An element that both have twice takes both places, in order (RFC 7011 §8); one that the list has once takes it with
 * its first.
 */
export function expectedPlaces(
  fields: readonly FieldSpecifier[],
  expected: readonly FieldSpecifier[],
): readonly (number | undefined)[] {
  const free = new Map<string, number[]>();
  for (let place = expected.length - 1; place >= 0; place--) {
    const key = keyOf(expected[place]);
    const places = free.get(key);
    if (places === undefined) free.set(key, [place]);
    else places.push(place);
  }
  return fields.map((field) => free.get(keyOf(field))?.pop());
}

function keyOf(field: FieldSpecifier | undefined): string {
  return field === undefined ? "" : `${field.element.pen}/${field.element.id}/${field.element.enterpriseBit}`;
}
