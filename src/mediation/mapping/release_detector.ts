import type { InformationElement } from "../../ipfix/information_element.ts";
import type { Template } from "../../ipfix/template.ts";

/** The releases of one exporter whose templates have the same elements in the same order. */
export interface ReleaseEra {
  /** Name of the profile of the first such release line: `antrea/v2.0`. */
  readonly profile: string;
  /** The release lines, as people read them: `v2.0-v2.5`, or one alone: `v2.6`. */
  readonly range: string;
  /** The elements of each of its templates, in order. */
  readonly templates: readonly (readonly InformationElement[])[];
}

/** What a template says about the release of its exporter. */
export type DetectedRelease = Pick<ReleaseEra, "profile" | "range">;

/** Reads an exporter's release off one of its templates; undefined where the template is no known release's. */
export type DetectRelease = (template: Template) => DetectedRelease | undefined;

/**
 * Makes the function that recognises releases: a template is an era's when it has exactly the elements of one of its
 * templates in exactly their order, whatever the lengths (RFC 7011 §6.2, §7 leave those to the exporter). Options
 * templates are nobody's.
 *
 * @param eras of two with the same list, the first counts
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
    // No key is built for a template that is longer than any: exporters choose how long theirs are.
    if (scopeFieldCount > 0 || fields.length === 0 || fields.length > longest) return undefined;
    return known.get(fields.map(({ element }) => elementKey(element)).join());
  };
}

/** PEN 0 with the enterprise bit is another element than IANA's. */
function elementKey({ pen, id, enterpriseBit }: InformationElement): string {
  return enterpriseBit ? `${pen}/${id}` : `${id}`;
}
