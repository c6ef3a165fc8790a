import { unknownElement } from "../../../ipfix/registry/information_element.ts";
import { decodeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { OctetReader } from "../../../ipfix/octets/octet_reader.ts";
import { recordLayout } from "../../../ipfix/record/record_layout.ts";
import { type MessageSet, MINIMUM_DATA_SET_ID, setsOfMessage, TEMPLATE_SET_ID } from "../../../ipfix/message/set.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { decodeTemplateRecords } from "../../../ipfix/record/template_record.ts";
import type { Announcement, AnnouncementChange, Announcements } from "../../templates/announcements.ts";
import type { Dialect } from "../../mapping/profile/dialect.ts";
import type { Output } from "./message_writer.ts";
import { memoryOctets } from "../../program/loop/memory.ts";
import type { SessionTemplates } from "../intake/session_templates.ts";
import type { TemplateChange } from "../../templates/template_changes.ts";
import { templateMessage } from "../../templates/template_message.ts";

/** A whole message waiting to be sent. Its sequence number is filled in when it is written. */
interface WaitingMessage {
  readonly message: Uint8Array;
  /** Data records in it. */
  readonly records: number;
  /**
   * How the message changes the announcements. Empty for a replayed template, which is already among them. A change may
   * come without a message.
   */
  readonly changes: readonly Pick<AnnouncementChange, "key" | "after">[];
  /**
   * Whether this is a template sent at the start of a connection or as a refresh. Such a message is built again if it
   * does not arrive.
   */
  readonly isReplayedTemplate: boolean;
}

/**
 * Messages that go out before anything else: repeated templates, and messages that a lost connection to the collector
 * never took. Replayed templates precede all other messages, so that a connection that fails repeatedly does not make
 * the queue grow.
 */
export class Replay {
  #waiting: WaitingMessage[] = [];
  /** Octets at the start of the current output that hold replayed templates. */
  #replayed = 0;
  /** Data records that the last {@link write} put into its output. */
  written = 0;

  constructor(
    readonly templates: Pick<SessionTemplates, "domains" | "restarted">,
    readonly announcements: Announcements,
    readonly target: { readonly dialect: Pick<Dialect, "messagesPerWrite"> },
  ) {}

  /** Queues the live templates again within the current transport session, unless others are still waiting. */
  announce(): void {
    if (this.#waiting.length === 0) this.#waiting = [...this.#templateMessages()];
  }

  /** Number of waiting data records. */
  get records(): number {
    return this.#waiting.reduce((sum, { records }) => sum + records, 0);
  }

  /** Octets of the waiting messages, not counting those that can be built again. */
  get octets(): number {
    return this.#waiting.reduce(
      (sum, { message, isReplayedTemplate }) => sum + (isReplayedTemplate ? 0 : message.length),
      0,
    );
  }

  /**
   * Queues what a lost connection never took ahead of everything already waiting, and rolls the announcements back to
   * their state before it.
   *
   * @param unsent the last octets of the current output
   * @param produced length of that output in octets
   * @returns the number of data records in `unsent`
   */
  keep(unsent: Uint8Array, produced: number): number {
    const start = produced - unsent.length;
    const changes = this.announcements.rewind(start);
    this.announcements.settle();
    const kept = Math.min(Math.max(this.#replayed - start, 0), unsent.length);
    const again = messagesOf(unsent.slice(kept), start + kept, changes, this.announcements.live());
    this.#waiting = [...again, ...this.#waiting.filter(({ isReplayedTemplate }) => !isReplayedTemplate)];
    this.#replayed = 0;
    return again.reduce((sum, { records }) => sum + records, 0);
  }

  /**
   * Begins a new transport session: the live templates first, then the waiting messages; sequence numbers start at 0.
   */
  restart(): void {
    this.templates.restarted = true;
    for (const domain of this.templates.domains.values()) domain.sequence.restart();
    const still = this.#waiting.filter(({ isReplayedTemplate }) => !isReplayedTemplate);
    this.#waiting = [...this.#templateMessages(), ...still];
  }

  /** Queues these changes, in order, behind everything already waiting. */
  change(changes: Iterable<TemplateChange>): void {
    for (const { observationDomain, set, changes: own } of changes) {
      const message = set === undefined
        ? new Uint8Array(0)
        : this.#templateMessage(observationDomain, set.id, set.record);
      this.#waiting.push({ message, records: 0, changes: own, isReplayedTemplate: false });
    }
  }

  /** Discards everything waiting. Returns the number of data records discarded. */
  forget(): number {
    const { records } = this;
    this.#waiting = [];
    return records;
  }

  /** Begins a new transport session with these templates, discarding everything waiting. */
  renew(announcements: Iterable<Announcement>): void {
    this.#waiting = [];
    this.announcements.reset(announcements);
    this.restart();
  }

  /**
   * Writes waiting messages to the output. Returns true once nothing is waiting any more. {@link written} is the number
   * of data records written.
   *
   * @param exportTime export time of the exporter's next message, if known, so that replayed templates are not older
   *   than what follows them
   */
  write(output: Output, exportTime?: number): boolean {
    this.#replayed = this.written = 0;
    const time = this.#nextExportTime() ?? exportTime;
    let written = 0;
    for (const { message, records, changes, isReplayedTemplate } of this.#waiting) {
      const { messagesPerWrite } = this.target.dialect;
      const isMessage = message.length > 0;
      if (isMessage && (output.messages >= messagesPerWrite || output.end - output.at < message.length)) break;
      for (const change of changes) this.announcements.repeat(change, output.at - output.start);
      written++;
      if (!isMessage) continue;
      memoryOctets.set(message, output.at);
      const sequence = this.templates.domains.get(domainOf(message))?.sequence;
      if (sequence !== undefined) {
        const number = sequence.counted ? sequence.next(records) : sequence.current;
        new DataView(memoryOctets.buffer).setUint32(output.at + 8, number);
      }
      if (isReplayedTemplate && time !== undefined) new DataView(memoryOctets.buffer).setUint32(output.at + 4, time);
      output.at += message.length;
      output.messages++;
      output.records += records;
      this.written += records;
      if (isReplayedTemplate) this.#replayed = output.at - output.start;
    }
    if (written > 0) this.#waiting.splice(0, written);
    return this.#waiting.length === 0;
  }

  /** Export time of the first waiting message that came from the exporter. */
  #nextExportTime(): number | undefined {
    const next = this.#waiting.find(({ message, isReplayedTemplate }) => !isReplayedTemplate && message.length > 0);
    return next === undefined ? undefined : decodeMessageHeader(next.message).exportTime;
  }

  /** One message per template, which every dialect accepts. */
  *#templateMessages(): Generator<WaitingMessage> {
    for (const { observationDomain, setId, octets } of this.announcements.live()) {
      const message = this.#templateMessage(observationDomain, setId, octets);
      yield { message, records: 0, changes: [], isReplayedTemplate: true };
    }
  }

  #templateMessage(observationDomain: number, setId: number, record: Uint8Array): Uint8Array {
    const domain = this.templates.domains.get(observationDomain);
    return templateMessage(setId, record, {
      exportTime: domain?.exportTime ?? 0,
      sequenceNumber: domain?.sequence.current ?? 0,
      observationDomainId: observationDomain,
    });
  }
}

function domainOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(12);
}

/**
 * Splits output into messages, each with the number of its data records and the announcement changes that it made.
 *
 * @param start offset of `octets` within the output, which the changes' offsets refer to
 * @param announced the templates in force at that point
 */
function messagesOf(
  octets: Uint8Array,
  start: number,
  changes: readonly AnnouncementChange[],
  announced: readonly Announcement[],
): WaitingMessage[] {
  const known = new KnownTemplates(announced);
  const messages: WaitingMessage[] = [];
  let next = 0;
  for (let at = 0; at < octets.length;) {
    const { length, observationDomainId } = decodeMessageHeader(octets, at);
    const end = at + length;
    const records = known.countRecords(octets, observationDomainId, setsOfMessage(octets, at, end));
    const first = next;
    while (next < changes.length && (changes[next]?.offset ?? 0) < start + end) next++;
    const own = changes.slice(first, next);
    messages.push({ message: octets.subarray(at, end), records, changes: own, isReplayedTemplate: false });
    at = end;
  }
  return messages;
}

/** Templates by domain and id as the output defines them, with just enough detail to count data records. */
class KnownTemplates {
  readonly #templates = new Map<string, Template>();

  constructor(announced: readonly Announcement[]) {
    for (const { observationDomain, setId, octets } of announced) {
      this.#learn(observationDomain, setId, new OctetReader(octets));
    }
  }

  countRecords(octets: Uint8Array, observationDomain: number, sets: Iterable<MessageSet>): number {
    let records = 0;
    for (const { id, contentOffset, end } of sets) {
      const content = new OctetReader(octets, contentOffset, end);
      if (id < MINIMUM_DATA_SET_ID) this.#learn(observationDomain, id, content);
      else {
        const template = this.#templates.get(`${observationDomain}/${id}`);
        if (template !== undefined) records += recordLayout(template).count(content);
      }
    }
    return records;
  }

  #learn(observationDomain: number, setId: number, content: OctetReader): void {
    const kind = setId === TEMPLATE_SET_ID ? "template" : "options-template";
    const records = decodeTemplateRecords(content, kind, (pen, id, _length, bit) => unknownElement(pen, id, bit));
    for (const record of records) {
      if (record.kind === "template") {
        this.#templates.set(`${observationDomain}/${record.template.id}`, record.template);
      }
    }
  }
}
