import type { TemplateMapping } from "./template_mapping.ts";

/**
 * Mappings that are remembered. The exporters of a cluster need a handful; only an exporter that invents templates
 * needs more.
 */
const MAPPINGS = 256;
/** Fields of the longest template that is remembered, since it is fields that take memory. */
const FIELDS = 256;

/**
 * The mappings that plugin chains returned. Plugins return the same mapping for the same template, so thousands of
 * Agents that send the same two templates cost two runs of the chain. Bounded: the least recently used mapping is
 * forgotten.
 */
export class MappingMemo {
  readonly #mappings = new Map<string, TemplateMapping>();

  /**
   * @param question everything the mapping depends on, as a key
   * @param answer called if the mapping is not remembered; an error it throws is not remembered either
   */
  recall(question: string, answer: () => TemplateMapping): TemplateMapping {
    const known = this.#mappings.get(question);
    const mapping = known ?? answer();
    if (mapping.source.fields.length > FIELDS || mapping.fields.length > FIELDS) return mapping;
    this.#mappings.delete(question);
    this.#mappings.set(question, mapping);
    if (this.#mappings.size > MAPPINGS) {
      const [oldest] = this.#mappings.keys();
      if (oldest !== undefined) this.#mappings.delete(oldest);
    }
    return mapping;
  }

  /** Forgets everything, once treatments have changed and earlier questions no longer arise. */
  clear(): void {
    this.#mappings.clear();
  }
}
