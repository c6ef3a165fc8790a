import { type Counters, increment } from "../templates/counters.ts";
import type { DropReason, MediationEvent, Notify } from "../templates/event.ts";
import type { MappedRecord } from "../references/reference_scope.ts";

/** Kinds of drops, and of warnings, that one session tells once each; beyond so many it only counts. */
const KINDS_TOLD = 256;

/** Times that one session tells an event; beyond, it only counts: an exporter that redefines its templates without end fills no log. */
const EVENTS_TOLD = 1024;

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
  /** How often each event was told. */
  readonly #told: Partial<Record<MediationEvent["event"], number>> = {};
  /** Made when there is something to tell: few sessions drop or warn. */
  #toldDrops: Set<string> | undefined;
  #toldWarnings: Set<string> | undefined;

  constructor(counters: Counters, listener: Notify | undefined) {
    this.#counters = counters;
    this.#listener = listener;
  }

  /** How many wait to be told. */
  get length(): number {
    return this.#waiting?.length ?? 0;
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

  /** Takes back those that came behind the first so many. */
  takeBack(length: number): void {
    if (this.#waiting !== undefined) this.#waiting.length = length;
  }

  /** Of those that came behind the first so many, keeps these. */
  keep(length: number, isKept: (event: Happening) => boolean): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) waiting.push(...waiting.splice(length).filter(isKept));
  }

  /** Counts and tells what happened in messages that stand. */
  tell(): void {
    if (this.#waiting === undefined) return;
    const happened = this.#waiting;
    this.#waiting = undefined;
    for (const event of happened) {
      if ("event" in event) this.#tellEvent(event);
      else this.#tellDrop(event);
    }
  }

  #tellEvent(event: MediationEvent): void {
    if (event.event === "plugin_failed") increment(this.#counters.pluginErrors, event.plugin);
    if (event.event === "warning") {
      const kind = `${event.observationDomain}/${event.template}/${event.message}`;
      if (!isNew(this.#toldWarnings ??= new Set(), kind)) return;
    }
    const told = this.#told[event.event] = (this.#told[event.event] ?? 0) + 1;
    if (told <= EVENTS_TOLD) this.#listener?.(event);
  }

  #tellDrop({ reason, observationDomain, template, message, records }: Drop): void {
    if (records > 0) increment(this.#counters.recordsDropped, reason, records);
    // A cap that is reached keeps out whatever comes: that is one thing to tell.
    const kind = reason === "limit" ? reason : `${reason}/${observationDomain}/${template}`;
    if (!isNew(this.#toldDrops ??= new Set(), kind)) return;
    this.#listener?.({ event: "records_dropped", observationDomain, template, reason, message });
  }
}

/** Whether this kind of thing was not told yet, and is to be; of too many kinds no more are. */
function isNew(told: Set<string>, kind: string): boolean {
  if (told.has(kind) || told.size >= KINDS_TOLD) return false;
  told.add(kind);
  return true;
}
