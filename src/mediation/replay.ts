import { decodeMessageHeader } from "../ipfix/message_header.ts";
import { OctetReader } from "../ipfix/octet_reader.ts";
import { walkDataRecords } from "../ipfix/data_record.ts";
import {
  MINIMUM_DATA_SET_ID,
  OPTIONS_TEMPLATE_SET_ID,
  setsOfMessage,
  TEMPLATE_SET_ID,
  writeSetHeader,
} from "../ipfix/set.ts";
import { decodeTemplateRecords } from "../ipfix/template_record.ts";
import type { Template } from "../ipfix/template.ts";
import { unknownElement } from "../ipfix/information_element.ts";
import { writeMessageHeader } from "../ipfix/message_header.ts";
import type { Announcement, Announcements } from "./announcements.ts";
import type { Dialect } from "./dialect.ts";
import type { Output } from "./message_writer.ts";
import { memoryOctets } from "./rewrite_loop/memory.ts";
import type { SessionTemplates } from "./session_templates.ts";

/** What goes out before anything else: templates again, and what an old connection to the collector never took. */
export class Replay {
  /** Whole messages, their sequence numbers still to be put in. */
  readonly #waiting: { message: Uint8Array; records: number }[] = [];

  constructor(
    readonly templates: SessionTemplates,
    readonly announcements: Announcements,
    readonly dialect: Dialect,
    readonly maxMessageLength: number,
  ) {}

  /** The live templates go out again, in the transport session that is. */
  announce(): void {
    for (const message of this.#templateMessages(this.announcements.before(Infinity))) {
      this.#waiting.push({ message, records: 0 });
    }
  }

  /** A new transport session: templates as they stood before `unsent`, the last octets of `produced`; then these; numbers from 0. */
  restart(unsent: Uint8Array = new Uint8Array(0), produced: number): void {
    const before = this.announcements.before(produced - unsent.length);
    const still = this.#waiting.splice(0).filter(({ records }) => records > 0);
    for (const domain of this.templates.domains.values()) domain.sequence.restart();
    for (const message of this.#templateMessages(before)) this.#waiting.push({ message, records: 0 });
    this.#waiting.push(...recordsOf(unsent.slice(), before), ...still);
  }

  /** Puts what waits into the output; true: nothing waits any more. */
  write(output: Output): boolean {
    let next = this.#waiting[0];
    while (next !== undefined) {
      const { message, records } = next;
      if (output.messages >= this.dialect.messagesPerWrite || output.end - output.at < message.length) return false;
      memoryOctets.set(message, output.at);
      const view = new DataView(message.buffer, message.byteOffset);
      const sequence = this.templates.domains.get(view.getUint32(12))?.sequence;
      if (sequence?.counted === true) {
        new DataView(memoryOctets.buffer).setUint32(output.at + 8, sequence.next(records));
      }
      output.at += message.length;
      output.messages++;
      output.records += records;
      this.#waiting.shift();
      next = this.#waiting[0];
    }
    return true;
  }

  /** One message a template: every dialect takes that. */
  *#templateMessages(announcements: Iterable<Announcement>): Generator<Uint8Array> {
    for (const { observationDomain, setId, octets } of announcements) {
      const message = new Uint8Array(16 + 4 + octets.length);
      writeMessageHeader(message, 0, {
        version: 10,
        length: message.length,
        exportTime: this.templates.exportTimes.get(observationDomain) ?? 0,
        sequenceNumber: this.templates.sequenceNumbers.get(observationDomain) ?? 0,
        observationDomainId: observationDomain,
      });
      writeSetHeader(message, 16, setId, octets.length + 4);
      message.set(octets, 20);
      yield message;
    }
  }
}

/** The messages of an output, each with the number of its data records. */
function recordsOf(octets: Uint8Array, announced: readonly Announcement[]): { message: Uint8Array; records: number }[] {
  const known = new Map<string, Template>();
  const learn = (domain: number, setId: number, content: OctetReader) => {
    const kind = setId === TEMPLATE_SET_ID ? "template" : "options-template";
    for (
      const record of decodeTemplateRecords(content, kind, (pen, id, _length, bit) => unknownElement(pen, id, bit))
    ) {
      if (record.kind === "template") known.set(`${domain}/${record.template.id}`, record.template);
    }
  };
  for (const { observationDomain, setId, octets: record } of announced) {
    learn(observationDomain, setId, new OctetReader(record));
  }
  const messages: { message: Uint8Array; records: number }[] = [];
  for (let start = 0; start < octets.length;) {
    const header = decodeMessageHeader(octets, start);
    const end = start + header.length;
    let records = 0;
    for (const set of setsOfMessage(octets, start, end)) {
      const content = new OctetReader(octets, set.contentOffset, set.end);
      if (set.id === TEMPLATE_SET_ID || set.id === OPTIONS_TEMPLATE_SET_ID) {
        learn(header.observationDomainId, set.id, content);
      }
      const template = known.get(`${header.observationDomainId}/${set.id}`);
      if (set.id >= MINIMUM_DATA_SET_ID && template !== undefined) {
        for (const _ of walkDataRecords(content, template)) records++;
      }
    }
    messages.push({ message: octets.subarray(start, end), records });
    start = end;
  }
  return messages;
}
