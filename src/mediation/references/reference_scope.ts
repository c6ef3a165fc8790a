import type { DropReason, ReferenceFault } from "../templates/event.ts";
import type { AcceptedTemplate, TemplateEntry } from "../templates/template_entry.ts";

/** The templates that a data set's records can refer to: those of its observation domain at the time it arrived. */
export interface ReferenceScope {
  readonly templates: Pick<ReadonlyMap<number, TemplateEntry>, "get">;
}

/** What was found of one kind of fault in a record: how often, and the first of them. */
export interface FoundFault {
  readonly fault: ReferenceFault;
  count: number;
  readonly message: string;
  /** Address of the value's first octet in the loop's memory. */
  readonly at: number;
}

/** The faults found in a record: it may have 65,000, so only the first of each kind is kept. */
export class FoundFaults {
  readonly kinds: FoundFault[] = [];
  /** The elements whose values lost information; undefined: none did. */
  lost: Set<string> | undefined;

  /** @param lost the element whose value lost information by it, if any */
  note(fault: ReferenceFault, at: number, lost: string | undefined, message: () => string): void {
    const known = this.kinds.find((kind) => kind.fault === fault);
    if (known !== undefined) known.count++;
    else this.kinds.push({ fault, count: 1, message: message(), at });
    if (lost !== undefined) (this.lost ??= new Set()).add(lost);
  }
}

/** A mapped record, ready to be sent. */
export interface MappedRecord {
  readonly octets: Uint8Array;
  readonly faults: FoundFaults;
  /**
   * The source records that it was made of, starting with itself, to be counted under their templates: addresses of the
   * first octet and the end of consecutive records of one template.
   */
  readonly ledger: readonly { readonly template: AcceptedTemplate; readonly from: number; readonly end: number }[];
}

/** Inputs that stay constant while one record is mapped, and the faults found on the way. */
export interface RecordContext {
  readonly scope: ReferenceScope;
  readonly faults: FoundFaults;
  readonly ledger: MappedRecord["ledger"][number][];
}

/** The record that contains a value. */
export interface ValueContext extends RecordContext {
  readonly holder: AcceptedTemplate;
  /** Id named by the record's first templateId; undefined if there is none. */
  readonly named: number | undefined;
  /** Name of the element. */
  readonly element: string;
}

/**
 * Thrown to stop mapping a record that cannot be sent. Not an Error, because capturing a stack for each of thousands of
 * records is too slow.
 */
export class Unmappable {
  constructor(readonly reason: DropReason, readonly message: string) {}
}
