import type { ReferenceScope } from "../../references/reference_scope.ts";
import type { AcceptedTemplate } from "../../templates/template_entry.ts";
import type { ObservationDomain } from "../../templates/template_entry.ts";

/** One item of a message's output. Offsets are relative to the message's first octet. */
export type PlanItem =
  | {
    readonly kind: "announcement";
    /** 2 (template set) or 3 (options template set), RFC 7011 §3.3.2. */
    readonly setId: number;
    /** Outgoing template record or withdrawal. */
    readonly octets: Uint8Array;
    /** Id under which the collector stores the template; a withdrawal frees it. */
    readonly targetId: number;
    readonly withdrawal: boolean;
    /** Index of the set in the source message: items of one set stay together where the dialect allows it. */
    readonly set: number;
  }
  | {
    readonly kind: "data";
    readonly template: AcceptedTemplate;
    readonly start: number;
    readonly end: number;
    readonly records: number;
    /**
     * The templates that the records refer to, which are then mapped one at a time; undefined: the rewrite loop handles
     * them.
     */
    readonly scope: ReferenceScope | undefined;
  };

/** The output of one whole message that was read without error. */
export interface MessagePlan {
  /** Length of the message in octets. */
  readonly length: number;
  readonly exportTime: number;
  readonly sequenceNumber: number;
  readonly observationDomain: number;
  /** Undefined until a template of the domain has been accepted. */
  readonly domain: ObservationDomain | undefined;
  readonly items: readonly PlanItem[];
  /** Data records in `items`. */
  readonly records: number;
  /** Data records received whose template is known: those in `items` and those dropped. */
  readonly received: number;
  /** Dropped sets whose records cannot be told apart. */
  readonly undecodable: number;
  /** Whether `received` covers everything that arrived; false if there was data of an unknown template. */
  readonly certain: boolean;
  /** Whether data was dropped: from then on, sequence numbers count what is actually sent. */
  readonly dropped: boolean;
  /** Whether the message goes out unchanged except for its sequence number. */
  readonly relay: boolean;
  /** Maximum length in octets of any message that can result. */
  readonly bound: number;
}
