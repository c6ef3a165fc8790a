import type { TemplateMapping } from "./template_mapping.ts";

/** What exporters of a cluster have between them is a handful; more than that is somebody who makes them up. */
const MAPPINGS = 256;
/** Of longer templates nothing is remembered: it is fields that take memory. */
const FIELDS = 256;

/**
 * What chains of plugins gave for templates, so that thousands of Agents that send the same two cost what two cost:
 * plugins give the same answer for the same question. Bounded: the one that was not asked for longest goes.
 */
export class MappingMemo {
  readonly #mappings = new Map<string, TemplateMapping>();

  /**
   * @param question all that the answer depends on
   * @param answer asked where it is not remembered; what it throws is not remembered either
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

  /** Other treatments hold: nobody asks the questions of before again. */
  clear(): void {
    this.#mappings.clear();
  }
}
