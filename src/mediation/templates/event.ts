import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** Why data did not go out: the `reason` label of `records_dropped_total`, and of every event and log line about it. */
export const DROP_REASONS = [
  "unknown_template",
  "template_refused",
  "mapping_failed",
  "everything_stripped",
  "options_template",
  "template_too_long",
  "record_too_long",
  "fixed_length_list",
  "limit",
  "reserved_set",
  "template_changes",
  "collector_unavailable",
] as const;

/** One of {@link DROP_REASONS}. */
export type DropReason = (typeof DROP_REASONS)[number];

/** What each reason means, for the documentation of metrics. Data records are counted unless it says otherwise. */
export const DROP_REASON_MEANINGS: Readonly<Record<DropReason, string>> = {
  unknown_template:
    "The session has not announced the data's template, or has withdrawn it; counted once a set, as its records cannot be told apart.",
  template_refused: "No record of the template has any octets, so that no set of them would end; counted once a set.",
  mapping_failed:
    "A plugin failed at the template, or its mapping cannot be carried out; or the session ended before a plugin had answered, which counts once a message.",
  everything_stripped: "The collector knows nothing, or no scope, of what the template holds.",
  options_template: "The collector's dialect takes no options templates, nor their data.",
  template_too_long: "The template record alone is longer than a message to this collector may be.",
  record_too_long: "The data record alone is longer than a message to this collector may be.",
  fixed_length_list: "A list (RFC 6313) in a field of fixed length no longer fills it once its records are rewritten.",
  limit: "A cap on templates or observation domains, the template ids or the memory for templates are used up.",
  reserved_set: "The set's id is 0, 1 or 4 to 255 (RFC 7011 §3.3.2); counted once a set.",
  template_changes:
    "The exporter changes templates faster than allowed: datagrams that came while it waited found no room, or the session ended before their turn came. Counted once a datagram or message.",
  collector_unavailable:
    "The collector did not take data fast enough, or is gone. Counted once a datagram where an exporter over UDP sent more than may wait.",
};

/** Why a reference could not be fully corrected: the `fault` label of `reference_faults_total`. */
export const REFERENCE_FAULTS = [
  /** A template that this session has not announced. */
  "unknown_template",
  /** A template that is not sent to the collector. */
  "refused_template",
  /** A list that is malformed by RFC 6313. */
  "malformed_list",
  /** A list nested more deeply than the proxy follows. */
  "deep_list",
  /** A flow key that moved to a position for which flowKeyIndicator has no bit. */
  "flow_key",
] as const;

/** One of {@link REFERENCE_FAULTS}. */
export type ReferenceFault = (typeof REFERENCE_FAULTS)[number];

export const TEMPLATE_OUTCOMES = ["identity", "rewritten", "refused", "replaced"] as const;

/**
 * What became of a template. `identity`: its records are sent unchanged; `rewritten`; `refused`: they are dropped;
 * `replaced`: another layout took its id (counted in addition to that layout's own outcome).
 */
export type TemplateOutcome = typeof TEMPLATE_OUTCOMES[number];

/** An event of a session; never one per record. */
export type MediationEvent =
  | {
    readonly event: "template_mapped";
    readonly observationDomain: number;
    readonly template: number;
    /** Its id towards the collector. */
    readonly targetTemplate: number;
    readonly outcome: "identity" | "rewritten";
    /** Whether it replaces another layout under this id. */
    readonly replaced: boolean;
    /** Whether a reloaded configuration, not the exporter, changed the mapping. */
    readonly remapped?: true;
    /** Whether another collector, or another expected profile, changed the mapping. */
    readonly renewed?: true;
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
  /** A tolerated anomaly, such as a withdrawal of an unknown template or a reserved set id. */
  | {
    readonly event: "warning";
    readonly observationDomain: number;
    readonly template?: number;
    readonly message: string;
  }
  /** Another session has this id with another layout, and nothing says that the collector keeps sessions apart. */
  | {
    readonly event: "template_collision";
    readonly observationDomain: number;
    readonly template: number;
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
