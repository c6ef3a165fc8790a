import { type InformationElement, unknownElement } from "../../../ipfix/registry/information_element.ts";
import { nearestNames } from "./nearest_names.ts";
import type { Profile } from "./profile.ts";

const NUMBERS = /^(\d{1,10})\/(\d{1,5})$/;
const LARGEST_PEN = 0xffffffff;
const LARGEST_ID = 0x7fff;

/**
 * The element that a configuration names, in IANA's exact spelling or as `pen/id`. It is looked up in the collector's
 * registry, then in its expected templates and renames, then among all elements that any release has known. A `pen/id`
 * that is not found is an unknown element, not an error.
 *
 * @throws Error for a name that is not found, with the nearest names, and for a PEN or id out of range
 */
export function findElement(profile: Profile, name: string): InformationElement {
  const numbers = NUMBERS.exec(name);
  if (numbers !== null) {
    const [pen, id] = [Number(numbers[1]), Number(numbers[2])];
    if (pen > LARGEST_PEN || id > LARGEST_ID) {
      throw new Error(`"${name}" is not an element: pen/id goes up to ${LARGEST_PEN}/${LARGEST_ID}`);
    }
    const isNamed = (element: InformationElement) => element.pen === pen && element.id === id;
    return profile.registry.lookup(pen, id) ?? listed(profile).find(isNamed) ?? profile.vocabulary?.lookup(pen, id) ??
      unknownElement(pen, id);
  }
  const element = profile.registry.byName(name) ?? listed(profile).find((element) => element.name === name) ??
    profile.vocabulary?.byName(name);
  if (element !== undefined) return element;
  const nearest = nearestNames(name, names(profile));
  throw new Error(
    `no element is called "${name}" ` +
      (nearest.length === 0
        ? "(a name of the registry, or pen/id)"
        : `(nearest: ${nearest.join(", ")}; or write pen/id)`),
  );
}

/** Elements that the profile names besides its registry. */
function listed({ templates, renames }: Profile): InformationElement[] {
  return [
    ...templates.flatMap(({ fields }) => fields.map(({ element }) => element)),
    ...renames.flatMap(({ from, to }) => [from, to]),
  ];
}

function* names(profile: Profile): Iterable<string> {
  for (const { name } of profile.registry.elements()) yield name;
  for (const { name } of listed(profile)) yield name;
  for (const { name } of profile.vocabulary?.elements() ?? []) yield name;
}
