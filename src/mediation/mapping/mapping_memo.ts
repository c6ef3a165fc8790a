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

  /** Whether a mapping of a template with this many fields may be remembered. */
  remembers(fields: number): boolean {
    return fields <= FIELDS;
  }

  /** @param question everything the mapping depends on, as a key */
  recall(question: string): TemplateMapping | undefined {
    const mapping = this.#mappings.get(question);
    if (mapping === undefined) return undefined;
    this.#mappings.delete(question);
    this.#mappings.set(question, mapping);
    return mapping;
  }

  /** Remembers the answer to a question. */
  remember(question: string, mapping: TemplateMapping): void {
    if (!this.remembers(mapping.source.fields.length) || !this.remembers(mapping.fields.length)) return;
    this.#mappings.set(question, mapping);
    if (this.#mappings.size <= MAPPINGS) return;
    const [oldest] = this.#mappings.keys();
    if (oldest !== undefined) this.#mappings.delete(oldest);
  }

  /** Forgets everything, once treatments have changed and earlier questions no longer arise. */
  clear(): void {
    this.#mappings.clear();
  }
}
