import type { DropReason, ReferenceFault } from "../templates/event.ts";
import type { AcceptedTemplate, TemplateEntry } from "../templates/template_entry.ts";

/** The templates that a data set's records can refer to: those of its observation domain at the time it arrived. */
export interface ReferenceScope {
  readonly templates: ReadonlyMap<number, TemplateEntry>;
}

/** A fault found in a record. */
export interface FoundFault {
  readonly fault: ReferenceFault;
  readonly message: string;
  /** Address of the value's first octet in the loop's memory. */
  readonly at: number;
  /** The element whose value lost information. */
  readonly lost?: string;
}

/** A mapped record, ready to be sent. */
export interface MappedRecord {
  readonly octets: Uint8Array;
  readonly faults: readonly FoundFault[];
  /**
   * The source records that it was made of, starting with itself, to be counted under their templates: addresses of
   * their first octets and ends.
   */
  readonly ledger: readonly { readonly template: AcceptedTemplate; readonly from: number; readonly end: number }[];
}

/** Inputs that stay constant while one record is mapped, and the faults found on the way. */
export interface RecordContext {
  readonly scope: ReferenceScope;
  readonly faults: FoundFault[];
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
