import type { DropReason, ReferenceFault } from "../templates/event.ts";
import type { AcceptedTemplate, TemplateEntry } from "../templates/template_entry.ts";

/** The templates of one observation domain as they stood when a data set came in: what its records refer to. */
export interface ReferenceScope {
  readonly templates: ReadonlyMap<number, TemplateEntry>;
}

/** One fault in one record. */
export interface FoundFault {
  readonly fault: ReferenceFault;
  readonly message: string;
  /** Address of the first octet of the value, in the loop's memory. */
  readonly at: number;
  /** The element whose value says less than it did. */
  readonly lost?: string;
}

/** A record that is ready to go out. */
export interface MappedRecord {
  readonly octets: Uint8Array;
  readonly faults: readonly FoundFault[];
  /** The records that it was made of, itself first, to be counted by their templates: addresses of their first octets and ends. */
  readonly ledger: readonly { readonly template: AcceptedTemplate; readonly from: number; readonly end: number }[];
}

/** What holds while one record is mapped, and what is found on the way. */
export interface RecordContext {
  readonly scope: ReferenceScope;
  readonly faults: FoundFault[];
  readonly ledger: MappedRecord["ledger"][number][];
}

/** The record that a value stands in. */
export interface ValueContext extends RecordContext {
  readonly holder: AcceptedTemplate;
  /** Id that the record's first templateId names; undefined: it has none. */
  readonly named: number | undefined;
  /** Name of the element. */
  readonly element: string;
}

/** Thrown to end the mapping of a record that cannot go out. No Error: a stack for each of thousands of records takes too long. */
export class Unmappable {
  constructor(readonly reason: DropReason, readonly message: string) {}
}
