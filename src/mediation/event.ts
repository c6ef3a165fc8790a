import type { TemplateMapping } from "./template_mapping.ts";

/** Why data records (or sets that cannot be decoded) did not go out: the `reason` label of `records_dropped_total`. */
export const DROP_REASONS = [
  /** Data whose template this session has not announced (or has withdrawn). Counted once a set: its records cannot be told apart. */
  "unknown_template",
  /** The template cannot be decoded without an endless loop, or its fields are all of no length. */
  "template_refused",
  /** A plugin failed and the template had no good mapping before. */
  "mapping_failed",
  /** Nothing of the template is known to the collector. */
  "everything_stripped",
  /** The collector's dialect takes no options templates. */
  "options_template",
  /** One record alone is larger than a message to this collector may be. */
  "record_too_long",
  /** The session or the proxy is past its cap of templates or observation domains. */
  "limit",
  /** Set ids 0, 1 and 4 to 255 (RFC 7011 §3.3.2). Counted once a set. */
  "reserved_set",
  /** A data set without any record. Counted once a set. */
  "empty_set",
  /** The template record alone is larger than a message to this collector may be. */
  "template_too_long",
  /** The collector did not take datagrams fast enough, or is gone. */
  "collector_unavailable",
] as const;

/** One of {@link DROP_REASONS}. */
export type DropReason = (typeof DROP_REASONS)[number];

/** How a template came out. */
export type TemplateOutcome = "identity" | "rewritten" | "refused" | "replaced";

/** What a session tells while it runs; never once per record. */
export type MediationEvent =
  | {
    readonly event: "template_mapped";
    readonly observationDomain: number;
    readonly template: number;
    /** Id under which the collector gets it. */
    readonly targetTemplate: number;
    readonly outcome: "identity" | "rewritten";
    /** Another layout under this id stood here before. */
    readonly replaced: boolean;
    readonly detectedProfile?: string;
    readonly mapping: TemplateMapping;
  }
  | {
    readonly event: "template_refused";
    readonly observationDomain: number;
    readonly template: number;
    readonly reason: DropReason;
    readonly message: string;
  }
  | { readonly event: "template_withdrawn"; readonly observationDomain: number; readonly template: number }
  | {
    readonly event: "plugin_failed";
    readonly observationDomain: number;
    readonly template: number;
    readonly plugin: string;
    readonly message: string;
  }
  /** The first drop of its reason, observation domain and template in this session; later ones are only counted. */
  | {
    readonly event: "records_dropped";
    readonly observationDomain: number;
    readonly template: number;
    readonly reason: DropReason;
    readonly message: string;
  }
  /** Something tolerated that an operator may want to know: a withdrawal of an unknown template, a reserved set id. */
  | {
    readonly event: "warning";
    readonly observationDomain: number;
    readonly template?: number;
    readonly message: string;
  }
  | {
    readonly event: "sequence_gap";
    readonly observationDomain: number;
    readonly expected: number;
    readonly received: number;
  };

/** Receives a session's events, in order, synchronously. */
export type Notify = (event: MediationEvent) => void;
