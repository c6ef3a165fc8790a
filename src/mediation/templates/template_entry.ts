import type { Template } from "../../ipfix/record/template.ts";
import type { CompiledMapping } from "../program/compiled_mapping.ts";
import type { Dialect } from "../mapping/profile/dialect.ts";
import type { DropReason } from "./event.ts";
import type { PortSequences } from "../program/loop/port_sequences.ts";
import type { Sequence } from "../program/loop/sequence.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** What a session has under a template id of an observation domain: its data is sent, or dropped and counted. */
export type TemplateEntry = AcceptedTemplate | RefusedTemplate;

/** The part of an accepted template that sessions share: thousands of Agents announce the same two templates. */
export interface SharedTemplate {
  readonly mapping: TemplateMapping;
  readonly compiled: CompiledMapping;
  /** Whether records go out octet for octet under the same template id. */
  readonly identity: boolean;
  /** Whether records name templates or field positions, which change with mappings (RFC 7119 §10.2, RFC 6313). */
  readonly references: boolean;
  /** The limits of the collector's decoder. */
  readonly dialect: Dialect;
  /** Whether the target id is one of a space that sessions share. */
  readonly sharesIds: boolean;
  readonly targetId: number;
  /** The template record as the collector gets it. */
  readonly announcement: Uint8Array;
  readonly detectedProfile: string | undefined;
}

/** A template whose data is sent. */
export interface AcceptedTemplate {
  readonly kind: "accepted";
  readonly source: Template;
  readonly shared: SharedTemplate;
  /** Address of this session's counters for the template, in the rewrite loop's memory. */
  readonly counters: number;
  /** Data records sent that use the template, as far as they have been added to the session's counters. */
  records: number;
}

/** A template whose data is dropped and counted. */
export interface RefusedTemplate {
  readonly kind: "refused";
  readonly source: Template;
  readonly reason: DropReason;
  readonly message: string;
  readonly detectedProfile: string | undefined;
}

/** One observation domain of a session. */
export interface ObservationDomain {
  readonly id: number;
  readonly sequence: Sequence;
  /** Follows the sequence numbers of each port, in a session that combines several. */
  readonly ports?: PortSequences | undefined;
  readonly templates: Map<number, TemplateEntry>;
  /** Number of accepted templates by target id, where that is not their own; undefined until there is one. */
  moved: Map<number, number> | undefined;
  /** Export time of the last message, for templates that are sent again; 0 before the first. */
  exportTime: number;
}
