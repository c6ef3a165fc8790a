import type { ReferenceItem, ReferenceMessage } from "./reference_rewriter.ts";

/** How one observation domain's sequence numbers stand. */
interface Domain {
  /** Undefined until the exporter's numbers tell. */
  inclusive?: boolean;
  /** Once something was dropped (what is only split keeps the exporter's count): data records sent so far, on the exporter's own count. */
  sent?: number;
  lastSequenceNumber: number;
  lastRecords: number;
}

/**
 * Sequence numbers by the book: the exporter's own until something is split or dropped, from there on what is really sent, in the
 * exporter's own manner. Some exporters count the message's own records in (inclusive), which two messages in a row give away.
 */
export class ReferenceSequence {
  readonly #domains = new Map<number, Domain>();

  /** Gives the message's items their places. */
  place(message: ReferenceMessage, changed: boolean): ReferenceItem[] {
    const { observationDomain, sequenceNumber, records } = message;
    const domain = this.#domains.get(observationDomain);
    const inclusive = domain === undefined ? undefined : domain.inclusive ?? mannerOf(domain, sequenceNumber, records);
    const own = inclusive === true ? sequenceNumber - records : sequenceNumber;
    let position = domain?.sent ?? own;
    const items = message.items.map(({ octets: _, ...item }): ReferenceItem => ({
      ...item,
      position: item.kind === "record" ? position++ : position,
      inclusive: inclusive === true,
    }));
    this.#domains.set(observationDomain, {
      ...(inclusive === undefined ? {} : { inclusive }),
      ...(domain?.sent !== undefined || changed ? { sent: position } : {}),
      lastSequenceNumber: sequenceNumber,
      lastRecords: records,
    });
    return items;
  }
}

function mannerOf(
  { lastSequenceNumber, lastRecords }: Domain,
  sequenceNumber: number,
  records: number,
): boolean | undefined {
  const step = (sequenceNumber - lastSequenceNumber) >>> 0;
  if (records === lastRecords) return undefined;
  if (step === lastRecords) return false;
  return step === records ? true : undefined;
}
