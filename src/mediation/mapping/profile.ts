import { type InformationElement, sameElement } from "../../ipfix/information_element.ts";
import type { Registry } from "../../ipfix/registry.ts";
import type { FieldSpecifier, Template } from "../../ipfix/template.ts";
import type { Dialect } from "./dialect.ts";

/**
 * One template that a collector expects: its ordered list of fields, and the element by which a source template selects
 * it.
 */
export interface ProfileTemplate {
  /** As a person calls it: `IPv4`. */
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
  /** True: elements outside the registry are as welcome as those in it (rfc7011). */
  readonly acceptsUnknownElements: boolean;
  /** In order: a source template follows the first that it selects. Empty: every template keeps its own shape. */
  readonly templates: readonly ProfileTemplate[];
  /** Elements that the collector knows under another name: source element → collector's element, for map-fields. */
  readonly renames: readonly { readonly from: InformationElement; readonly to: InformationElement }[];
  /**
   * All elements that any release ever knew, in their newest state: what options of plugins may name beside the
   * collector's own (one configuration serves collectors that know an element and those that do not). Missing: the
   * registry is all there is.
   */
  readonly vocabulary?: Registry;
}

/**
 * The expected template that a source template selects (the profile's first match), or undefined: it keeps its own
 * shape.
 */
export function selectTemplate(profile: Profile, source: Template): ProfileTemplate | undefined {
  if (source.scopeFieldCount > 0) return undefined;
  return profile.templates.find(({ selectedBy }) =>
    source.fields.some(({ element }) => sameElement(element, selectedBy))
  );
}

/** Whether the collector has the element in its registry (or takes any). */
export function knowsElement(profile: Profile, element: InformationElement): boolean {
  if (profile.acceptsUnknownElements) return true;
  if (element.enterpriseBit && element.pen === 0) return false;
  return profile.registry.lookup(element.pen, element.id) !== undefined;
}
