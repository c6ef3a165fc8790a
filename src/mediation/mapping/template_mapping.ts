import { sameElement } from "../../ipfix/registry/information_element.ts";
import type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";

/**
 * How the octets of a source field become those of a target field that differs. Every conversion but `narrow` keeps the
 * value.
 *
 * - `widen`: an integer to a larger size, sign-extended where its type is signed; float32 to float64 (RFC 7011 §6.2)
 * - `to-variable`: a fixed-length string or octet array preceded by its length (§7)
 * - `seconds-to-milliseconds`: dateTimeSeconds to dateTimeMilliseconds (§6.1.7, §6.1.8)
 * - `ipv4-to-ipv6`: an IPv4 address to its IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2)
 * - `narrow`: an integer to a smaller size in every record in which its value fits; in the others the value is lost
 */
export type Conversion = "widen" | "narrow" | "to-variable" | "seconds-to-milliseconds" | "ipv4-to-ipv6";

/** A fact of the transport session that a mapping can put into every record. */
export type SessionFact = "exporterIPv4Address" | "exporterIPv6Address" | "observationDomainId";

/** Where a target field's value comes from. */
export type FieldValue =
  /**
   * `index`: position in the source template. Without `convert`, source and target have the same length. `otherwise`:
   * with `narrow` only, the octets of a record whose own value does not fit.
   */
  | {
    readonly from: "record";
    readonly index: number;
    readonly convert?: Conversion;
    readonly otherwise?: Uint8Array;
  }
  /** `octets`: the value. For a variable-length target it is given without length octets, which the core adds. */
  | { readonly from: "constant"; readonly octets: Uint8Array }
  | { readonly from: "session"; readonly fact: SessionFact };

/** One field of the target template, and where its value comes from. */
export interface MappedField {
  readonly target: FieldSpecifier;
  readonly value: FieldValue;
  /** Whether it is part of an options template's scope; such fields come first. */
  readonly scope?: boolean;
  /** The plugin that moved the field or gave it its value, for explain. */
  readonly by?: string;
}

/**
 * What a plugin maps: the target's fields in order, each with where its value comes from. It is never changed in place.
 * The core chooses the target's id.
 */
export interface TemplateMapping {
  readonly source: Template;
  readonly fields: readonly MappedField[];
  /** Position of a removed source field → name of the plugin that removed it, for explain. */
  readonly stripped?: ReadonlyMap<number, string>;
}

/** The mapping that changes nothing, with which every chain of plugins starts. */
export function identity(source: Template): TemplateMapping {
  return {
    source,
    fields: source.fields.map((target, index) => ({
      target,
      value: { from: "record", index },
      ...(index < source.scopeFieldCount ? { scope: true } : {}),
    })),
  };
}

/** Whether the mapping passes every record on octet for octet. */
export function isIdentity(mapping: TemplateMapping): boolean {
  return mapping.fields.length === mapping.source.fields.length &&
    mapping.fields.every(({ target, value }, position) => {
      const source = mapping.source.fields[position];
      return value.from === "record" && value.index === position && value.convert === undefined &&
        source !== undefined && source.length === target.length && sameElement(source.element, target.element);
    });
}

/** The target template of the mapping, under this id. */
export function targetTemplate(mapping: TemplateMapping, id: number): Template {
  return {
    id,
    fields: mapping.fields.map(({ target }) => target),
    scopeFieldCount: mapping.fields.filter(({ scope }) => scope === true).length,
  };
}
