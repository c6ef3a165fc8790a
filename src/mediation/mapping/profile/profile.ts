import { elementKey, type InformationElement } from "../../../ipfix/registry/information_element.ts";
import type { Registry } from "../../../ipfix/registry/registry.ts";
import { type FieldSpecifier, sameLayout, type Template } from "../../../ipfix/record/template.ts";
import type { Dialect } from "./dialect.ts";
import { expectedPlaces } from "./expected_places.ts";

/**
 * One template that a collector expects: its ordered list of fields, and which source templates follow it.
 *
 * A source template that equals the list to the letter (elements, lengths, order, scope) always follows it. Others
 * follow by their elements; an options template never does.
 */
export interface ProfileTemplate {
  /** Name for people: `IPv4`. */
  readonly name: string;
  /** Elements that a source template must all have. If empty, only the list's own template follows it. */
  readonly selectedBy: readonly InformationElement[];
  /** Elements that a source template must not have. */
  readonly not?: readonly InformationElement[];
  readonly fields: readonly FieldSpecifier[];
  /** Of an options template: the number of its first fields that are its scope. */
  readonly scopeFieldCount?: number;
}

/** The expectations of one collector release. */
export interface Profile {
  /** `antrea/v2.0`, `rfc7011`, or the path of the file. */
  readonly name: string;
  readonly dialect: Dialect;
  /** The elements the collector knows. */
  readonly registry: Registry;
  /** Whether the collector also takes elements outside its registry (rfc7011). */
  readonly acceptsUnknownElements: boolean;
  /** If empty, every template keeps its own shape. */
  readonly templates: readonly ProfileTemplate[];
  /** Elements that the collector knows under another name: source element → collector's element, for map-fields. */
  readonly renames: readonly { readonly from: InformationElement; readonly to: InformationElement }[];
  /**
   * All elements that any release has known, in their newest state. Plugin options may name them besides the
   * collector's own elements, so that one configuration serves collectors that know an element and collectors that do
   * not. If undefined, options may name elements of the registry only.
   */
  readonly vocabulary?: Registry;
  /** Whether the collector takes gRPC as well as IPFIX: no exporter needs a proxy for that. */
  readonly servesGrpc?: boolean;
  /** Why it may not be what the collector expects, in a sentence. */
  readonly warning?: string;
}

/**
 * The list that a source template follows:
 *
 * 1. the one that it equals to the letter;
 * 2. else, of those whose elements are all there and whose `not` elements are all absent, the one that keeps most of
 *    its fields; of several, the one that needs the fewest others, and then the profile's first.
 *
 * @returns undefined if the template keeps its own shape
 */
export function selectTemplate(profile: Profile, source: Template): ProfileTemplate | undefined {
  const listed = profile.templates.find((template) => isListed(template, source));
  if (listed !== undefined || source.scopeFieldCount > 0) return listed;
  // Only elements that some list asks for become keys: a template may have 16,000 fields.
  const ids = new Set(
    profile.templates.flatMap(({ selectedBy, not = [] }) => [...selectedBy, ...not].map(({ id }) => id)),
  );
  const elements = new Set<string>();
  for (const { element } of source.fields) if (ids.has(element.id)) elements.add(elementKey(element));
  let best: { readonly template: ProfileTemplate; readonly kept: number } | undefined;
  for (const template of profile.templates) {
    if (!isSelected(template, elements)) continue;
    const kept = expectedPlaces(source.fields, template.fields).filter((place) => place !== undefined).length;
    const isBetter = best === undefined || kept > best.kept ||
      (kept === best.kept && template.fields.length < best.template.fields.length);
    if (isBetter) best = { template, kept };
  }
  return best?.template;
}

/** Whether a source template equals this one, apart from its id. */
function isListed({ fields, scopeFieldCount = 0 }: ProfileTemplate, source: Template): boolean {
  return sameLayout({ id: source.id, fields, scopeFieldCount }, source);
}

/**
 * Whether a source template of these elements may follow the list, though it is another.
 *
 * @param elements keys as of {@link elementKey}
 */
export function isSelected({ selectedBy, not = [] }: ProfileTemplate, elements: ReadonlySet<string>): boolean {
  const has = (element: InformationElement) => elements.has(elementKey(element));
  return selectedBy.length > 0 && selectedBy.every(has) && !not.some(has);
}

/** Whether the collector's registry has the element, or the collector takes any. */
export function knowsElement(profile: Profile, element: InformationElement): boolean {
  return profile.acceptsUnknownElements || collectorElement(profile, element) !== undefined;
}

/** The element as the collector's registry has it: name, type and length. None has PEN 0 with the enterprise bit. */
export function collectorElement({ registry }: Profile, element: InformationElement): InformationElement | undefined {
  return element.enterpriseBit && element.pen === 0 ? undefined : registry.lookup(element.pen, element.id);
}
