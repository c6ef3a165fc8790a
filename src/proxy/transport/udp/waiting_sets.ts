import { MESSAGE_HEADER_LENGTH, observationDomainOf } from "../../../ipfix/message/message_header.ts";
import { u16At } from "../../../ipfix/octets/network_order.ts";
import { isTemplateSet, scanTemplateSet, templateKey } from "./datagram_scan.ts";

/** Octets of something that waits, over all sources, and their limit. */
export interface OctetBudget {
  octets: number;
  readonly limit: number;
}

/** A data set that waits for its template, as a message of its own under the header that it came with. */
interface WaitingSet {
  readonly template: number;
  /** Larger for one that came later. */
  readonly order: number;
  readonly message: Uint8Array;
  readonly until: number;
  /** That the message came from. */
  readonly port: number;
}

/** Passes a message on, with the port that it came from. */
export type Deliver = (message: Uint8Array, port: number) => void;

/**
 * The data sets of one source that arrived before their template: datagrams overtake each other on the network (RFC
 * 7011 §8). Only these sets wait, in their order; templates and other sets of the same message go on at once.
 */
export class WaitingSets {
  /**
   * By template, in their order. One datagram may have thousands of template sets, each of which has to find what waits
   * for it.
   */
  readonly #waiting = new Map<number, WaitingSet[]>();
  #length = 0;
  #order = 0;
  #octets = 0;

  /**
   * @param limit octets that one source may have waiting
   * @param shared octets that all sources have waiting
   */
  constructor(readonly limit: number, readonly shared: OctetBudget) {}

  /** How many sets wait. */
  get length(): number {
    return this.#length;
  }

  /**
   * Splits a message: delivers what can go, in order, and keeps the sets at these offsets. A waiting set goes out right
   * behind its template. A set that finds no room is delivered too, for the rewriter to count as dropped.
   *
   * @param missing offsets of the data sets whose template is not known where they stand
   * @param until when the sets of this message have waited long enough
   */
  split(message: Uint8Array, missing: readonly number[], until: number, deliver: Deliver, port = 0): void {
    const domain = observationDomainOf(message);
    const unknown = new Set(missing);
    let from = MESSAGE_HEADER_LENGTH;
    const flush = (to: number) => {
      if (to > from) deliver(excerpt(message, from, to), port);
    };
    for (let start = MESSAGE_HEADER_LENGTH; start < message.length;) {
      const end = start + (start + 4 <= message.length ? u16At(message, start + 2) : 0);
      // The rewriter refuses a message with a broken set; a length of 0 would never end here.
      if (end < start + 4 || end > message.length) break;
      if (isTemplateSet(u16At(message, start))) {
        const defined = new Set<number>();
        scanTemplateSet(message, start, end, domain, defined);
        const ready = [...defined].filter((template) => this.#waiting.has(template));
        if (ready.length > 0) {
          flush(end);
          from = end;
          this.#take(ready, () => true, deliver);
        }
      } else if (unknown.has(start)) {
        const waits = {
          template: templateKey(domain, u16At(message, start)),
          order: this.#order++,
          message: excerpt(message, start, end),
          until,
          port,
        };
        if (this.#hasRoom(waits.message)) {
          flush(start);
          from = end;
          this.#keep(waits);
        }
      }
      start = end;
    }
    flush(message.length);
  }

  /** Delivers the sets that have waited long enough. */
  expire(now: number, deliver: Deliver): void {
    if (this.#length > 0) this.#take([...this.#waiting.keys()], ({ until }) => until <= now, deliver);
  }

  /** Whether a set has waited long enough. */
  isDue(now: number): boolean {
    return this.#waiting.values().some(([first]) => first !== undefined && first.until <= now);
  }

  /** @returns how many sets were waiting, all of which are gone */
  clear(): number {
    const { length } = this;
    this.#take([...this.#waiting.keys()], () => true, () => {});
    return length;
  }

  /** Removes those of these templates that are ready before the first is delivered, which may close the source. */
  #take(templates: readonly number[], isReady: (set: WaitingSet) => boolean, deliver: Deliver): void {
    const ready: WaitingSet[] = [];
    for (const template of templates) {
      const sets = this.#waiting.get(template) ?? [];
      this.#waiting.delete(template);
      for (const set of sets) {
        this.#count(set, -1);
        if (isReady(set)) ready.push(set);
        else this.#keep(set);
      }
    }
    for (const { message, port } of ready.sort((one, other) => one.order - other.order)) deliver(message, port);
  }

  #keep(set: WaitingSet): void {
    const sets = this.#waiting.get(set.template);
    if (sets === undefined) this.#waiting.set(set.template, [set]);
    else sets.push(set);
    this.#count(set, 1);
  }

  #count({ message: { length } }: WaitingSet, change: 1 | -1): void {
    this.#length += change;
    this.#octets += change * length;
    this.shared.octets += change * length;
  }

  #hasRoom({ length }: Uint8Array): boolean {
    return this.#octets + length <= this.limit && this.shared.octets + length <= this.shared.limit;
  }
}

/** The message's header with only the sets between two offsets. */
function excerpt(message: Uint8Array, start: number, end: number): Uint8Array {
  const length = MESSAGE_HEADER_LENGTH + end - start;
  const octets = new Uint8Array(length);
  octets.set(message.subarray(0, MESSAGE_HEADER_LENGTH));
  octets.set(message.subarray(start, end), MESSAGE_HEADER_LENGTH);
  octets[2] = length >>> 8;
  octets[3] = length & 0xff;
  return octets;
}
