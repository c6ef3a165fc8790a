import { type InformationElement, sameElement } from "../../ipfix/information_element.ts";
import type { Registry } from "../../ipfix/registry.ts";
import type { FieldSpecifier, Template } from "../../ipfix/template.ts";
import type { Dialect } from "./dialect.ts";

/**
 * One template that a collector expects: its ordered list of fields, and the element by which a source template selects
 * it.
 */
export interface ProfileTemplate {
  /** Name for people: `IPv4`. */
  readonly name: string;
  readonly selectedBy: InformationElement;
  readonly fields: readonly FieldSpecifier[];
}

/** What one collector release expects. */
export interface Profile {
  /** `antrea/v2.0`, `rfc7011`, or the path of the file. */
  readonly name: string;
  readonly dialect: Dialect;
  /** The elements the collector knows. */
  readonly registry: Registry;
  /** Whether the collector also takes elements outside its registry (rfc7011). */
  readonly acceptsUnknownElements: boolean;
  /**
   * In order: a source template follows the first one that it selects. If empty, every template keeps its own shape.
   */
  readonly templates: readonly ProfileTemplate[];
  /** Elements that the collector knows under another name: source element → collector's element, for map-fields. */
  readonly renames: readonly { readonly from: InformationElement; readonly to: InformationElement }[];
  /**
   * All elements that any release has known, in their newest state. Plugin options may name them besides the
   * collector's own elements, so that one configuration serves collectors that know an element and collectors that do
   * not. If undefined, options may name elements of the registry only.
   */
  readonly vocabulary?: Registry;
}

/**
 * The first of the profile's templates that a source template selects; undefined if it keeps its own shape.
 */
export function selectTemplate(profile: Profile, source: Template): ProfileTemplate | undefined {
  if (source.scopeFieldCount > 0) return undefined;
  return profile.templates.find(({ selectedBy }) =>
    source.fields.some(({ element }) => sameElement(element, selectedBy))
  );
}

/** Whether the collector's registry has the element, or the collector takes any. */
export function knowsElement(profile: Profile, element: InformationElement): boolean {
  if (profile.acceptsUnknownElements) return true;
  if (element.enterpriseBit && element.pen === 0) return false;
  return profile.registry.lookup(element.pen, element.id) !== undefined;
}
