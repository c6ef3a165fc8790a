import { elementKey, type InformationElement } from "../../../ipfix/registry/information_element.ts";
import type { Template } from "../../../ipfix/record/template.ts";

/** The releases of one exporter whose templates have the same elements in the same order. */
export interface ReleaseEra {
  /** Profile name of the first of these release lines: `antrea/v2.0`. */
  readonly profile: string;
  /** The release lines for people: `v2.0-v2.5`, or `v2.6` for one alone. */
  readonly range: string;
  /** The elements of each of its templates, in order. */
  readonly templates: readonly (readonly InformationElement[])[];
}

/** What a template shows about its exporter's release. */
export type DetectedRelease = Pick<ReleaseEra, "profile" | "range">;

/** Detects an exporter's release from one of its templates; undefined if no known release sends such a template. */
export type DetectRelease = (template: Template) => DetectedRelease | undefined;

/**
 * Returns a function that detects releases. A template belongs to an era if it has exactly the elements of one of its
 * templates in exactly their order; lengths do not count, since RFC 7011 §6.2 and §7 leave them to the exporter.
 * Options templates belong to none.
 *
 * @param eras if two have the same list, the first counts
 */
export function createReleaseDetector(eras: readonly ReleaseEra[]): DetectRelease {
  const known = new Map<string, DetectedRelease>();
  for (const { profile, range, templates } of eras) {
    for (const elements of templates) {
      const key = elements.map(elementKey).join();
      if (!known.has(key)) known.set(key, { profile, range });
    }
  }
  const longest = Math.max(0, ...eras.flatMap(({ templates }) => templates.map(({ length }) => length)));
  return ({ fields, scopeFieldCount }) => {
    // No key is built for a template longer than all known ones, because an exporter may send templates of any length.
    if (scopeFieldCount > 0 || fields.length === 0 || fields.length > longest) return undefined;
    return known.get(fields.map(({ element }) => elementKey(element)).join());
  };
}
