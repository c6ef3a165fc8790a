import type { FieldSpecifier, Template } from "../../ipfix/template.ts";

/**
 * How the octets of a source field become those of its target where the two differ; every one of them keeps the value.
 *
 * - `widen`: an integer to a larger size, sign-extended where its type is signed; float32 to float64 (RFC 7011 §6.2)
 * - `to-variable`: the octets of a fixed-length string or octet array behind a length of their own (§7)
 * - `seconds-to-milliseconds`: dateTimeSeconds to dateTimeMilliseconds (§6.1.7, §6.1.8)
 * - `ipv4-to-ipv6`: an IPv4 address to its IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2)
 */
export type Conversion = "widen" | "to-variable" | "seconds-to-milliseconds" | "ipv4-to-ipv6";

/** A fact of the transport session that a mapping can put into every record. */
export type SessionFact = "exporterIPv4Address" | "exporterIPv6Address" | "observationDomainId";

/** Where a target field's value comes from. */
export type FieldValue =
  /** `index`: position in the source template. Without `convert` source and target have the same length. */
  | { readonly from: "record"; readonly index: number; readonly convert?: Conversion }
  /** `octets`: the value; for a variable target without its length octets, the core adds them. */
  | { readonly from: "constant"; readonly octets: Uint8Array }
  | { readonly from: "session"; readonly fact: SessionFact };

/** One field of the target template, and where its value comes from. */
export interface MappedField {
  readonly target: FieldSpecifier;
  readonly value: FieldValue;
  /** Part of the options template's scope: such fields stand first. */
  readonly scope?: boolean;
  /** The plugin that put the field where it is or gave its value, for explain. */
  readonly by?: string;
}

/**
 * What a plugin maps: the target's fields in order, each with where its value comes from. A value: never changed in
 * place. The target's id is the core's business.
 */
export interface TemplateMapping {
  readonly source: Template;
  readonly fields: readonly MappedField[];
  /** Which plugin removed a source field: its position → the plugin's name, for explain. */
  readonly stripped?: ReadonlyMap<number, string>;
}

/** The mapping that changes nothing: where every chain of plugins starts. */
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

/** Whether the mapping gives every record out octet for octet as it came. */
export function isIdentity(mapping: TemplateMapping): boolean {
  return mapping.fields.length === mapping.source.fields.length &&
    mapping.fields.every(({ target, value }, position) => {
      const source = mapping.source.fields[position];
      return value.from === "record" && value.index === position && value.convert === undefined &&
        source !== undefined && source.length === target.length && source.element.id === target.element.id &&
        source.element.pen === target.element.pen && source.element.enterpriseBit === target.element.enterpriseBit;
    });
}

/** The template that the mapping gives out, under the id given. */
export function targetTemplate(mapping: TemplateMapping, id: number): Template {
  return {
    id,
    fields: mapping.fields.map(({ target }) => target),
    scopeFieldCount: mapping.fields.filter(({ scope }) => scope === true).length,
  };
}
