import type { ReferenceScope } from "../references/reference_scope.ts";
import type { AcceptedTemplate } from "../templates/template_entry.ts";
import type { ObservationDomain } from "../templates/template_entry.ts";

/** One thing that a message gives out. Offsets count from the message's first octet. */
export type PlanItem =
  | {
    readonly kind: "announcement";
    /** 2 or 3. */
    readonly setId: number;
    /** A template record or withdrawal as it goes out. */
    readonly octets: Uint8Array;
    /** Under which the collector keeps it; a withdrawal takes the place away. */
    readonly targetId: number;
    readonly withdrawal: boolean;
    /** Which of the message's sets it stood in: those of one set stay together where the dialect allows it. */
    readonly set: number;
  }
  | {
    readonly kind: "data";
    readonly template: AcceptedTemplate;
    readonly start: number;
    readonly end: number;
    readonly records: number;
    /** Its records refer to these templates, and are mapped one by one; undefined: they go through the rewrite loop. */
    readonly scope: ReferenceScope | undefined;
  };

/** A whole message that was read without fault: what goes out of it. */
export interface MessagePlan {
  /** Octets of the message. */
  readonly length: number;
  readonly exportTime: number;
  readonly sequenceNumber: number;
  readonly observationDomain: number;
  /** Undefined while no template of the domain was ever taken. */
  readonly domain: ObservationDomain | undefined;
  readonly items: readonly PlanItem[];
  /** Data records in `items`. */
  readonly records: number;
  /** Data records that came in, as far as their template is known: those in `items` and those that are dropped. */
  readonly received: number;
  /** Sets that do not go out and whose records cannot be told apart. */
  readonly undecodable: number;
  /** Whether that is all that came: not where there was data of an unknown template. */
  readonly certain: boolean;
  /** Data was dropped: from here on, what is sent is counted. */
  readonly dropped: boolean;
  /** The message goes out as it came in, octet for octet but for its sequence number. */
  readonly relay: boolean;
  /** Octets of the largest message that can come of it. */
  readonly bound: number;
}
