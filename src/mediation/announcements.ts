/** One template as the collector has it. */
export interface Announcement {
  readonly observationDomain: number;
  readonly targetId: number;
  /** 2: template, 3: options template. */
  readonly setId: number;
  readonly octets: Uint8Array;
}

/**
 * The templates that the collector holds of this session, in the order in which they were first announced: what a new connection to it
 * has to begin with. Changes within the output of one call can be looked behind, for output that never arrived.
 */
export class Announcements {
  readonly #live = new Map<string, Announcement>();
  /** Changes in the current output, with what stood there before. */
  readonly #changes: { offset: number; key: string; before: Announcement | undefined }[] = [];

  get size(): number {
    return this.#live.size;
  }

  /** The output begins anew: what was in the one before has arrived. */
  settle(): void {
    this.#changes.length = 0;
  }

  /** A template record stands in the output from this octet on. */
  announce(announcement: Announcement, offset: number): void {
    const key = `${announcement.observationDomain}/${announcement.targetId}`;
    this.#changes.push({ offset, key, before: this.#live.get(key) });
    this.#live.set(key, announcement);
  }

  /** A withdrawal stands in the output from this octet on: of one id, or of all of its kind where the id is the set's (RFC 7011 §8.1). */
  withdraw(observationDomain: number, id: number, setId: number, offset: number): void {
    for (const [key, live] of [...this.#live]) {
      if (live.observationDomain !== observationDomain || live.setId !== setId) continue;
      if (id >= 256 && live.targetId !== id) continue;
      this.#changes.push({ offset, key, before: live });
      this.#live.delete(key);
    }
  }

  /** What the collector held before the octet `offset` of the current output. */
  before(offset: number): Announcement[] {
    const live = new Map(this.#live);
    for (const change of [...this.#changes].reverse()) {
      if (change.offset < offset) break;
      if (change.before === undefined) live.delete(change.key);
      else live.set(change.key, change.before);
    }
    return [...live.values()];
  }
}
