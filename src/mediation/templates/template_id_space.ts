/**
 * Template ids towards a collector that keeps one layout per (observation domain, template id) over all its sessions,
 * as go-ipfix up to v0.11 does: two sessions that disagree about an id would corrupt each other.
 *
 * An id is held by its layout for as long as any session uses it there.
 */
export class TemplateIdSpace {
  /** Keyed by observation domain and id in one number: a map for each of thousands of domains would take too much. */
  readonly #held = new Map<number, { readonly layout: string; uses: number }>();

  /**
   * The id under which this session may announce the layout: the exporter's own if that is free or has the same layout,
   * else the first from 65535 downwards that is free or has it.
   *
   * @param layout key of the target layout: equal keys mean equal layouts
   * @returns undefined when all ids of the domain are taken
   */
  take(observationDomain: number, wanted: number, layout: string): number | undefined {
    const own = this.#held.get(keyOf(observationDomain, wanted));
    if (own === undefined || own.layout === layout) return this.#use(observationDomain, wanted, layout);
    for (let id = 65535; id >= 256; id--) {
      const held = this.#held.get(keyOf(observationDomain, id));
      if (held === undefined || held.layout === layout) return this.#use(observationDomain, id, layout);
    }
    return undefined;
  }

  /** Ends one use of the id. */
  release(observationDomain: number, id: number): void {
    const key = keyOf(observationDomain, id);
    const held = this.#held.get(key);
    if (held === undefined) return;
    held.uses--;
    if (held.uses === 0) this.#held.delete(key);
  }

  #use(observationDomain: number, id: number, layout: string): number {
    const key = keyOf(observationDomain, id);
    const held = this.#held.get(key);
    if (held === undefined) this.#held.set(key, { layout, uses: 1 });
    else held.uses++;
    return id;
  }
}

function keyOf(observationDomain: number, id: number): number {
  return observationDomain * 65536 + id;
}
