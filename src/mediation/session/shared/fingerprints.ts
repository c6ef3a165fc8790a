import { elementKey } from "../../../ipfix/registry/information_element.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import type { Profile } from "../../mapping/profile/profile.ts";
import { targetTemplate, type TemplateMapping } from "../../mapping/template_mapping.ts";
import type { Treatment } from "../../mapping/chain/treatment.ts";

/** Equal fingerprints, equal layouts: elements, lengths and scope fields in order, whatever the template's id. */
export function layoutFingerprint({ fields, scopeFieldCount }: Pick<Template, "fields" | "scopeFieldCount">): string {
  const specifiers = fields.map(({ element, length }) =>
    `${element.enterpriseBit ? `${element.pen}.` : ""}${element.id}.${length}`
  );
  return `${scopeFieldCount}:${specifiers.join()}`;
}

/**
 * Fingerprints: equal ones stand for equal things. Each is computed once for an object, since thousands of sessions share the
 * same few mappings and profiles.
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

  /** Of everything in a mapping that its rewrite program depends on; a program depends on the session's facts besides. */
  mapping(mapping: TemplateMapping): string {
    return remembered(this.#mappings, mapping, () => {
      const values = mapping.fields.map(({ value }) =>
        value.from === "record"
          ? `${value.index}${value.convert ?? ""}${value.otherwise?.join(".") ?? ""}`
          : value.from === "constant"
          ? `=${value.octets.join(".")}`
          : value.fact
      );
      return `${layoutFingerprint(mapping.source)}|${this.targetLayout(mapping)}|${values.join()}`;
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

function remembered<Key extends object, Value>(known: WeakMap<Key, Value>, key: Key, compute: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const value = compute();
  known.set(key, value);
  return value;
}
