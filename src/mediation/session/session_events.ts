import { type Counters, increment } from "../templates/counters.ts";
import type { DropReason, MediationEvent, Notify } from "../templates/event.ts";
import type { MappedRecord } from "../references/reference_scope.ts";

/**
 * Maximum number of kinds of drops, and of warnings, that one session reports. Each is reported once; further kinds are
 * only counted.
 */
const KINDS_TOLD = 256;
/**
 * The same over all sessions, except for the first few of each, as each is remembered for as long as its session lives.
 */
const KINDS_TOLD_IN_ALL = 65_536;
const KINDS_ALWAYS_TOLD = 8;

/** Kinds that all sessions together remember. */
export interface KindsTold {
  count: number;
}

/**
 * How often one session reports each event. Further occurrences are only counted, so that an exporter that keeps
 * redefining its templates does not flood the log.
 */
const EVENTS_TOLD = 1024;

/**
 * Events past which further warnings of messages that do not stand yet are left out, and drops are only counted: one
 * message may cause 16,000.
 */
const MOST_WAITING = 1024;

/** Drop reasons which mean that the template is unknown. */
const LACKING: ReadonlySet<DropReason> = new Set(["unknown_template", "limit"]);

/** Data records, or undecodable sets, that are not sent. */
interface Drop {
  readonly reason: DropReason;
  readonly observationDomain: number;
  readonly template: number;
  readonly message: string;
  readonly records: number;
}

type Happening = MediationEvent | Drop;
type Warning = MediationEvent & { readonly event: "warning" };

function kindOf({ observationDomain, template, message }: Warning): string {
  return `${observationDomain}/${template}/${message}`;
}

/**
 * The events of one session, in order. They are held back until the message that caused them is committed, then counted
 * and reported.
 */
export class SessionEvents {
  readonly #counters: Counters;
  readonly #listener: Notify | undefined;
  readonly #kinds: KindsTold;
  #waiting: Happening[] | undefined;
  /** Records that were dropped besides the waiting events, of a message that does not stand yet. */
  #moreDropped: Map<DropReason, number> | undefined;
  /** How many of the waiting events belong to committed messages. */
  #standing = 0;
  /** How often each event was reported. */
  readonly #told: Partial<Record<MediationEvent["event"], number>> = {};
  /** Created on first use, because few sessions drop data or warn. */
  #toldDrops: Set<string> | undefined;
  #toldWarnings: Set<string> | undefined;

  #lacking: { readonly observationDomain: number; readonly template: number }[] | undefined;

  constructor(counters: Counters, listener: Notify | undefined, kinds: KindsTold = { count: 0 }) {
    this.#counters = counters;
    this.#kinds = kinds;
    this.#listener = listener;
  }

  /** Number of events waiting to be reported. */
  get length(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Templates whose data was dropped because they were unknown; the first {@link KINDS_TOLD} of them. */
  lackingTemplates(): Iterable<{ readonly observationDomain: number; readonly template: number }> {
    return this.#lacking ?? [];
  }

  notify(event: MediationEvent): void {
    if (event.event === "warning" && this.#isLeftOut(event)) return;
    (this.#waiting ??= []).push(event);
  }

  drop(reason: DropReason, observationDomain: number, template: number, message: string, records: number): void {
    if (this.length >= MOST_WAITING) increment(this.#moreDropped ??= new Map(), reason, records);
    else (this.#waiting ??= []).push({ reason, observationDomain, template, message, records });
  }

  /** Counts the faults in a record's references that could not be repaired, and reports each kind once per template. */
  countFaults({ faults }: MappedRecord, observationDomain: number, template: number, start: number): void {
    for (const { fault, count, message, at } of faults.kinds) {
      increment(this.#counters.referenceFaults, fault, count);
      if (!this.#isNew(this.#toldWarnings ??= new Set(), `${fault}/${observationDomain}/${template}`)) continue;
      const place = `at octet ${at - start} of its message`;
      this.notify({ event: "warning", observationDomain, template, message: `${message}, ${place}` });
    }
    for (const element of faults.lost ?? []) this.#counters.informationLost.add(element, 1);
  }

  /** Commits all events so far, and counts the data that they drop. */
  stand(): void {
    for (; this.#standing < this.length; this.#standing++) {
      const event = this.#waiting?.[this.#standing];
      if (event !== undefined && "records" in event && event.records > 0) {
        increment(this.#counters.recordsDropped, event.reason, event.records);
      }
    }
    for (const [reason, records] of this.#moreDropped ?? []) {
      if (records > 0) increment(this.#counters.recordsDropped, reason, records);
    }
    this.#moreDropped = undefined;
  }

  /** Discards the events since the last committed message. */
  takeBack(): void {
    if (this.#waiting !== undefined) this.#waiting.length = this.#standing;
    this.#moreDropped = undefined;
  }

  /** Filters the waiting events from index `length` on. */
  keep(length: number, isKept: (event: Happening) => boolean): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) waiting.push(...waiting.splice(length).filter(isKept));
  }

  /**
   * Reports the events of committed messages.
   *
   * @param most maximum number of events to report now
   * @returns whether all of them have been reported
   */
  tell(most: number = Infinity): boolean {
    const happened = this.#waiting;
    if (happened === undefined) return true;
    let next = 0;
    for (let told = 0; next < this.#standing && told < most; next++) {
      const event = happened[next];
      if (event !== undefined && ("event" in event ? this.#tellEvent(event) : this.#tellDrop(event))) told++;
    }
    const isAll = next === this.#standing;
    if (next === happened.length) this.#waiting = undefined;
    else happened.splice(0, next);
    this.#standing -= next;
    return isAll;
  }

  /** Returns whether the event was reported. */
  #tellEvent(event: MediationEvent): boolean {
    if (event.event === "plugin_failed") increment(this.#counters.pluginErrors, event.plugin);
    if (event.event === "warning") {
      if (!this.#isNew(this.#toldWarnings ??= new Set(), kindOf(event))) return false;
    }
    const told = this.#told[event.event] = (this.#told[event.event] ?? 0) + 1;
    if (told <= EVENTS_TOLD) this.#listener?.(event);
    return told <= EVENTS_TOLD;
  }

  #tellDrop({ reason, observationDomain, template, message }: Drop): boolean {
    // An exhausted cap refuses everything that follows, so it is reported once.
    const kind = reason === "limit" ? reason : `${reason}/${observationDomain}/${template}`;
    if (!this.#isNew(this.#toldDrops ??= new Set(), kind)) return false;
    if (LACKING.has(reason)) (this.#lacking ??= []).push({ observationDomain, template });
    this.#listener?.({ event: "records_dropped", observationDomain, template, reason, message });
    return true;
  }

  /** Forgets what was reported. To be called once, when the session has ended. */
  close(): void {
    this.#kinds.count -= (this.#toldDrops?.size ?? 0) + (this.#toldWarnings?.size ?? 0);
    this.#toldDrops = this.#toldWarnings = undefined;
  }

  /** Whether a warning need not wait, as it would not be reported, or too much waits already. */
  #isLeftOut(warning: Warning): boolean {
    const told = this.#toldWarnings;
    return this.length >= MOST_WAITING ||
      (told !== undefined && (told.size >= KINDS_TOLD || told.has(kindOf(warning))));
  }

  /** Whether this kind has not been reported before and the number of kinds is still within the limits. */
  #isNew(told: Set<string>, kind: string): boolean {
    if (told.has(kind) || told.size >= KINDS_TOLD) return false;
    if (told.size >= KINDS_ALWAYS_TOLD && this.#kinds.count >= KINDS_TOLD_IN_ALL) return false;
    this.#kinds.count++;
    told.add(kind);
    return true;
  }
}
