/** One template as the collector has it. */
export interface Announcement {
  readonly observationDomain: number;
  readonly targetId: number;
  /** 2: template, 3: options template. */
  readonly setId: number;
  /** The template record (RFC 7011 §3.4.1, §3.4.2). */
  readonly octets: Uint8Array;
}

/** A change of one template at the collector. */
export interface AnnouncementChange {
  /** Octet of the output at which it changed. */
  readonly offset: number;
  readonly key: string;
  /** Undefined if the collector had no template under this id. */
  readonly before: Announcement | undefined;
  /** Undefined if the collector has no template under this id any more. */
  readonly after: Announcement | undefined;
}

/**
 * The templates of this session that are in force, in the order in which they were first announced: a new connection to
 * the collector begins with them. Changes made by the output of one call can be undone, for output that never arrived.
 */
export class Announcements {
  readonly #live = new Map<string, Announcement>();
  /** In the current output, in order. */
  #changes: AnnouncementChange[] = [];

  /** Those that stand after all of the current output. */
  live(): Announcement[] {
    return [...this.#live.values()];
  }

  /** Begins a new output: all of the previous one has arrived. */
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

  /** From this octet on the session has no such template any more; the collector is not informed. */
  retire(observationDomain: number, targetId: number, offset: number): void {
    const key = announcementKey(observationDomain, targetId);
    if (this.#live.has(key)) this.#change(key, undefined, offset);
  }

  /** Undoes the changes from the octet `offset` of the output on. Returns them in order, for {@link repeat}. */
  rewind(offset: number): AnnouncementChange[] {
    const first = this.#changes.findIndex((change) => change.offset >= offset);
    if (first === -1) return [];
    const changes = this.#changes.splice(first);
    for (const { key, before } of changes.toReversed()) this.#put(key, before);
    return changes;
  }

  /** Replaces all announcements by these. */
  reset(announcements: Iterable<Announcement>): void {
    this.#live.clear();
    this.settle();
    for (const one of announcements) this.#put(announcementKey(one.observationDomain, one.targetId), one);
  }

  /** Makes an undone change again, from this octet of the output on. */
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

/** The key of an announcement. */
export function announcementKey(observationDomain: number, targetId: number): string {
  return `${observationDomain}/${targetId}`;
}
