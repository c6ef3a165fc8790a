import { type Counters, increment } from "../templates/counters.ts";
import type { DropReason, MediationEvent, Notify } from "../templates/event.ts";
import type { MappedRecord } from "../references/reference_scope.ts";

/** Kinds of drops, and of warnings, that one session tells once each; beyond so many it only counts. */
const KINDS_TOLD = 256;

/** Times that one session tells an event; beyond, it only counts: an exporter that redefines its templates without end fills no log. */
const EVENTS_TOLD = 1024;

/** Reasons for drops that mean that the template is not known. */
const LACKING: ReadonlySet<DropReason> = new Set(["unknown_template", "limit"]);

/** Data records, or sets that cannot be decoded, that do not go out. */
interface Drop {
  readonly reason: DropReason;
  readonly observationDomain: number;
  readonly template: number;
  readonly message: string;
  readonly records: number;
}

type Happening = MediationEvent | Drop;

/** What happens in one session, in order; held back until the message that caused it stands, then counted and told. */
export class SessionEvents {
  readonly #counters: Counters;
  readonly #listener: Notify | undefined;
  #waiting: Happening[] | undefined;
  /** How many of those that wait happened in messages that stand. */
  #standing = 0;
  /** How often each event was told. */
  readonly #told: Partial<Record<MediationEvent["event"], number>> = {};
  /** Made when there is something to tell: few sessions drop or warn. */
  #toldDrops: Set<string> | undefined;
  #toldWarnings: Set<string> | undefined;

  #lacking: { readonly observationDomain: number; readonly template: number }[] | undefined;

  constructor(counters: Counters, listener: Notify | undefined) {
    this.#counters = counters;
    this.#listener = listener;
  }

  /** How many wait to be told. */
  get length(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Templates whose data was dropped because they were not known; the first {@link KINDS_TOLD} of them. */
  lackingTemplates(): Iterable<{ readonly observationDomain: number; readonly template: number }> {
    return this.#lacking ?? [];
  }

  notify(event: MediationEvent): void {
    (this.#waiting ??= []).push(event);
  }

  drop(reason: DropReason, observationDomain: number, template: number, message: string, records: number): void {
    (this.#waiting ??= []).push({ reason, observationDomain, template, message, records });
  }

  /** Counts what could not be put right of a record's references, and tells each kind once a template. */
  countFaults({ faults }: MappedRecord, observationDomain: number, template: number, start: number): void {
    if (faults.length === 0) return;
    for (const { fault, message, at } of faults) {
      increment(this.#counters.referenceFaults, fault);
      if (!isNew(this.#toldWarnings ??= new Set(), `${fault}/${observationDomain}/${template}`)) continue;
      const place = `at octet ${at - start} of its message`;
      this.notify({ event: "warning", observationDomain, template, message: `${message}, ${place}` });
    }
    for (const name of new Set(faults.map(({ lost }) => lost))) {
      if (name !== undefined) this.#counters.informationLost.add(name, 1);
    }
  }

  /** All so far happened in messages that stand: what they drop is counted. */
  stand(): void {
    for (; this.#standing < this.length; this.#standing++) {
      const event = this.#waiting?.[this.#standing];
      if (event !== undefined && "records" in event && event.records > 0) {
        increment(this.#counters.recordsDropped, event.reason, event.records);
      }
    }
  }

  /** Takes back what happened since the last message that stands. */
  takeBack(): void {
    if (this.#waiting !== undefined) this.#waiting.length = this.#standing;
  }

  /** Of those that came behind the first so many, keeps these. */
  keep(length: number, isKept: (event: Happening) => boolean): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) waiting.push(...waiting.splice(length).filter(isKept));
  }

  /**
   * Tells what happened in messages that stand.
   *
   * @param most events that may be told now
   * @returns whether all has been told
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

  /** Returns whether it was told. */
  #tellEvent(event: MediationEvent): boolean {
    if (event.event === "plugin_failed") increment(this.#counters.pluginErrors, event.plugin);
    if (event.event === "warning") {
      const kind = `${event.observationDomain}/${event.template}/${event.message}`;
      if (!isNew(this.#toldWarnings ??= new Set(), kind)) return false;
    }
    const told = this.#told[event.event] = (this.#told[event.event] ?? 0) + 1;
    if (told <= EVENTS_TOLD) this.#listener?.(event);
    return told <= EVENTS_TOLD;
  }

  #tellDrop({ reason, observationDomain, template, message }: Drop): boolean {
    // A cap that is reached keeps out whatever comes: that is one thing to tell.
    const kind = reason === "limit" ? reason : `${reason}/${observationDomain}/${template}`;
    if (!isNew(this.#toldDrops ??= new Set(), kind)) return false;
    if (LACKING.has(reason)) (this.#lacking ??= []).push({ observationDomain, template });
    this.#listener?.({ event: "records_dropped", observationDomain, template, reason, message });
    return true;
  }
}

/** Whether this kind of thing was not told yet, and is to be; of too many kinds no more are. */
function isNew(told: Set<string>, kind: string): boolean {
  if (told.has(kind) || told.size >= KINDS_TOLD) return false;
  told.add(kind);
  return true;
}
