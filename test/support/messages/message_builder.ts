import { concatenate } from "../../../src/ipfix/octets/concatenate.ts";
import { encodeDataRecord } from "../../../src/ipfix/record/data_record.ts";
import {
  IPFIX_VERSION,
  MESSAGE_HEADER_LENGTH,
  type MessageHeader,
  writeMessageHeader,
} from "../../../src/ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH, writeSetHeader } from "../../../src/ipfix/message/set.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";
import {
  encodeTemplateRecord,
  encodeWithdrawal,
  setIdOfKind,
  type TemplateKind,
} from "../../../src/ipfix/record/template_record.ts";
import type { Value } from "../../../src/ipfix/types/value.ts";
import type { LengthForm } from "../../../src/ipfix/record/variable_length.ts";

/** A template record that says something else than its template: for tests of those who read it. */
export interface FalseTemplate {
  readonly template: Template;
  /** Instead of the template's id. */
  readonly id?: number;
  /** Instead of the number of fields, which all stand behind it nevertheless. */
  readonly fieldCount?: number;
  /** Instead of the scope field count; only where the template has scope fields, for else there is no place for it. */
  readonly scopeFieldCount?: number;
}

/** What can stand in a template set: a template, a withdrawal by id, a false template, or octets as they are. */
export type TemplateSetRecord = Template | { readonly withdraw: number } | FalseTemplate | Uint8Array;

/** What stands after the records of a set, and what its header says. */
export interface SetOptions {
  /** So many zero octets, or these. */
  readonly padding?: number | Uint8Array;
  /** Instead of the octets of the whole set. */
  readonly length?: number;
}

/** As {@link SetOptions}, for data sets. */
export interface DataSetOptions extends SetOptions {
  /** How variable lengths are written in records given as values. */
  readonly lengthForm?: LengthForm;
}

/**
 * Puts together one message, right in everything that is not asked to be wrong. Every call gives a new builder: a
 * common beginning can be gone on with more than once.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { setsOfMessage } from "../../../src/ipfix/message/set.ts";
 *
 * const element = { pen: 0, id: 4, name: "protocolIdentifier", type: "unsigned8", length: 1, known: true, enterpriseBit: false } as const;
 * const template = { id: 256, fields: [{ element, length: 1 }], scopeFieldCount: 0 };
 *
 * const builder = new MessageBuilder({ observationDomainId: 7 })
 *   .templateSet([template])
 *   .dataSet(template, [[6], [17]], { padding: 2 });
 * const message = builder.build();
 * assert.deepEqual(setsOfMessage(message, 0, message.length).map(({ id, length }) => [id, length]), [[2, 8], [256, 4]]);
 *
 * // The same with lies: a set that says to be longer than its message, and a message of version 9.
 * const overrun = builder.dataSet(template, [[1]], { length: 99 }).build();
 * assert.throws(() => setsOfMessage(overrun, 0, overrun.length), { reason: "set_overrun" });
 * assert.equal(builder.header({ version: 9 }).build()[1], 9);
 * ```
 */
export class MessageBuilder {
  readonly #header: Partial<MessageHeader>;
  readonly #parts: readonly Uint8Array[];

  /**
   * @param header what the header says; else version 10, the true length, export time 1700000000, sequence number 0,
   * domain 1
   */
  constructor(header: Partial<MessageHeader> = {}, parts: readonly Uint8Array[] = []) {
    this.#header = header;
    this.#parts = parts;
  }

  /** Says this in the header, instead of what it would say, right or wrong. */
  header(header: Partial<MessageHeader>): MessageBuilder {
    return new MessageBuilder({ ...this.#header, ...header }, this.#parts);
  }

  /**
   * Adds a template set (RFC 7011 §3.4.1).
   *
   * @throws RangeError for a template with scope fields, and for what no record can say (make it false instead)
   */
  templateSet(records: readonly TemplateSetRecord[], options?: SetOptions): MessageBuilder {
    return this.#templates("template", records, options);
  }

  /**
   * Adds an options template set (RFC 7011 §3.4.2).
   *
   * @throws RangeError for a template without scope fields, and for what no record can say (make it false instead)
   */
  optionsTemplateSet(records: readonly TemplateSetRecord[], options?: SetOptions): MessageBuilder {
    return this.#templates("options-template", records, options);
  }

  /**
   * Adds a data set under the template's id.
   *
   * @param records each as one value a field, or as octets
   * @throws RangeError for values that the template's fields cannot hold
   */
  dataSet(
    template: Template,
    records: readonly (readonly Value[] | Uint8Array)[],
    options: DataSetOptions = {},
  ): MessageBuilder {
    const contents = records.map((record) =>
      record instanceof Uint8Array ? record : encodeDataRecord(template, record, options.lengthForm)
    );
    return this.set(template.id, concatenate(contents), options);
  }

  /** Adds a set of any id and content. */
  set(id: number, content: Uint8Array, { padding = 0, length }: SetOptions = {}): MessageBuilder {
    const header = new Uint8Array(SET_HEADER_LENGTH);
    const end = typeof padding === "number" ? new Uint8Array(padding) : padding;
    const set = concatenate([header, content, end]);
    writeSetHeader(set, 0, id, checkedLength(`set ${id}`, length, set.length));
    return this.octets(set);
  }

  /** Adds octets that are no set. */
  octets(octets: Uint8Array): MessageBuilder {
    return new MessageBuilder(this.#header, [...this.#parts, octets]);
  }

  /**
   * The message's octets.
   *
   * @throws RangeError where they are more than 65535 and the header is not told to say another length
   */
  build(): Uint8Array {
    const message = concatenate([new Uint8Array(MESSAGE_HEADER_LENGTH), ...this.#parts]);
    const { version = IPFIX_VERSION, exportTime = 1_700_000_000, sequenceNumber = 0 } = this.#header;
    const length = checkedLength("message", this.#header.length, message.length);
    const observationDomainId = this.#header.observationDomainId ?? 1;
    writeMessageHeader(message, 0, { version, length, exportTime, sequenceNumber, observationDomainId });
    return message;
  }

  #templates(kind: TemplateKind, records: readonly TemplateSetRecord[], options?: SetOptions): MessageBuilder {
    return this.set(setIdOfKind(kind), concatenate(records.map((record) => templateOctets(kind, record))), options);
  }
}

function templateOctets(kind: TemplateKind, record: TemplateSetRecord): Uint8Array {
  if (record instanceof Uint8Array) return record;
  if ("withdraw" in record) return encodeWithdrawal(record.withdraw, kind);
  const said: FalseTemplate = "template" in record ? record : { template: record };
  const { template } = said;
  if ((template.scopeFieldCount > 0) !== (kind === "options-template")) {
    throw new RangeError(`template ${template.id} with ${template.scopeFieldCount} scope fields is no ${kind}`);
  }
  const octets = encodeTemplateRecord(template);
  const view = new DataView(octets.buffer);
  if (said.id !== undefined) view.setUint16(0, said.id);
  if (said.fieldCount !== undefined) view.setUint16(2, said.fieldCount);
  if (said.scopeFieldCount !== undefined) {
    if (kind === "template") throw new RangeError(`template ${template.id} has no place for a scope field count`);
    view.setUint16(4, said.scopeFieldCount);
  }
  return octets;
}

/** A length that is told is taken as it is; a true one must fit. */
function checkedLength(what: string, told: number | undefined, length: number): number {
  if (told === undefined && length > 65535) throw new RangeError(`${what} has ${length} octets (allowed: 65535)`);
  return told ?? length;
}
