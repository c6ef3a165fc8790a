import type { AbstractDataType } from "../../ipfix/types/abstract_data_type.ts";
import type { RejectReason } from "../../ipfix/octets/decode_error.ts";
import { type DropReason, type ReferenceFault, TEMPLATE_OUTCOMES, type TemplateOutcome } from "./event.ts";

/** The last value that was lost of an element. */
export interface LostValue {
  readonly type: AbstractDataType;
  /** Length of the value in octets. */
  readonly length: number;
  /** Its first octets, at most 64. */
  readonly octets: Uint8Array;
}

interface CountMaps {
  pluginErrors: Map<string, number>;
  recordsDropped: Map<DropReason, number>;
  messagesRejected: Map<RejectReason, number>;
  referenceFaults: Map<ReferenceFault, number>;
  fieldsStripped: ElementCounts;
  fieldsPadded: ElementCounts;
  informationLost: ElementCounts;
  lostLengths: Map<string, number>;
}

interface MadeCounts extends Partial<CountMaps> {
  templates?: Partial<Record<TemplateOutcome, number>>;
  lostValues?: Map<string, LostValue>;
}

/** What one session counted since it was opened. Plain numbers: the data path only adds to them. */
export class Counters {
  messagesReceived = 0;
  messagesSent = 0;
  /** Of whole messages. */
  octetsReceived = 0;
  octetsSent = 0;
  /** A set whose records cannot be told apart counts as one, here and where it is dropped. */
  recordsReceived = 0;
  recordsSent = 0;
  /** Records sent again because an earlier connection to the collector had not taken them, once for each time. */
  recordsResent = 0;
  /** Gaps in the exporter's sequence numbers: records lost on the way, or a jump back. */
  sequenceGaps = 0;
  /** The maps below, each made when it is first written to: most sessions need two or three of them. */
  private readonly made: MadeCounts = {};

  /** One of the maps, for reading. Makes none, since thousands of sessions would keep an empty one. */
  read(kind: keyof CountMaps): ReadonlyMap<string, number> {
    return this.made[kind] ?? NO_COUNTS;
  }

  /** Name of the plugin → templates at which it failed. */
  get pluginErrors(): Map<string, number> {
    return this.made.pluginErrors ??= new Map();
  }

  /** Outcome → templates; see {@link countTemplates}. */
  get templates(): ReadonlyMap<TemplateOutcome, number> {
    const templates = this.made.templates ?? {};
    const counted = TEMPLATE_OUTCOMES.map((outcome) => [outcome, templates[outcome] ?? 0] as const);
    return new Map(counted.filter(([, count]) => count > 0));
  }

  /** Counts in an object: every session counts in this one, and a map takes three times as much. */
  countTemplates(outcome: TemplateOutcome, amount = 1): void {
    const templates = this.made.templates ??= {};
    templates[outcome] = (templates[outcome] ?? 0) + amount;
  }

  get recordsDropped(): Map<DropReason, number> {
    return this.made.recordsDropped ??= new Map();
  }

  get messagesRejected(): Map<RejectReason, number> {
    return this.made.messagesRejected ??= new Map();
  }

  /** References to templates, in records that were sent, that could not be fully corrected. */
  get referenceFaults(): Map<ReferenceFault, number> {
    return this.made.referenceFaults ??= new Map();
  }

  /** Element name → records from which this field was stripped. */
  get fieldsStripped(): ElementCounts {
    return this.made.fieldsStripped ??= new ElementCounts();
  }

  /** Element name → records to which this field was added. */
  get fieldsPadded(): ElementCounts {
    return this.made.fieldsPadded ??= new ElementCounts();
  }

  /**
   * Element name → records whose stripped field carried something else than its type's default, or that refer to less
   * than they did.
   */
  get informationLost(): ElementCounts {
    return this.made.informationLost ??= new ElementCounts();
  }

  /**
   * Element name → octets of the last such value that was seen; only of elements that {@link informationLost} names.
   */
  get lostLengths(): Map<string, number> {
    return this.made.lostLengths ??= new Map();
  }

  /** Notes the length of a value that was lost; nothing where its element is counted among others. */
  noteLostLength(element: string, octets: number): void {
    if (this.made.informationLost?.has(element) === true) this.lostLengths.set(element, octets);
  }

  /**
   * Element name → the last such value, where values are kept; where several templates lost one, that of one of them.
   */
  get lostValues(): ReadonlyMap<string, LostValue> {
    return this.made.lostValues ?? NO_VALUES;
  }

  /** Notes a value that was lost; nothing where its element is counted among others. */
  noteLostValue(element: string, value: LostValue): void {
    if (this.made.informationLost?.has(element) === true) (this.made.lostValues ??= new Map()).set(element, value);
  }

  /** Number of names in all maps together, to which their memory is proportional. */
  get names(): number {
    const { templates, ...maps } = this.made;
    let names = templates === undefined ? 0 : Object.keys(templates).length;
    for (const map of Object.values(maps)) names += map.size;
    return names;
  }

  /** Forgets all lost values, once the configuration no longer keeps them. */
  forgetLostValues(): void {
    if (this.made.lostValues !== undefined) delete this.made.lostValues;
  }

  /** Adds all counts to others, and begins anew. */
  moveTo(others: Counters): void {
    others.add(this);
    this.messagesReceived =
      this.messagesSent =
      this.octetsReceived =
      this.octetsSent =
        0;
    this.recordsReceived =
      this.recordsSent =
      this.recordsResent =
      this.sequenceGaps =
        0;
    for (const kind of Object.keys(this.made) as (keyof MadeCounts)[]) delete this.made[kind];
  }

  /** Adds all that another session counted: totals of sessions that are closed. */
  add(other: Counters): void {
    this.messagesReceived += other.messagesReceived;
    this.messagesSent += other.messagesSent;
    this.octetsReceived += other.octetsReceived;
    this.octetsSent += other.octetsSent;
    this.recordsReceived += other.recordsReceived;
    this.recordsSent += other.recordsSent;
    this.recordsResent += other.recordsResent;
    this.sequenceGaps += other.sequenceGaps;
    const { made } = other;
    if (made.pluginErrors !== undefined) addAll(this.pluginErrors, made.pluginErrors);
    for (const outcome of TEMPLATE_OUTCOMES) {
      const templates = made.templates?.[outcome] ?? 0;
      if (templates > 0) this.countTemplates(outcome, templates);
    }
    if (made.recordsDropped !== undefined) addAll(this.recordsDropped, made.recordsDropped);
    if (made.messagesRejected !== undefined) addAll(this.messagesRejected, made.messagesRejected);
    if (made.referenceFaults !== undefined) addAll(this.referenceFaults, made.referenceFaults);
    if (made.fieldsStripped !== undefined) this.fieldsStripped.addAll(made.fieldsStripped);
    if (made.fieldsPadded !== undefined) this.fieldsPadded.addAll(made.fieldsPadded);
    if (made.informationLost !== undefined) this.informationLost.addAll(made.informationLost);
    for (const [element, octets] of made.lostLengths ?? []) this.noteLostLength(element, octets);
    for (const [element, value] of made.lostValues ?? []) this.noteLostValue(element, value);
  }
}

const NO_COUNTS: ReadonlyMap<string, number> = new Map();
const NO_VALUES: ReadonlyMap<string, LostValue> = new Map();

/** Name under which elements that no registry knows are counted past the first {@link UNKNOWN_ELEMENTS}. */
export const OTHER_ELEMENTS = "other";

/** Maximum number of elements unknown to all registries that are counted by name. */
export const UNKNOWN_ELEMENTS = 256;

/** A name made of a number: `pen/id`, or `k8s/99` for a field of a Protocol Buffers message. */
const UNKNOWN = /\/\d+$/;

/**
 * Records by element. Elements of a registry are counted by name. Of `pen/id`, of which an exporter can invent 2^47,
 * the first {@link UNKNOWN_ELEMENTS} are counted by name and the rest together, so that memory stays bounded.
 */
export class ElementCounts extends Map<string, number> {
  #unknown = 0;

  /** Adds `amount` records to the element of this name: a registry's, or `pen/id`. */
  add(element: string, amount: number): void {
    const counted = this.get(element);
    if (counted !== undefined) this.set(element, counted + amount);
    else if (!UNKNOWN.test(element)) this.set(element, amount);
    else if (this.#unknown < UNKNOWN_ELEMENTS) {
      this.#unknown++;
      this.set(element, amount);
    } else increment(this, OTHER_ELEMENTS, amount);
  }

  addAll(other: ReadonlyMap<string, number>): void {
    for (const [element, amount] of other) this.add(element, amount);
  }
}

/** Adds `amount` to the counter under this key. */
export function increment<Key>(counters: Map<Key, number>, key: Key, amount = 1): void {
  counters.set(key, (counters.get(key) ?? 0) + amount);
}

function addAll<Key>(into: Map<Key, number>, from: ReadonlyMap<Key, number>): void {
  for (const [key, amount] of from) increment(into, key, amount);
}

/** The sum of all these, in counters of its own. */
export function sumOf(...counted: readonly Counters[]): Counters {
  const sum = new Counters();
  for (const each of counted) sum.add(each);
  return sum;
}
