import type { DropReason } from "../templates/event.ts";
import type { AcceptedTemplate, TemplateEntry } from "../templates/template_entry.ts";

/** The templates of one observation domain as they stood when a data set came in: what its records refer to. */
export interface ReferenceScope {
  readonly templates: ReadonlyMap<number, TemplateEntry>;
}

/** Why a reference could not be put right in every respect. The words are the `fault` label of `reference_faults_total`. */
export const REFERENCE_FAULTS = [
  /** A template that this session has not announced. */
  "unknown_template",
  /** A template that the collector does not get. */
  "refused_template",
  /** A list that is none by RFC 6313. */
  "malformed_list",
  /** A list in lists, deeper than they are followed. */
  "deep_list",
  /** A flow key that moved to where the flowKeyIndicator has no bit. */
  "flow_key",
] as const;

/** One of {@link REFERENCE_FAULTS}. */
export type ReferenceFault = (typeof REFERENCE_FAULTS)[number];

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

/** Thrown to end the mapping of a record that cannot go out. No Error: a stack for each of thousands of records takes too long. */
export class Unmappable {
  constructor(readonly reason: DropReason, readonly message: string) {}
}
