import { ReferenceLateness } from "./reference_lateness.ts";
import type { ReferenceItem, ReferenceMessage } from "./reference_rewriter.ts";

/** How one observation domain's sequence numbers stand. */
interface Domain {
  readonly inclusive: boolean;
  /** Once something was dropped or split: data records sent so far, on the exporter's own count. */
  readonly sent?: number;
  /** Data records of the message with which that began. */
  readonly departed?: number;
  readonly lastSequenceNumber: number;
  readonly lastRecords: number;
  /** Whether these are all that came with the last message. */
  readonly isCertain: boolean;
  /** Over UDP. */
  readonly lateness?: ReferenceLateness;
}

/**
 * Sequence numbers by the book: the exporter's own until something is split or dropped, from there on what is really
 * sent, in the exporter's own manner. Some exporters count the message's own records in (inclusive): a first number
 * that is the first message's records says so, and then any two messages in a row of which one manner alone explains
 * the step. Messages with data that cannot be counted tell nothing.
 */
export class ReferenceSequence {
  /** Messages whose number neither manner explains. */
  gaps = 0;
  readonly #domains = new Map<number, Domain>();

  /** @param datagrams whether messages may come late: over UDP */
  constructor(readonly datagrams = false) {}

  /** Gives the items of a message that came in their places. */
  place(message: ReferenceMessage, index: number, isSplit: boolean): ReferenceItem[] {
    const { observationDomain, sequenceNumber, records } = message;
    const domain = this.#domains.get(observationDomain);
    const isLate = domain?.lateness?.note(message, domain) ?? false;
    this.gaps += domain?.lateness?.takeGaps() ?? 0;
    const inclusive = isLate ? domain?.inclusive === true : this.#isInclusive(domain, message);
    let position = sentBefore(domain, inclusive) ?? (inclusive ? sequenceNumber - records : sequenceNumber);
    const departs = domain?.sent !== undefined || message.changed || isSplit;
    const items = message.items.map(({ octets: _, ...item }): ReferenceItem => ({
      ...item,
      position: item.kind === "record" ? position++ : position,
      inclusive,
      message: index,
    }));
    if (message.inKnownDomain) {
      this.#domains.set(observationDomain, {
        inclusive,
        ...(departs ? { sent: position, departed: domain?.departed ?? records } : {}),
        lastSequenceNumber: isLate ? domain?.lastSequenceNumber ?? 0 : sequenceNumber,
        lastRecords: isLate ? domain?.lastRecords ?? 0 : records,
        isCertain: isLate ? domain?.isCertain === true : message.certain,
        ...(this.datagrams ? { lateness: domain?.lateness ?? new ReferenceLateness(message) } : {}),
      });
    }
    return items;
  }

  #isInclusive(domain: Domain | undefined, message: ReferenceMessage): boolean {
    const { sequenceNumber, records, inKnownDomain, certain } = message;
    if (domain === undefined) return inKnownDomain && certain && records > 0 && sequenceNumber === records;
    const step = (sequenceNumber - domain.lastSequenceNumber) >>> 0;
    const [exclusive, inclusive] = [step === domain.lastRecords, step === records];
    if (!exclusive && !inclusive && !this.datagrams) this.gaps++;
    // Where more came than could be counted, a step that fits does so by chance.
    if (exclusive === inclusive || !domain.isCertain || !certain) return domain.inclusive;
    return inclusive;
  }
}

/**
 * What was sent, on a count that began with the number of a message which turns out to include its own records or not.
 */
function sentBefore(domain: Domain | undefined, inclusive: boolean): number | undefined {
  if (domain?.sent === undefined || domain.inclusive === inclusive) return domain?.sent;
  return domain.sent + (inclusive ? -1 : 1) * (domain.departed ?? 0);
}
