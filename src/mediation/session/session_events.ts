import { type Counters, increment } from "../templates/counters.ts";
import type { DropReason, MediationEvent, Notify } from "../templates/event.ts";
import type { MappedRecord } from "../references/reference_scope.ts";

/**
 * Maximum number of kinds of drops, and of warnings, that one session reports. Each is reported once; further kinds are
 * only counted.
 */
const REPORTED_KINDS = 256;
/**
 * The same over all sessions, except for the first few of each, as each is remembered for as long as its session lives.
 */
const REPORTED_KINDS_IN_ALL = 65_536;
const KINDS_ALWAYS_REPORTED = 8;

/** Kinds that all sessions together remember. */
export interface ReportedKinds {
  count: number;
}

/**
 * How often one session reports each event. Further occurrences are only counted, so that an exporter that keeps
 * redefining its templates does not flood the log.
 */
const REPORTED_EVENTS = 1024;

/**
 * Events past which further warnings of messages that are not committed yet are left out, and drops are only counted: one
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

type WaitingEvent = MediationEvent | Drop;
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
  readonly #kinds: ReportedKinds;
  #waiting: WaitingEvent[] | undefined;
  /** Records that were dropped besides the waiting events, of a message that is not committed yet. */
  #moreDropped: Map<DropReason, number> | undefined;
  /** How many of the waiting events belong to committed messages. */
  #committed = 0;
  /** How often each event was reported. */
  readonly #reported: Partial<Record<MediationEvent["event"], number>> = {};
  /** Created on first use, because few sessions drop data or warn. */
  #reportedDrops: Set<string> | undefined;
  #reportedWarnings: Set<string> | undefined;

  #lacking: { readonly observationDomain: number; readonly template: number }[] | undefined;

  constructor(counters: Counters, listener: Notify | undefined, kinds: ReportedKinds = { count: 0 }) {
    this.#counters = counters;
    this.#kinds = kinds;
    this.#listener = listener;
  }

  /** Number of events waiting to be reported. */
  get length(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Templates whose data was dropped because they were unknown; the first {@link REPORTED_KINDS} of them. */
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
      if (!this.#isNew(this.#reportedWarnings ??= new Set(), `${fault}/${observationDomain}/${template}`)) continue;
      const place = `at octet ${at - start} of its message`;
      this.notify({ event: "warning", observationDomain, template, message: `${message}, ${place}` });
    }
    for (const element of faults.lost ?? []) this.#counters.informationLost.add(element, 1);
  }

  /** Commits all events so far, and counts the data that they drop. */
  commit(): void {
    for (; this.#committed < this.length; this.#committed++) {
      const event = this.#waiting?.[this.#committed];
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
  rollBack(): void {
    if (this.#waiting !== undefined) this.#waiting.length = this.#committed;
    this.#moreDropped = undefined;
  }

  /** Filters the waiting events from index `length` on. */
  keep(length: number, isKept: (event: WaitingEvent) => boolean): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) waiting.push(...waiting.splice(length).filter(isKept));
  }

  /**
   * Reports the events of committed messages.
   *
   * @param most maximum number of events to report now
   * @returns whether all of them have been reported
   */
  report(most: number = Infinity): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) return true;
    let next = 0;
    for (let reported = 0; next < this.#committed && reported < most; next++) {
      const event = waiting[next];
      if (event !== undefined && ("event" in event ? this.#reportEvent(event) : this.#reportDrop(event))) reported++;
    }
    const isAll = next === this.#committed;
    if (next === waiting.length) this.#waiting = undefined;
    else waiting.splice(0, next);
    this.#committed -= next;
    return isAll;
  }

  /** Returns whether the event was reported. */
  #reportEvent(event: MediationEvent): boolean {
    if (event.event === "plugin_failed") increment(this.#counters.pluginErrors, event.plugin);
    if (event.event === "warning") {
      if (!this.#isNew(this.#reportedWarnings ??= new Set(), kindOf(event))) return false;
    }
    const reported = this.#reported[event.event] = (this.#reported[event.event] ?? 0) + 1;
    if (reported <= REPORTED_EVENTS) this.#listener?.(event);
    return reported <= REPORTED_EVENTS;
  }

  #reportDrop({ reason, observationDomain, template, message }: Drop): boolean {
    // An exhausted cap refuses everything that follows, so it is reported once.
    const kind = reason === "limit" ? reason : `${reason}/${observationDomain}/${template}`;
    if (!this.#isNew(this.#reportedDrops ??= new Set(), kind)) return false;
    if (LACKING.has(reason)) (this.#lacking ??= []).push({ observationDomain, template });
    this.#listener?.({ event: "records_dropped", observationDomain, template, reason, message });
    return true;
  }

  /** Forgets what was reported. To be called once, when the session has ended. */
  close(): void {
    this.#kinds.count -= (this.#reportedDrops?.size ?? 0) + (this.#reportedWarnings?.size ?? 0);
    this.#reportedDrops = this.#reportedWarnings = undefined;
  }

  /** Whether a warning need not wait, as it would not be reported, or too much waits already. */
  #isLeftOut(warning: Warning): boolean {
    const reported = this.#reportedWarnings;
    return this.length >= MOST_WAITING ||
      (reported !== undefined && (reported.size >= REPORTED_KINDS || reported.has(kindOf(warning))));
  }

  /** Whether this kind has not been reported before and the number of kinds is still within the limits. */
  #isNew(reported: Set<string>, kind: string): boolean {
    if (reported.has(kind) || reported.size >= REPORTED_KINDS) return false;
    if (reported.size >= KINDS_ALWAYS_REPORTED && this.#kinds.count >= REPORTED_KINDS_IN_ALL) return false;
    this.#kinds.count++;
    reported.add(kind);
    return true;
  }
}
