import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { SessionOutcome } from "../reporting/proxy_counters.ts";
import type { Session } from "../session/session.ts";
import type { Clock } from "../time/clock.ts";

/** Record of an ended session. */
export interface EndedSession {
  readonly id: string;
  readonly peer: string;
  readonly transport: TransportProtocol;
  readonly certificateName?: string;
  /** Transport and address of the collector that it went to. */
  readonly collector?: string;
  readonly openedAt: Date;
  readonly endedAt: Date;
  readonly outcome: SessionOutcome;
  readonly closing: true;
  /** Whether any of its templates was not relayed unchanged. */
  readonly skewed: boolean;
  /** Whether it was only observed. */
  readonly observed: boolean;
  readonly counters: Counters;
  /** The part that was counted while it was only observed. */
  readonly observedCounters: Counters;
  /** The other part. */
  readonly rewrittenCounters: Counters;
  /** Its first templates; {@link moreTemplates} says how many others it had. */
  templates(): readonly TemplateState[];
  readonly moreTemplates: number;
}

/** The parts of a session that are read when it ends. */
export type EndingSession = Pick<
  Session,
  | "id"
  | "peer"
  | "transport"
  | "certificateName"
  | "collector"
  | "openedAt"
  | "observed"
  | "counters"
  | "observedCounters"
  | "rewrittenCounters"
>;

/** How much is kept, and for how long. */
export interface EndedSessionsLimits {
  /** Milliseconds; an hour by default. */
  readonly age: number;
  readonly sessions: number;
  /** Octets of all that is kept, by estimate; the oldest sessions are forgotten first. */
  readonly octets: number;
}

const DEFAULT_LIMITS: EndedSessionsLimits = { age: 3_600_000, sessions: 1_000, octets: 8 * 1024 * 1024 };

/** Templates kept of a session. */
const TEMPLATES = 32;

/** Fields up to which a template's mapping is kept. */
const FIELDS = 512;

/** Octets of a session without its templates and of what it counted, with all maps of its counters empty. */
const SESSION_OCTETS = 4_096;
const NAME_OCTETS = 192;
const TEMPLATE_OCTETS = 192;
/** Of a mapping's field, on both sides. */
const FIELD_OCTETS = 256;

type Mapping = NonNullable<TemplateState["mapping"]>;

interface Kept {
  readonly session: EndedSession;
  readonly templates: readonly TemplateState[];
  readonly at: number;
  readonly octets: number;
}

/** The sessions that ended within the last hour, the newest of them if there is no room for all. */
export class EndedSessions {
  readonly #clock: Clock;
  readonly #limits: EndedSessionsLimits;
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();
  /** How many kept templates have each mapping: sessions share them. */
  readonly #mappings = new Map<Mapping, number>();
  #octets = 0;

  constructor(clock: Clock, limits: Partial<EndedSessionsLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Octets that are kept, by estimate. */
  get octets(): number {
    return this.#octets;
  }

  /** @param templates what the session had when it ended */
  add(session: EndingSession, outcome: SessionOutcome, templates: readonly TemplateState[]): void {
    const { id, peer, transport, certificateName, collector, openedAt, observed, counters } = session;
    const { observedCounters, rewrittenCounters } = session;
    const first = templates.slice(0, TEMPLATES).map(withoutLongMapping);
    const ended: EndedSession = {
      id,
      peer,
      transport,
      ...(certificateName === undefined ? {} : { certificateName }),
      ...(collector === undefined ? {} : { collector }),
      openedAt,
      endedAt: this.#clock.date(),
      outcome,
      closing: true,
      skewed: templates.some((each) => each.outcome !== "identity"),
      observed,
      counters,
      observedCounters,
      rewrittenCounters,
      templates: () => first,
      moreTemplates: templates.length - first.length,
    };
    const octets = SESSION_OCTETS + counters.names * NAME_OCTETS + first.length * TEMPLATE_OCTETS;
    this.#kept.set(id, { session: ended, templates: first, at: this.#clock.now(), octets });
    this.#octets += octets;
    for (const { mapping } of first) if (mapping !== undefined) this.#hold(mapping, 1);
    const { sessions, octets: most } = this.#limits;
    while (this.#kept.size > sessions || this.#octets > most) this.#forgetOldest();
    this.#forgetOld();
  }

  get(id: string): EndedSession | undefined {
    this.#forgetOld();
    return this.#kept.get(id)?.session;
  }

  /** The newest first. */
  all(): readonly EndedSession[] {
    this.#forgetOld();
    return [...this.#kept.values()].map(({ session }) => session).reverse();
  }

  /** Discards the lost values that are kept. */
  forgetLostValues(): void {
    for (const { session } of this.#kept.values()) {
      session.counters.forgetLostValues();
      session.observedCounters.forgetLostValues();
      session.rewrittenCounters.forgetLostValues();
    }
  }

  #forgetOld(): void {
    const before = this.#clock.now() - this.#limits.age;
    for (const { at } of this.#kept.values()) {
      if (at > before) return;
      this.#forgetOldest();
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#kept;
    if (oldest === undefined) return;
    const [id, { templates, octets }] = oldest;
    this.#kept.delete(id);
    this.#octets -= octets;
    for (const { mapping } of templates) if (mapping !== undefined) this.#hold(mapping, -1);
  }

  #hold(mapping: Mapping, times: 1 | -1): void {
    const held = this.#mappings.get(mapping) ?? 0;
    if (held + times === 0) this.#mappings.delete(mapping);
    else this.#mappings.set(mapping, held + times);
    const octets = fieldsOf(mapping) * FIELD_OCTETS;
    if (held === 0) this.#octets += octets;
    else if (held + times === 0) this.#octets -= octets;
  }
}

function fieldsOf({ source, fields }: Mapping): number {
  return source.fields.length + fields.length;
}

function withoutLongMapping(state: TemplateState): TemplateState {
  const { mapping, ...rest } = state;
  return mapping === undefined || fieldsOf(mapping) <= FIELDS ? state : rest;
}
