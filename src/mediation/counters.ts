import type { RejectReason } from "../ipfix/decode_error.ts";
import type { DropReason, TemplateOutcome } from "./event.ts";

/** What one session counted since it was opened. Plain numbers: the data path only adds to them. */
export class Counters {
  messagesReceived = 0;
  messagesSent = 0;
  octetsReceived = 0;
  octetsSent = 0;
  recordsReceived = 0;
  recordsSent = 0;
  /** Data records that the exporter's sequence numbers say never arrived, and jumps back, each as one gap. */
  sequenceGaps = 0;
  pluginErrors: Map<string, number> = new Map();
  templates: Map<TemplateOutcome, number> = new Map();
  recordsDropped: Map<DropReason, number> = new Map();
  messagesRejected: Map<RejectReason, number> = new Map();
  /** Element name → records that lost this field on the way. */
  fieldsStripped: Map<string, number> = new Map();
  /** Element name → records that were given this field. */
  fieldsPadded: Map<string, number> = new Map();
  /** Element name → records whose stripped field carried something else than its type's default. */
  informationLost: Map<string, number> = new Map();

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
    addAll(this.fieldsStripped, other.fieldsStripped);
    addAll(this.fieldsPadded, other.fieldsPadded);
    addAll(this.informationLost, other.informationLost);
  }
}

/** Adds `amount` to the counter under this key. */
export function increment<Key>(counters: Map<Key, number>, key: Key, amount = 1): void {
  counters.set(key, (counters.get(key) ?? 0) + amount);
}

function addAll<Key>(into: Map<Key, number>, from: ReadonlyMap<Key, number>): void {
  for (const [key, amount] of from) increment(into, key, amount);
}
