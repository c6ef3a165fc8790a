import { IPFIX_VERSION, MESSAGE_HEADER_LENGTH, writeMessageHeader } from "../../../../ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH, writeSetHeader } from "../../../../ipfix/message/set.ts";
import { increment } from "../../../../mediation/templates/counters.ts";
import { isIPv4Mapped } from "../../../../ipfix/types/address.ts";
import { DOMAIN, EXPORT_TIME, flowFieldAt, IP_VERSION } from "../flow/flow_fields.ts";
import type { FlowLedger } from "../flow/flow_ledger.ts";
import { FlowReader } from "../flow/flow_reader.ts";
import { writeRecord } from "../flow/flow_record.ts";
import { type CompiledRelease, type FlowReleases, IPV4_TEMPLATE, IPV6_TEMPLATE } from "./flow_releases.ts";
import { FlowValues } from "../flow/flow_values.ts";

const LONGEST_MESSAGE = 65535;
/**
 * Maximum number of observation domains of a stream. Beyond it, the oldest is forgotten, and announced again if it
 * returns.
 */
const DOMAINS = 256;
/** Maximum length of the messages for one flow: those of the templates and its own. */
export const LONGEST_MESSAGES: number = 2 * LONGEST_MESSAGE;

const DOMAIN_ROW = flowFieldAt(DOMAIN);
const TIME_ROW = flowFieldAt(EXPORT_TIME);
const VERSION_ROW = flowFieldAt(IP_VERSION);
const SOURCE_ROW = flowFieldAt("ip.source");

/** The state of one observation domain in one stream. */
interface DomainState {
  release: CompiledRelease;
  /** Number of data records sent. */
  sequence: number;
}

/** Shared by all streams, since no value outlives the flow. */
const VALUES = new FlowValues();

/**
 * Converts the requests of one stream to the messages that the same exporter would have sent over IPFIX: the templates
 * of its release, then a message for each flow.
 */
export class FlowMessages {
  readonly #releases: FlowReleases;
  readonly #ledger: FlowLedger;
  /** Returns the time in seconds since 1970, for flows without an export time. */
  readonly #time: () => number;
  readonly #domains = new Map<number, DomainState>();
  #release: CompiledRelease | undefined;
  #reader: FlowReader | undefined;
  /** Fields that the last call of {@link next} has read, which say how much work it was. */
  fieldsRead = 0;

  constructor(releases: FlowReleases, ledger: FlowLedger, time: () => number) {
    this.#releases = releases;
    this.#ledger = ledger;
    this.#time = time;
  }

  /** Starts a request, once {@link next} has returned 0 for the previous one. */
  begin(request: Uint8Array): void {
    this.#reader = new FlowReader(request);
  }

  /**
   * Writes the messages for the next flow to the start of the target, which has room for {@link LONGEST_MESSAGES}.
   *
   * @returns the number of octets, 0 if the request has no more flows
   * @throws DecodeError `request_malformed`; neither that flow nor any after it is written
   */
  next(target: Uint8Array): number {
    this.fieldsRead = 0;
    const reader = this.#reader;
    while (reader?.next(VALUES, this.#ledger) === true) {
      this.fieldsRead += reader.fields;
      const octets = this.#write(target);
      if (octets > 0) return octets;
    }
    this.fieldsRead += reader?.fields ?? 0;
    this.#reader = undefined;
    return 0;
  }

  #write(target: Uint8Array): number {
    const domain = VALUES.number(DOMAIN_ROW) >>> 0;
    const exportTime = VALUES.isSet(TIME_ROW) ? VALUES.number(TIME_ROW) >>> 0 : this.#time();
    const release = this.#release = this.#releases.detect(VALUES, this.#release);
    const known = this.#domains.get(domain);
    const start = known?.release === release ? 0 : announce(release, target, {
      exportTime,
      sequenceNumber: known?.sequence ?? 0,
      observationDomainId: domain,
    });
    const state = known ?? this.#remember(domain, release);
    state.release = release;
    const isIPv6 = hasIPv6();
    const set = start + MESSAGE_HEADER_LENGTH;
    const shape = isIPv6 ? release.ipv6 : release.ipv4;
    const room = target.subarray(0, start + LONGEST_MESSAGE);
    const end = writeRecord(shape, VALUES, room, set + SET_HEADER_LENGTH, this.#ledger);
    if (end < 0) {
      this.#drop();
      return start;
    }
    writeSetHeader(target, set, isIPv6 ? IPV6_TEMPLATE : IPV4_TEMPLATE, end - set);
    writeMessageHeader(target, start, {
      version: IPFIX_VERSION,
      length: end - start,
      exportTime,
      sequenceNumber: state.sequence,
      observationDomainId: domain,
    });
    state.sequence = (state.sequence + 1) >>> 0;
    return end;
  }

  #remember(domain: number, release: CompiledRelease): DomainState {
    if (this.#domains.size >= DOMAINS) {
      for (const oldest of this.#domains.keys()) {
        this.#domains.delete(oldest);
        break;
      }
    }
    const state = { release, sequence: 0 };
    this.#domains.set(domain, state);
    return state;
  }

  /** Counts a flow that does not fit a message. */
  #drop(): void {
    const { counters } = this.#ledger;
    if (counters === undefined) return;
    counters.recordsReceived++;
    increment(counters.recordsDropped, "record_too_long");
  }
}

/** Whether the flow is IPv6, according to its version or else its source address. */
function hasIPv6(): boolean {
  const version = VALUES.number(VERSION_ROW);
  if (version === 4 || version === 6) return version === 6;
  const start = VALUES.start(SOURCE_ROW);
  return VALUES.length(SOURCE_ROW) === 16 && !isIPv4Mapped(VALUES.octets.subarray(start, start + 16));
}

/** Writes a message for each template. */
function announce(
  { templateSets }: CompiledRelease,
  target: Uint8Array,
  header: { readonly exportTime: number; readonly sequenceNumber: number; readonly observationDomainId: number },
): number {
  let end = 0;
  for (const set of templateSets) {
    const length = MESSAGE_HEADER_LENGTH + set.length;
    writeMessageHeader(target, end, { version: IPFIX_VERSION, length, ...header });
    target.set(set, end + MESSAGE_HEADER_LENGTH);
    end += length;
  }
  return end;
}
