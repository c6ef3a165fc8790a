import { VARIABLE_LENGTH } from "../ipfix/types/abstract_data_type.ts";
import { DecodeError } from "../ipfix/octets/decode_error.ts";
import { decodeMessageHeader, MESSAGE_HEADER_LENGTH } from "../ipfix/message/message_header.ts";
import { OctetReader } from "../ipfix/octets/octet_reader.ts";
import {
  type MessageSet,
  MINIMUM_DATA_SET_ID,
  OPTIONS_TEMPLATE_SET_ID,
  setsOfMessage,
  TEMPLATE_SET_ID,
} from "../ipfix/message/set.ts";
import { smallestRecordLength, type Template } from "../ipfix/record/template.ts";
import { decodeTemplateRecords, type ResolveElement, type TemplateKind } from "../ipfix/record/template_record.ts";
import { decodeValue, type Value } from "../ipfix/types/value.ts";

/** One item of a stream, in order. Offsets count octets from the start of the stream. */
export type Inspected =
  | {
    readonly kind: "message";
    readonly offset: number;
    readonly length: number;
    /** ISO 8601. */
    readonly exportTime: string;
    readonly sequenceNumber: number;
    readonly observationDomain: number;
  }
  | {
    readonly kind: "template";
    readonly offset: number;
    readonly observationDomain: number;
    readonly template: Template;
  }
  | {
    readonly kind: "withdrawal";
    readonly offset: number;
    readonly observationDomain: number;
    /** 2 or 3: all templates, or all options templates. */
    readonly template: number;
  }
  | {
    readonly kind: "record";
    readonly offset: number;
    readonly observationDomain: number;
    readonly template: number;
    readonly fields: readonly (readonly [element: string, value: Value])[];
  }
  /** A set that cannot be read, or whose id is reserved (RFC 7011 §3.3.2). */
  | {
    readonly kind: "skipped";
    readonly offset: number;
    readonly observationDomain: number;
    readonly set: number;
    readonly length: number;
    readonly reason: SkipReason;
  };

/**
 * Why a set was skipped: its template is unknown, its id is reserved, or the records of its template have no octets.
 */
export type SkipReason = "unknown_template" | "reserved_set" | "template_refused";

/** The templates remembered over all observation domains. Any further ones are shown, but their records are skipped. */
const MAXIMUM_TEMPLATES = 65_536;

/** Reads the messages of one stream, remembers its templates, and returns its content. */
export class Inspector {
  readonly #templates = new Map<string, Template>();
  /** Octets of the stream before the next message. */
  #offset = 0;

  constructor(readonly resolve: ResolveElement) {}

  /**
   * Reads the message at the start of the octets: its whole content, or none where it is broken.
   *
   * @returns undefined where the octets end inside the message
   * @throws DecodeError with the offset counted from the start of the octets
   */
  next(octets: Uint8Array): { readonly length: number; readonly content: Inspected[] } | undefined {
    if (octets.length < MESSAGE_HEADER_LENGTH) return undefined;
    const header = decodeMessageHeader(octets);
    const { length, observationDomainId: observationDomain } = header;
    if (octets.length < length) return undefined;
    const changes = new Map<string, Template | undefined>();
    const content: Inspected[] = [{
      kind: "message",
      offset: this.#offset,
      length,
      exportTime: new Date(header.exportTime * 1000).toISOString().replace(".000", ""),
      sequenceNumber: header.sequenceNumber,
      observationDomain,
    }];
    for (const set of setsOfMessage(octets, 0, length)) {
      if (set.id === TEMPLATE_SET_ID || set.id === OPTIONS_TEMPLATE_SET_ID) {
        this.#templateSet(octets, set, observationDomain, changes, content);
      } else if (set.id < MINIMUM_DATA_SET_ID) content.push(this.#skipped(set, observationDomain, "reserved_set"));
      else this.#dataSet(octets, set, observationDomain, changes, content);
    }
    for (const [key, template] of changes) {
      if (template === undefined) this.#templates.delete(key);
      else if (this.#templates.has(key) || this.#templates.size < MAXIMUM_TEMPLATES) this.#templates.set(key, template);
    }
    this.#offset += length;
    return { length, content };
  }

  #templateSet(
    octets: Uint8Array,
    set: MessageSet,
    observationDomain: number,
    changes: Map<string, Template | undefined>,
    content: Inspected[],
  ): void {
    const kind: TemplateKind = set.id === TEMPLATE_SET_ID ? "template" : "options-template";
    const reader = new OctetReader(octets, set.contentOffset, set.end, "template_truncated");
    for (const record of decodeTemplateRecords(reader, kind, this.resolve)) {
      const place = { offset: this.#offset + set.offset, observationDomain };
      if (record.kind === "template") {
        changes.set(`${observationDomain}/${record.template.id}`, record.template);
        content.push({ kind: "template", ...place, template: record.template });
        continue;
      }
      content.push({ kind: "withdrawal", ...place, template: record.id });
      for (const [key, template] of [...this.#templates, ...changes]) {
        if (!key.startsWith(`${observationDomain}/`) || template === undefined) continue;
        const all = record.id === set.id && (template.scopeFieldCount > 0) === (kind === "options-template");
        if (all || template.id === record.id) changes.set(key, undefined);
      }
    }
  }

  #dataSet(
    octets: Uint8Array,
    set: MessageSet,
    observationDomain: number,
    changes: ReadonlyMap<string, Template | undefined>,
    content: Inspected[],
  ): void {
    const key = `${observationDomain}/${set.id}`;
    const template = changes.has(key) ? changes.get(key) : this.#templates.get(key);
    if (template === undefined) {
      content.push(this.#skipped(set, observationDomain, "unknown_template"));
      return;
    }
    const smallest = smallestRecordLength(template);
    if (smallest === 0) {
      content.push(this.#skipped(set, observationDomain, "template_refused"));
      return;
    }
    const reader = new OctetReader(octets, set.contentOffset, set.end, "partial_record");
    while (reader.remaining >= smallest) {
      const offset = this.#offset + reader.offset;
      const fields = template.fields.map(({ element, length }) =>
        [element.name, decodeValue(element.type, fieldOctets(reader, length))] as const
      );
      content.push({ kind: "record", offset, observationDomain, template: template.id, fields });
    }
  }

  #skipped({ id, offset, end }: MessageSet, observationDomain: number, reason: SkipReason): Inspected {
    return { kind: "skipped", offset: this.#offset + offset, observationDomain, set: id, length: end - offset, reason };
  }
}

/** The octets of one field; a variable-length field starts with its length (RFC 7011 §7). */
function fieldOctets(reader: OctetReader, length: number): Uint8Array {
  if (length !== VARIABLE_LENGTH) return reader.octets(length);
  const start = reader.offset;
  try {
    const short = reader.u8("field_overrun");
    return reader.octets(short < 255 ? short : reader.u16("field_overrun"), "field_overrun");
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError("field_overrun", "a variable-length field overruns its set", start, error.extent);
  }
}
