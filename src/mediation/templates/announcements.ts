/** One template as the collector has it. */
export interface Announcement {
  readonly observationDomain: number;
  readonly targetId: number;
  /** 2: template, 3: options template. */
  readonly setId: number;
  /** The template record (RFC 7011 §3.4.1, §3.4.2). */
  readonly octets: Uint8Array;
}

/** What became of one template's place at the collector. */
export interface AnnouncementChange {
  /** Octet of the output at which it changed. */
  readonly offset: number;
  readonly key: string;
  /** Undefined: nothing stood there. */
  readonly before: Announcement | undefined;
  /** Undefined: nothing stands there any more. */
  readonly after: Announcement | undefined;
}

/**
 * The templates that a new connection to the collector has to begin with: those of this session that stand, in the order in which they
 * were first announced. Changes within the output of one call can be taken back, for output that never arrived.
 */
export class Announcements {
  readonly #live = new Map<string, Announcement>();
  /** In the current output, in order. */
  #changes: AnnouncementChange[] = [];

  /** Those that stand after all of the current output. */
  live(): Announcement[] {
    return [...this.#live.values()];
  }

  /** The output begins anew: what was in the one before has arrived. */
  settle(): void {
    if (this.#changes.length > 0) this.#changes = [];
  }

  /** Notes a template record at this octet of the output. */
  announce(announcement: Announcement, offset: number): void {
    this.#change(announcementKey(announcement.observationDomain, announcement.targetId), announcement, offset);
  }

  /** Notes the withdrawal of one id at this octet of the output (RFC 7011 §8.1). */
  withdraw(observationDomain: number, id: number, setId: number, offset: number): void {
    const key = announcementKey(observationDomain, id);
    if (this.#live.get(key)?.setId === setId) this.#change(key, undefined, offset);
  }

  /** The session has no such template any more from this octet on, though the collector is not told. */
  retire(observationDomain: number, targetId: number, offset: number): void {
    const key = announcementKey(observationDomain, targetId);
    if (this.#live.has(key)) this.#change(key, undefined, offset);
  }

  /** Takes back what the output changed from the octet `offset` on, and gives it, in order: see {@link repeat}. */
  rewind(offset: number): AnnouncementChange[] {
    const first = this.#changes.findIndex((change) => change.offset >= offset);
    if (first === -1) return [];
    const changes = this.#changes.splice(first);
    for (const { key, before } of changes.toReversed()) this.#put(key, before);
    return changes;
  }

  /** Forgets all, and begins with these. */
  reset(announcements: Iterable<Announcement>): void {
    this.#live.clear();
    this.settle();
    for (const one of announcements) this.#put(announcementKey(one.observationDomain, one.targetId), one);
  }

  /** A change that was taken back happens again, in the output from this octet on. */
  repeat({ key, after }: Pick<AnnouncementChange, "key" | "after">, offset: number): void {
    this.#change(key, after, offset);
  }

  #change(key: string, after: Announcement | undefined, offset: number): void {
    this.#changes.push({ offset, key, before: this.#live.get(key), after });
    this.#put(key, after);
  }

  #put(key: string, announcement: Announcement | undefined): void {
    if (announcement === undefined) this.#live.delete(key);
    else this.#live.set(key, announcement);
  }
}

/** Under which an announcement is kept. */
export function announcementKey(observationDomain: number, targetId: number): string {
  return `${observationDomain}/${targetId}`;
}
