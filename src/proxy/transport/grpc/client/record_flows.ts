import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { type InformationElement, unknownElement } from "../../../../ipfix/registry/information_element.ts";
import { decodeMessageHeader } from "../../../../ipfix/message/message_header.ts";
import { OctetReader } from "../../../../ipfix/octets/octet_reader.ts";
import { OPTIONS_TEMPLATE_SET_ID, setsOfMessage, TEMPLATE_SET_ID } from "../../../../ipfix/message/set.ts";
import { smallestRecordLength } from "../../../../ipfix/record/template.ts";
import { decodeTemplateRecords, type ResolveElement } from "../../../../ipfix/record/template_record.ts";
import { increment } from "../../../../mediation/templates/counters.ts";
import { DOMAIN, EXPORT_TIME, flowFieldAt } from "../flow/flow_fields.ts";
import type { FlowLedger } from "../flow/flow_ledger.ts";
import { readRecord, type RecordShape, recordShape } from "../flow/flow_record.ts";
import type { FlowRelease } from "../../flow_release.ts";
import { FlowValues } from "../flow/flow_values.ts";
import { writeFlow } from "../flow/flow_writer.ts";

const DOMAIN_ROW = flowFieldAt(DOMAIN);
const TIME_ROW = flowFieldAt(EXPORT_TIME);

/** A template of the session. */
interface Known {
  readonly shape: RecordShape;
  readonly smallest: number;
  /** Whether it is an options template, whose records are dropped. */
  readonly options: boolean;
}

/**
 * Flows of a request at most: they take two milliseconds to convert, after which others may have a turn. A request of
 * short records without an end would also outgrow what a collector takes.
 */
const FLOWS_PER_REQUEST = 128;

/** Shared by all connections, since no value outlives the record, and nothing of a request is left between two. */
const VALUES = new FlowValues();
const WRITER = new BinaryWriter();

/** Finds the elements of the releases by PEN and id. */
export function flowElements(releases: readonly FlowRelease[]): ResolveElement {
  const known = new Map<string, InformationElement>();
  for (const { ipv4, ipv6 } of releases) {
    for (const { element } of [...ipv4, ...ipv6]) known.set(`${element.pen}/${element.id}`, element);
  }
  return (pen, id, _length, enterpriseBit) => {
    const element = known.get(`${pen}/${id}`);
    return element?.enterpriseBit === enterpriseBit ? element : unknownElement(pen, id, enterpriseBit);
  };
}

/** Converts the messages of one transport session to the collector to requests. */
export class RecordFlows {
  readonly #resolve: ResolveElement;
  readonly #ledger: FlowLedger;
  /** Templates by observation domain × 65536 + template id. */
  readonly #templates = new Map<number, Known>();
  /** Flows of the request that is being written. */
  #flows = 0;

  constructor(resolve: ResolveElement, ledger: FlowLedger) {
    this.#resolve = resolve;
    this.#ledger = ledger;
  }

  /** Converts whole messages to requests of at most {@link FLOWS_PER_REQUEST} flows each, in order. */
  *requests(messages: Uint8Array): Generator<Uint8Array> {
    this.#flows = 0;
    try {
      for (let start = 0; start < messages.length;) start = yield* this.#message(messages, start);
    } catch (error) {
      WRITER.finish();
      throw error;
    }
    if (this.#flows > 0) yield WRITER.finish();
  }

  *#message(octets: Uint8Array, start: number): Generator<Uint8Array, number> {
    const { length, exportTime, observationDomainId: domain } = decodeMessageHeader(octets, start);
    const end = start + length;
    for (const { id, contentOffset, end: setEnd } of setsOfMessage(octets, start, end)) {
      if (id === TEMPLATE_SET_ID || id === OPTIONS_TEMPLATE_SET_ID) {
        this.#learn(new OctetReader(octets, contentOffset, setEnd), id === OPTIONS_TEMPLATE_SET_ID, domain);
      } else yield* this.#data(octets, contentOffset, setEnd, domain, exportTime, id);
    }
    return end;
  }

  #learn(reader: OctetReader, options: boolean, domain: number): void {
    for (const record of decodeTemplateRecords(reader, options ? "options-template" : "template", this.#resolve)) {
      if (record.kind === "withdrawal") this.#withdraw(domain, record.id);
      else {
        const { template } = record;
        const known = { shape: recordShape(template), smallest: smallestRecordLength(template), options };
        this.#templates.set(domain * 65536 + template.id, known);
      }
    }
  }

  /** Ids 2 and 3 withdraw all templates of their kind (RFC 7011 §8.1). */
  #withdraw(domain: number, id: number): void {
    if (id !== TEMPLATE_SET_ID && id !== OPTIONS_TEMPLATE_SET_ID) {
      this.#templates.delete(domain * 65536 + id);
      return;
    }
    for (const [key, { options }] of this.#templates) {
      const isKind = options === (id === OPTIONS_TEMPLATE_SET_ID);
      if (isKind && Math.floor(key / 65536) === domain) this.#templates.delete(key);
    }
  }

  *#data(
    octets: Uint8Array,
    start: number,
    end: number,
    domain: number,
    exportTime: number,
    id: number,
  ): Generator<Uint8Array, void> {
    const known = this.#templates.get(domain * 65536 + id);
    const { counters } = this.#ledger;
    if (known === undefined || known.options || known.smallest === 0) {
      const reason = known?.options === true ? "options_template" : "unknown_template";
      if (counters !== undefined) increment(counters.recordsDropped, reason);
      return;
    }
    for (let at = start; end - at >= known.smallest;) {
      at = readRecord(known.shape, octets, at, end, VALUES, this.#ledger);
      VALUES.setNumber(DOMAIN_ROW, domain);
      VALUES.setNumber(TIME_ROW, exportTime);
      writeFlow(WRITER, VALUES, this.#ledger);
      if (++this.#flows < FLOWS_PER_REQUEST) continue;
      this.#flows = 0;
      yield WRITER.finish();
    }
  }
}
