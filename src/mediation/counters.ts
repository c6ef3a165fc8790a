import type { RejectReason } from "../ipfix/decode_error.ts";
import type { DropReason, TemplateOutcome } from "./event.ts";
import type { ReferenceFault } from "./reference_scope.ts";

/** What one session counted since it was opened. Plain numbers: the data path only adds to them. */
export class Counters {
  messagesReceived = 0;
  messagesSent = 0;
  /** Of whole messages. */
  octetsReceived = 0;
  octetsSent = 0;
  recordsReceived = 0;
  recordsSent = 0;
  /** Times that the exporter's sequence numbers did not go on where they had been: records lost on the way, or a jump back. */
  sequenceGaps = 0;
  /** Name of the plugin → templates at which it failed. */
  pluginErrors: Map<string, number> = new Map();
  templates: Map<TemplateOutcome, number> = new Map();
  recordsDropped: Map<DropReason, number> = new Map();
  messagesRejected: Map<RejectReason, number> = new Map();
  /** References to templates, in records that went out, that could not be put right in every respect. */
  referenceFaults: Map<ReferenceFault, number> = new Map();
  /** Element name → records that lost this field on the way. */
  fieldsStripped: ElementCounts = new ElementCounts();
  /** Element name → records that were given this field. */
  fieldsPadded: ElementCounts = new ElementCounts();
  /** Element name → records whose stripped field carried something else than its type's default, or that refer to less than they did. */
  informationLost: ElementCounts = new ElementCounts();
  /** Element name → octets of the last such value that was seen; only of elements that {@link informationLost} names. */
  lostLengths: Map<string, number> = new Map();

  /** Notes the length of a value that was lost; nothing where its element is counted among others. */
  noteLostLength(element: string, octets: number): void {
    if (this.informationLost.has(element)) this.lostLengths.set(element, octets);
  }

  /** Adds all that another session counted: totals of sessions that are closed. */
  add(other: Counters): void {
    this.messagesReceived += other.messagesReceived;
    this.messagesSent += other.messagesSent;
    this.octetsReceived += other.octetsReceived;
    this.octetsSent += other.octetsSent;
    this.recordsReceived += other.recordsReceived;
    this.recordsSent += other.recordsSent;
    this.sequenceGaps += other.sequenceGaps;
    addAll(this.pluginErrors, other.pluginErrors);
    addAll(this.templates, other.templates);
    addAll(this.recordsDropped, other.recordsDropped);
    addAll(this.messagesRejected, other.messagesRejected);
    addAll(this.referenceFaults, other.referenceFaults);
    this.fieldsStripped.addAll(other.fieldsStripped);
    this.fieldsPadded.addAll(other.fieldsPadded);
    this.informationLost.addAll(other.informationLost);
    for (const [element, octets] of other.lostLengths) this.noteLostLength(element, octets);
  }
}

/** Under which elements are counted that no registry knows, past the first {@link UNKNOWN_ELEMENTS}. */
export const OTHER_ELEMENTS = "other";

/** Elements that no registry knows and which still are counted one by one. */
export const UNKNOWN_ELEMENTS = 256;

/**
 * Records by element. What registries name is counted by its name; `pen/id`, of which an exporter can make up 2^47, only as far as
 * {@link UNKNOWN_ELEMENTS} of them, the rest together: no exporter makes the process grow.
 */
export class ElementCounts extends Map<string, number> {
  #unknown = 0;

  /** Adds `amount` records to the element called so: a registry's name, or `pen/id`. */
  add(element: string, amount: number): void {
    const counted = this.get(element);
    if (counted !== undefined) this.set(element, counted + amount);
    else if (!/^[0-9]/.test(element)) this.set(element, amount);
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
