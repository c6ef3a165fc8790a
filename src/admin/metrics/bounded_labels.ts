/** The label that stands for all names past the bound. */
export const OTHER = "other";

/** How many label values a metric may have. */
export interface LabelBounds {
  /** Names that some registry or the configuration gives. */
  readonly named: number;
  /** `pen/id`: elements that no registry knows, which exporters can make up. */
  readonly unknown: number;
}

/**
 * Keeps a metric's label values few, whatever exporters send: the first names to come stand for themselves for good, all later
 * ones are summed as {@link OTHER}. As no name changes sides, every sum still only grows.
 */
export class BoundedLabels {
  readonly #admitted = new Set<string>();
  #named = 0;
  #unknown = 0;

  constructor(readonly bounds: LabelBounds) {}

  /** The label value under which this name is counted. */
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

  /** The same counts by label value. */
  fold(counts: ReadonlyMap<string, number>): Map<string, number> {
    const folded = new Map<string, number>();
    for (const [name, count] of counts) {
      const label = this.label(name);
      folded.set(label, (folded.get(label) ?? 0) + count);
    }
    return folded;
  }
}
