/** The label value shared by all names past the bound. */
export const OTHER = "other";

/** How many label values a metric may have. */
export interface LabelBounds {
  /** Names from a registry or from the configuration. */
  readonly named: number;
  /** `pen/id`: elements unknown to every registry, which an exporter can invent. */
  readonly unknown: number;
}

/**
 * Bounds the label values of a metric, whatever exporters send. Names are admitted in order of arrival; once the bound
 * is reached, all further names are summed as {@link OTHER}. A name never changes sides, so every sum remains
 * monotonic.
 */
export class BoundedLabels {
  readonly #admitted = new Set<string>();
  #named = 0;
  #unknown = 0;

  constructor(readonly bounds: LabelBounds) {}

  /** Returns the label value under which the name is counted, admitting the name if there is room. */
  label(name: string): string {
    if (this.#admitted.has(name)) return name;
    if (/^[0-9]+\/[0-9]+$/.test(name)) {
      if (this.#unknown >= this.bounds.unknown) return OTHER;
      this.#unknown++;
    } else {
      if (this.#named >= this.bounds.named) return OTHER;
      this.#named++;
    }
    this.#admitted.add(name);
    return name;
  }

  /** Returns the counts summed by label value. */
  fold(counts: ReadonlyMap<string, number>): Map<string, number> {
    const folded = new Map<string, number>();
    for (const [name, count] of counts) {
      const label = this.label(name);
      folded.set(label, (folded.get(label) ?? 0) + count);
    }
    return folded;
  }
}
