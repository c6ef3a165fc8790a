import type { Template } from "../../ipfix/template.ts";
import type { CompiledMapping } from "../program/compiled_mapping.ts";
import type { Dialect } from "../mapping/dialect.ts";
import type { DropReason } from "./event.ts";
import type { Sequence } from "../program/loop/sequence.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** What stands behind a template id of one observation domain of one session: data goes out by it, or is counted away. */
export type TemplateEntry = AcceptedTemplate | RefusedTemplate;

/** What is the same of a template whose data goes out in all sessions that have it: thousands of Agents have the same two. */
export interface SharedTemplate {
  readonly source: Template;
  readonly mapping: TemplateMapping;
  readonly compiled: CompiledMapping;
  /** Whether records go out octet for octet under the same template id. */
  readonly identity: boolean;
  /** Whether records name templates or field positions, which change with the mapping (RFC 7119 §10.2, RFC 6313). */
  readonly references: boolean;
  /** What the collector's decoder can take of it. */
  readonly dialect: Dialect;
  /** Whether the target id is one of a space that sessions share. */
  readonly sharesIds: boolean;
  readonly targetId: number;
  /** The template record as the collector gets it. */
  readonly announcement: Uint8Array;
  readonly detectedProfile: string | undefined;
}

/** A template whose data goes out. */
export class AcceptedTemplate implements SharedTemplate {
  readonly kind = "accepted";
  readonly #shared: SharedTemplate;
  /** Address of the route's counters in the loop's memory. */
  readonly counters: number;
  /** Data records that went through, as far as they have been folded into the session's counters. */
  records = 0;

  constructor(shared: SharedTemplate, counters: number) {
    this.#shared = shared;
    this.counters = counters;
  }

  get source(): Template {
    return this.#shared.source;
  }

  get mapping(): TemplateMapping {
    return this.#shared.mapping;
  }

  get compiled(): CompiledMapping {
    return this.#shared.compiled;
  }

  get identity(): boolean {
    return this.#shared.identity;
  }

  get references(): boolean {
    return this.#shared.references;
  }

  get dialect(): Dialect {
    return this.#shared.dialect;
  }

  get sharesIds(): boolean {
    return this.#shared.sharesIds;
  }

  get targetId(): number {
    return this.#shared.targetId;
  }

  get announcement(): Uint8Array {
    return this.#shared.announcement;
  }

  get detectedProfile(): string | undefined {
    return this.#shared.detectedProfile;
  }
}

/** A template whose data is counted away. */
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
  readonly templates: Map<number, TemplateEntry>;
  /** Of the last message read in the general way: what a replayed template carries. 0: there was none. */
  exportTime: number;
}
