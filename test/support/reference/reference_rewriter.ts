/**
 * The message rewriter a second time, slow and obvious, for tests to compare the real one with. It tells what a
 * collector must be delivered, in order, and leaves open how that is cut into messages and sets.
 *
 * @module
 */
import type { RejectReason } from "../../../src/ipfix/octets/decode_error.ts";
import type { RegistryHistory } from "../../../src/ipfix/registry/registry.ts";
import type { DropReason } from "../../../src/mediation/templates/event.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import type { Delivered } from "../delivered.ts";
import { type ReferenceMapping, referenceMapping } from "./reference_mapping.ts";
import { ReferenceCounts } from "./reference_counts.ts";
import { type Findings, octetsOf, type RawField, RecordLost, rewriteFields } from "./reference_semantics.ts";
import { ReferenceSequence } from "./reference_sequence.ts";
import {
  join,
  layoutOf,
  number,
  readNumber,
  readRecords,
  readTemplates,
  smallestRecord,
  WireError,
} from "../messages/wire.ts";
import type { WireSet, WireTemplate } from "../messages/wire.ts";

/** A template of the session: as it came, and what becomes of its records. */
export interface ReferenceTemplate {
  readonly source: WireTemplate;
  readonly outcome: ReferenceMapping | DropReason;
}

/** One thing that goes out, with the sequence number of a message that begins with it. */
export interface ReferenceItem extends Delivered {
  /** Data records of its domain that count as sent before it. */
  readonly position: number;
  /** True: the exporter's sequence numbers include the message's own records. */
  readonly inclusive: boolean;
  /** Which of the messages that came in it is of. */
  readonly message: number;
}

/** What the rules make of a whole session. */
export interface Reference {
  /** Placed as if no message was split. */
  readonly items: readonly ReferenceItem[];
  readonly dropped: ReadonlyMap<DropReason, number>;
  readonly counts: ReferenceCounts;
  /** How many messages were taken. */
  readonly messages: number;
  /** Octets of the messages before the first refused one. */
  readonly consumed: number;
  readonly refused?: RejectReason;
  readonly rejected: ReadonlyMap<RejectReason, number>;
  /** The items again, with their places where these of the messages that came in go out as more than one. */
  place(split: ReadonlySet<number>): readonly ReferenceItem[];
}

/** How the session stands: the same facts that a mediator is told. */
export interface ReferenceOptions {
  readonly profile: Profile;
  readonly history: RegistryHistory;
  readonly reliable?: boolean;
  readonly maxMessageLength?: number;
  /** Goes on behind a refused message, as long as its header says where that is: what UDP does. */
  readonly skipRefused?: boolean;
}

/** Runs the octets of one session through the rules. */
export function referenceRewrite(options: ReferenceOptions, octets: Uint8Array): Reference {
  const session = new ReferenceSession(options);
  let offset = 0;
  while (octets.length - offset >= 2) {
    const refused = session.message(octets, offset);
    if (refused === "incomplete") break;
    if (refused !== undefined) {
      session.reject(refused);
      const isSkipped = options.skipRefused === true && refused !== "message_version" && refused !== "message_length";
      if (!isSkipped) return session.result(offset, refused);
    }
    offset += readNumber(octets, offset + 2, 2);
  }
  return session.result(offset);
}

class Refusal extends Error {
  constructor(readonly reason: RejectReason) {
    super(reason);
  }
}

class ReferenceSession {
  readonly #dropped = new Map<DropReason, number>();
  readonly #rejected = new Map<RejectReason, number>();
  readonly #counts = new ReferenceCounts();
  readonly #messages: ReferenceMessage[] = [];
  readonly #templates = new Map<string, ReferenceTemplate>();
  /** Observation domains of which a template was ever taken. */
  readonly #domains = new Set<number>();
  readonly #options: ReferenceOptions;

  constructor(options: ReferenceOptions) {
    this.#options = options;
  }

  /** Takes the message at the offset: all of it, or nothing. */
  message(octets: Uint8Array, offset: number): RejectReason | "incomplete" | undefined {
    if (readNumber(octets, offset, 2) !== 10) return "message_version";
    if (offset + 4 > octets.length) return "incomplete";
    const length = readNumber(octets, offset + 2, 2);
    if (length < 16) return "message_length";
    if (offset + length > octets.length) return "incomplete";
    const step = new ReferenceMessage(this.#options, new Map(this.#templates), octets.slice(offset, offset + length));
    try {
      step.read();
    } catch (error) {
      if (error instanceof Refusal) return error.reason;
      throw error;
    }
    this.#templates.clear();
    for (const [key, template] of step.templates) this.#templates.set(key, template);
    for (const [reason, count] of step.dropped) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count);
    this.#counts.add(step.counts);
    if (step.counts.learned > 0) this.#domains.add(step.observationDomain);
    step.inKnownDomain = this.#domains.has(step.observationDomain);
    this.#messages.push(step);
    return undefined;
  }

  reject(reason: RejectReason): void {
    this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1);
  }

  result(consumed: number, refused?: RejectReason): Reference {
    const place = (split: ReadonlySet<number>) => {
      const sequence = new ReferenceSequence(this.#options.reliable === false);
      return {
        items: this.#messages.flatMap((message, index) => sequence.place(message, index, split.has(index))),
        gaps: sequence.gaps,
      };
    };
    const { items, gaps } = place(new Set());
    return {
      items,
      dropped: this.#dropped,
      counts: Object.assign(this.#counts, { gaps }),
      messages: this.#messages.length,
      rejected: this.#rejected,
      consumed,
      ...(refused === undefined ? {} : { refused }),
      place: (split) => place(split).items,
    };
  }
}

/** What one message delivers, before its sequence numbers are known. */
export interface MessageItem extends Delivered {
  /** Octets in its set. */
  readonly octets: number;
}

/** One message on its way through the rules. */
class ReferenceMessage {
  readonly items: MessageItem[] = [];
  readonly dropped = new Map<DropReason, number>();
  readonly exportTime: number;
  readonly sequenceNumber: number;
  readonly observationDomain: number;
  readonly counts = new ReferenceCounts();
  /** Data records that came in. */
  records = 0;
  /** Data was dropped: what is sent is counted from here on. */
  changed = false;
  /** False: it held data whose records nothing can count. */
  certain = true;
  /** A template of this domain was taken, now or before. */
  inKnownDomain = false;

  constructor(
    readonly options: ReferenceOptions,
    readonly templates: Map<string, ReferenceTemplate>,
    readonly octets: Uint8Array,
  ) {
    this.exportTime = readNumber(octets, 4, 4);
    this.sequenceNumber = readNumber(octets, 8, 4);
    this.observationDomain = readNumber(octets, 12, 4);
  }

  read(): void {
    const sets: WireSet[] = [];
    for (let offset = 16; offset < this.octets.length;) {
      if (this.octets.length - offset < 4) throw new Refusal("trailing_octets");
      const length = readNumber(this.octets, offset + 2, 2);
      if (length < 4) throw new Refusal("set_length");
      if (offset + length > this.octets.length) throw new Refusal("set_overrun");
      sets.push({ id: readNumber(this.octets, offset, 2), content: this.octets.slice(offset + 4, offset + length) });
      offset += length;
    }
    for (const set of sets) {
      if (set.id === 2 || set.id === 3) this.#templateSet(set);
      else if (set.id < 256) this.#dropUndecodable("reserved_set");
      else this.#dataSet(set);
    }
  }

  #drop(reason: DropReason, count: number): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + count);
  }

  /** A set whose records nobody can count is one. */
  #dropUndecodable(reason: DropReason): void {
    this.counts.recordsReceived++;
    this.#drop(reason, 1);
  }

  #dropData(reason: DropReason, count: number): void {
    this.changed = true;
    this.#drop(reason, count);
  }

  #item(kind: Delivered["kind"], template: WireTemplate, octets: number, values?: readonly Uint8Array[]): boolean {
    if (octets + 20 > (this.options.maxMessageLength ?? 65535)) {
      this.#dropData("record_too_long", 1);
      return false;
    }
    const { observationDomain, exportTime } = this;
    const hexadecimal = values === undefined ? {} : { values: values.map((value) => value.toHex()) };
    const layout = layoutOf(template);
    this.items.push({ kind, observationDomain, exportTime, id: template.id, layout, octets, ...hexadecimal });
    return true;
  }

  #templateSet(set: WireSet): void {
    const templates = this.#templateRecords(set);
    for (const template of templates) {
      if (template.fields.length === 0) this.#withdraw(set.id, template.id);
      else this.#announce(template);
    }
  }

  /** Record by record, since what is wrong with the first one wrong decides the reason. */
  #templateRecords({ id, content }: WireSet): WireTemplate[] {
    const records: WireTemplate[] = [];
    for (let offset = 0; content.length - offset >= 4 && content.slice(offset).some((octet) => octet !== 0);) {
      const [template, count] = [readNumber(content, offset, 2), readNumber(content, offset + 2, 2)];
      if (count > 0 && template < 256) throw new Refusal("template_id");
      const header = id === 3 && count > 0 ? 6 : 4;
      if (offset + header > content.length) throw new Refusal("template_truncated");
      const scope = header === 6 ? readNumber(content, offset + 4, 2) : 1;
      if (scope === 0 || (header === 6 && scope > count)) throw new Refusal("scope_field_count");
      let end = offset + header;
      for (let index = 0; index < count; index++) {
        if (end + 4 > content.length) throw new Refusal("template_truncated");
        end += (content[end] ?? 0) >= 0x80 ? 8 : 4;
      }
      if (end > content.length) throw new Refusal("template_truncated");
      records.push(...readTemplates({ id, content: content.slice(offset, end) }).templates);
      offset = end;
    }
    return records;
  }

  #announce(source: WireTemplate): void {
    const { profile, history } = this.options;
    let outcome: ReferenceTemplate["outcome"] = referenceMapping(profile, history, source);
    if (typeof outcome !== "string") {
      const octets = (source.scope > 0 ? 6 : 4) +
        outcome.target.fields.reduce((sum, { enterpriseBit }) => sum + (enterpriseBit ? 8 : 4), 0);
      if (octets + 20 > (this.options.maxMessageLength ?? 65535)) outcome = "template_too_long";
      else this.#item("template", outcome.target, octets);
    }
    const key = `${this.observationDomain} ${source.id}`;
    this.counts.template(source, outcome, this.templates.get(key)?.source);
    this.templates.set(key, { source, outcome });
  }

  #withdraw(setId: number, id: number): void {
    if (this.options.reliable === false) return;
    for (const [key, { source, outcome }] of [...this.templates]) {
      if (!key.startsWith(`${this.observationDomain} `) || (source.scope > 0) !== (setId === 3)) continue;
      if (id !== setId && id !== source.id) continue;
      this.templates.delete(key);
      const { withdrawals, templateScope } = this.options.profile.dialect;
      // Where sessions share ids, others may still use this one.
      if (withdrawals && templateScope === "session" && typeof outcome !== "string") {
        this.#item("withdrawal", outcome.target, 4);
      }
    }
  }

  #dataSet({ id, content }: WireSet): void {
    if (content.length === 0) return;
    const template = this.templates.get(`${this.observationDomain} ${id}`);
    const isUncountable = template === undefined || smallestRecord(template.source.fields) === 0;
    if (isUncountable) this.certain = false;
    if (isUncountable) {
      this.changed = true;
      return this.#dropUndecodable(template === undefined ? "unknown_template" : "template_refused");
    }
    const { source, outcome } = template;
    const { records, sizes } = this.#records(source, content);
    this.records += records.length;
    this.counts.recordsReceived += records.length;
    if (records.length === 0) return;
    if (typeof outcome === "string") return this.#dropData(outcome, records.length);
    for (const [index, record] of records.entries()) {
      const findings: Findings = { embedded: [], faults: [], lost: new Set() };
      const raw = record.map((value, position) => rawField(value, sizes[index]?.[position] ?? value.length));
      const { templates, observationDomain, options: { profile, history } } = this;
      const context = { profile, history, source, record: raw, templates, observationDomain, depth: 0, findings };
      try {
        const fields = rewriteFields(outcome, context);
        const values = fields.map(({ value }) => value);
        if (!this.#item("record", outcome.target, octetsOf(fields).length, values)) continue;
        this.counts.record(source, outcome, record, history);
        this.counts.references(findings, history);
      } catch (error) {
        if (!(error instanceof RecordLost)) throw error;
        this.#dropData(error.reason, 1);
      }
    }
  }

  #records(source: WireTemplate, content: Uint8Array): ReturnType<typeof readRecords> {
    try {
      return readRecords(source.fields, content);
    } catch (error) {
      if (error instanceof WireError) throw new Refusal("field_overrun");
      throw error;
    }
  }
}

/** A value and as many length octets as there are more than its own. */
function rawField(value: Uint8Array, size: number): RawField {
  const lengths = size - value.length;
  if (lengths === 0) return { prefix: new Uint8Array(), value };
  return { prefix: lengths === 1 ? number(value.length, 1) : join(number(255, 1), number(value.length, 2)), value };
}

export type { ReferenceMessage };
