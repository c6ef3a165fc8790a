import { createHash } from "node:crypto";
import { MINIMUM_DATA_SET_ID } from "../../../ipfix/message/set.ts";
import { encodeTemplateRecord } from "../../../ipfix/record/template_record.ts";
import { elementKey } from "../../../ipfix/registry/information_element.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import type { Profile } from "../../mapping/profile/profile.ts";
import {
  type FieldValue,
  type MappedField,
  targetTemplate,
  type TemplateMapping,
} from "../../mapping/template_mapping.ts";
import type { Treatment } from "../../mapping/chain/treatment.ts";

/**
 * Fields from which on a fingerprint is a digest: that of 16,000 fields would take 300 KB, and several times as much to
 * make.
 */
const DIGESTED = 256;

/** Equal fingerprints, equal layouts: elements, lengths and scope fields in order, whatever the template's id. */
export function layoutFingerprint({ fields, scopeFieldCount }: Pick<Template, "fields" | "scopeFieldCount">): string {
  if (fields.length > DIGESTED) {
    const record = encodeTemplateRecord({ id: MINIMUM_DATA_SET_ID, fields, scopeFieldCount });
    return `sha256:${digest(record)}`;
  }
  const specifiers = fields.map(({ element, length }) =>
    `${element.enterpriseBit ? `${element.pen}.` : ""}${element.id}.${length}`
  );
  return `${scopeFieldCount}:${specifiers.join()}`;
}

/**
 * Fingerprints: equal ones stand for equal things. Each is computed once for an object, since thousands of sessions
 * share the same few mappings and profiles.
 */
export class Fingerprints {
  readonly #treatments = new WeakMap<Treatment, number>();
  readonly #targetLayouts = new WeakMap<TemplateMapping, string>();
  readonly #mappings = new WeakMap<TemplateMapping, string>();
  readonly #expectations = new WeakMap<Profile, string>();
  #lastTreatment = 0;

  /** Of a treatment: the same for the same object only. */
  treatment(treatment: Treatment): number {
    return remembered(this.#treatments, treatment, () => ++this.#lastTreatment);
  }

  /** Of the layout of a mapping's target template. */
  targetLayout(mapping: TemplateMapping): string {
    return remembered(
      this.#targetLayouts,
      mapping,
      () => layoutFingerprint(targetTemplate(mapping, mapping.source.id)),
    );
  }

  /**
   * Of everything in a mapping that its rewrite program depends on; a program depends on the session's facts besides.
   */
  mapping(mapping: TemplateMapping): string {
    return remembered(this.#mappings, mapping, () => {
      const { fields } = mapping;
      const values = fields.length > DIGESTED
        ? digestOfValues(fields)
        : fields.map(({ value }) => valueKey(value)).join();
      return `${layoutFingerprint(mapping.source)}|${this.targetLayout(mapping)}|${values}`;
    });
  }

  /** Of what a collector expects, as far as its own transport session depends on it. */
  expectation(profile: Profile): string {
    return remembered(this.#expectations, profile, () => {
      const { name, dialect, acceptsUnknownElements, templates } = profile;
      const lists = templates.map(({ name, selectedBy, not = [], fields, scopeFieldCount = 0 }) => [
        name,
        [selectedBy, not].map((elements) => elements.map(elementKey).join()),
        scopeFieldCount,
        fields.map(({ element, length }) => `${element.pen}/${element.id}/${length}`).join(),
      ]);
      const limits = Object.values(dialect).map((limit) => limit instanceof Set ? [...limit].join() : String(limit));
      return JSON.stringify([name, acceptsUnknownElements, limits, lists]);
    });
  }
}

function valueKey(value: FieldValue): string {
  if (value.from === "record") return `${value.index}${value.convert ?? ""}${value.otherwise?.join(".") ?? ""}`;
  return value.from === "constant" ? `=${value.octets.join(".")}` : value.fact;
}

/** Most fields of a long template are taken as they are, and need no key of their own. */
function digestOfValues(fields: readonly MappedField[]): string {
  const indexes = new Int32Array(fields.length);
  const others: string[] = [];
  for (const [position, { value }] of fields.entries()) {
    const isPlain = value.from === "record" && value.convert === undefined;
    indexes[position] = isPlain ? value.index : -1;
    if (!isPlain) others.push(valueKey(value));
  }
  return `sha256:${digest(new Uint8Array(indexes.buffer))},${others.join()}`;
}

/** Nobody can make another octet string with the same one, by which another exporter's records would be rewritten. */
function digest(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("base64");
}

function remembered<Key extends object, Value>(known: WeakMap<Key, Value>, key: Key, compute: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const value = compute();
  known.set(key, value);
  return value;
}
