/**
 * Template ids towards a collector that keeps one layout per (observation domain, template id) over all its sessions, as go-ipfix up
 * to v0.11 does: two sessions that disagree about an id would corrupt each other.
 *
 * An id is held by its layout for as long as any session uses it there.
 */
export class TemplateIdSpace {
  readonly #domains = new Map<number, Map<number, { layout: string; uses: number }>>();

  /**
   * The id under which this session may announce the layout: the exporter's own where that is free or has this very layout, else the
   * first from 65535 downwards that is free or has it.
   *
   * @param layout a word for the target layout: equal words, equal layouts
   * @returns undefined when all ids of the domain are taken
   */
  take(observationDomain: number, wanted: number, layout: string): number | undefined {
    let ids = this.#domains.get(observationDomain);
    if (ids === undefined) this.#domains.set(observationDomain, ids = new Map());
    const own = ids.get(wanted);
    if (own === undefined || own.layout === layout) return this.#use(ids, wanted, layout);
    for (let id = 65535; id >= 256; id--) {
      const held = ids.get(id);
      if (held === undefined || held.layout === layout) return this.#use(ids, id, layout);
    }
    return undefined;
  }

  /** Gives back one use of the id. */
  giveBack(observationDomain: number, id: number): void {
    const ids = this.#domains.get(observationDomain);
    const held = ids?.get(id);
    if (ids === undefined || held === undefined) return;
    held.uses--;
    if (held.uses === 0) ids.delete(id);
    if (ids.size === 0) this.#domains.delete(observationDomain);
  }

  #use(ids: Map<number, { layout: string; uses: number }>, id: number, layout: string): number {
    const held = ids.get(id);
    if (held === undefined) ids.set(id, { layout, uses: 1 });
    else held.uses++;
    return id;
  }
}
