import { usesTls } from "../../ipfix/message/transport_protocol.ts";
import type { CollectorFacts, TemplateState } from "../../mediation/session/session_rewriter.ts";
import { CollectorLink, type CollectorLinkOptions } from "../collector/collector_link.ts";
import type { Collectors } from "../collectors.ts";
import type { CurrentCollector } from "../current_collector.ts";
import type { FirstTemplate } from "../../mediation/mapping/chain/treatment.ts";
import type { MediationEvent } from "../../mediation/templates/event.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { MessageMemory } from "../memory/message_memory.ts";
import type { ResidentMemory } from "../memory/resident_memory.ts";
import type { OpenSession } from "./open_sessions.ts";
import {
  DEFAULT_LIMITS,
  type Mode,
  type ProxyLimits,
  type ProxyOptions,
  type SessionChoice,
} from "../proxy_options.ts";
import { mediationReport } from "../reporting/mediation_report.ts";
import type { ProxyCounters, SessionOutcome } from "../reporting/proxy_counters.ts";
import { reportOfSession } from "../reporting/proxy_event.ts";
import { SessionCapture } from "../session/rewriting/capture.ts";
import { Session } from "../session/session.ts";
import type { SessionLimits } from "../session/session_parts.ts";
import type { SessionDecision } from "../session/rewriting/undecided_rewriter.ts";
import type { Clock } from "../time/clock.ts";
import type { Turns } from "../time/turns.ts";
import { type Address, formatAddress, ownerOf } from "../transport/address.ts";
import type { Connection } from "../transport/connection.ts";
import type { Listener } from "../transport/listener.ts";

const EVICTED = "its templates take most memory, and others need it: the session is closed";
const USED_UP = {
  templateMemory: "limits.templateMemory is used up",
  memory: "the process is close to limits.memory",
} as const;

/** What all sessions of a proxy share. */
export interface SessionFactoryParts {
  readonly clock: Clock;
  readonly pool: BufferPool;
  readonly memory: MessageMemory;
  /** The memory of the process; undefined: it has no limit. */
  readonly resident?: Pick<ResidentMemory, "state" | "wait"> | undefined;
  readonly turns: Turns;
  readonly counters: ProxyCounters;
  readonly collectors: Pick<Collectors, "get">;
  /** Called when a session's exporter sends its first octet, with its id. */
  readonly onHeard: (id: string) => void;
  /** Called when a template turns out to need rewriting, or cannot be sent. */
  readonly onSkew: () => void;
  /** Called when the exporter of a session has gone, or its session is being ended, with its id. */
  readonly onClosing: (id: string, outcome: SessionOutcome) => void;
  /** Called when a session has ended, with its id and the templates that it had. */
  readonly onEnd: (id: string, outcome: SessionOutcome, templates: readonly TemplateState[]) => void;
}

/** What all sessions to one collector have in common: one object for thousands of them. */
interface LimitsOfSessions {
  readonly link: CollectorLinkOptions;
  readonly session: SessionLimits;
}

/** Facts that decide a session's rule. */
interface KnownSession {
  readonly remoteAddress: Address;
  readonly certificateName?: string | undefined;
}

const NONE: ReadonlySet<CurrentCollector> = new Set();

/** Makes sessions from the current options, and applies changed options to sessions that are open. */
export class SessionFactory {
  #options: ProxyOptions;
  #limits: ProxyLimits;
  readonly #parts: SessionFactoryParts;
  #limitsOfSessions = new WeakMap<CurrentCollector, LimitsOfSessions>();
  #nextId = 1;

  constructor(options: ProxyOptions, parts: SessionFactoryParts) {
    this.#options = options;
    this.#parts = parts;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /** The mode of sessions for which no rule says otherwise. */
  get mode(): Mode {
    return this.#options.mode ?? "rewrite";
  }

  get limits(): ProxyLimits {
    return this.#limits;
  }

  /** Uses these options from now on. Open sessions take them up with {@link update}. */
  configure(options: ProxyOptions): void {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#limitsOfSessions = new WeakMap();
  }

  /** Where the session of a new exporter goes; "undecided" if that depends on its first template. */
  choose({ remoteAddress, certificateName }: KnownSession, decidedBy?: FirstTemplate): SessionChoice | "undecided" {
    const { choose } = this.#options;
    return choose?.({ address: remoteAddress.hostname, certificateName, decidedBy }) ?? { mode: this.mode };
  }

  /** Opens the session of a new exporter. @param choice as {@link choose} returns it */
  open(exporter: Connection, listener: Listener, choice = this.choose(exporter)): OpenSession {
    const { clock, pool, memory, resident, turns, counters, collectors, onHeard, onSkew, onClosing, onEnd } =
      this.#parts;
    const id = String(this.#nextId++);
    const report = reportOfSession(this.#options.report, id, formatAddress(exporter.remoteAddress));
    const reportMediation = mediationReport(report, () => session.observed);
    // Until it is decided, the session is treated like most others, and nothing of it is sent.
    const { collector: key, mode } = choice === "undecided" ? { collector: undefined, mode: this.mode } : choice;
    const collector = collectors.get(key);
    const rewriter = this.#options.mediator.open({
      address: exporter.remoteAddress.hostname,
      ...(exporter.certificateName === undefined ? {} : { certificateName: exporter.certificateName }),
      reliable: exporter.transport !== "udp",
      ...(exporter.portOf === undefined ? {} : { portOf: exporter.portOf }),
      ...collector.facts(),
      notify: (event) => {
        reportMediation(event);
        if (isSkew(event)) onSkew();
      },
      roomMaker: {
        owner: ownerOf(exporter.remoteAddress),
        end(limit) {
          report("warning", "templates_evicted", `${EVICTED} (${USED_UP[limit]})`, {});
          session.evict(limit);
        },
      },
    });
    const capture = new SessionCapture(rewriter);
    const limits = this.#limitsOf(collector);
    const link = new CollectorLink(limits.link, {
      route: collector.route(),
      hold: this.hold(exporter, mode),
      report,
      counters: rewriter.counters,
    });
    const session: Session = new Session({
      id,
      exporter,
      listener,
      link,
      rewriter,
      tap: capture,
      observe: mode === "observe",
      ...(choice === "undecided" ? { decision: this.#decision(() => open) } : {}),
      pool,
      memory,
      resident,
      clock,
      turns,
      limits: limits.session,
      collectorFacts: () => factsFor(open),
      counters,
      openedAt: clock.date(),
      report,
      onHeard,
      onClosing,
      onEnd,
    });
    const open: OpenSession = { session, capture, collector, decidedBy: undefined };
    return open;
  }

  /**
   * Applies the current options to an open session.
   *
   * @param changed collectors to which the way is another than before
   * @returns a promise if that takes more than one turn
   */
  update(open: OpenSession, changed: ReadonlySet<CurrentCollector> = NONE): Promise<void> | undefined {
    const { session } = open;
    const known = open.decidedBy;
    const choice = this.#decideAgain(open);
    if (choice === "undecided") {
      session.limit(this.#limitsOf(open.collector).session, this.hold(session));
      return undefined;
    }
    const collector = this.#parts.collectors.get(choice.collector);
    const isOther = collector !== open.collector || open.decidedBy !== known;
    const observe = choice.mode === "observe";
    open.collector = collector;
    session.limit(this.#limitsOf(collector).session, this.hold(session, choice.mode));
    const renew = session.undecided || isOther || session.observed !== observe || (!observe && session.outdated);
    if (!changed.has(collector) && !renew) {
      // The certificates may have changed. Over UDP the dialer stays, as it keeps the port that it sends from.
      if (usesTls(collector.options.transport)) session.redirect(collector.route());
      return session.remap();
    }
    const move = { observe, renew: renew || session.outdated, collector: factsFor(open) };
    session.move({ ...move, route: collector.route() });
    return undefined;
  }

  /** Restarts a session with a new process of its collector; see {@link Session.beginEpoch}. */
  beginEpoch({ session, collector }: OpenSession, began: number): Promise<void> | undefined {
    return session.beginEpoch(collector.route(), began);
  }

  /** How long an exporter is held while no collector is connected, in milliseconds. */
  hold({ transport }: Pick<Connection, "transport">, mode: Mode = "rewrite"): number {
    if (mode === "observe") return 0;
    // An exporter over UDP cannot be asked to start again, and announces its templates only every half hour.
    return transport === "udp" ? Infinity : this.limits.hold;
  }

  /** Decides for an open session by the current options, which may need a template where none was needed before. */
  #decideAgain(open: OpenSession): SessionChoice | "undecided" {
    const { session } = open;
    const choice = this.choose(session, open.decidedBy);
    if (choice !== "undecided") return choice;
    open.decidedBy = firstOf(session);
    if (open.decidedBy !== undefined) return this.#decided(session, open.decidedBy);
    // One that sends something, but no template, stays where it is.
    return session.undecide(this.#decision(() => open)) ? choice : { mode: this.mode };
  }

  #decided(session: KnownSession, first: FirstTemplate): SessionChoice {
    const choice = this.choose(session, first);
    return choice === "undecided" ? { mode: this.mode } : choice;
  }

  #decision(open: () => OpenSession): SessionDecision {
    return {
      read: (message) => this.#options.mediator.firstTemplate?.(message),
      decide: (first) => {
        open().decidedBy = first;
        void this.update(open());
      },
    };
  }

  #limitsOf(collector: CurrentCollector): LimitsOfSessions {
    const known = this.#limitsOfSessions.get(collector);
    if (known !== undefined) return known;
    const { random = Math.random } = this.#options;
    const { clock, counters } = this.#parts;
    const { options: { inFlight }, templateRefresh } = collector;
    const dialTimeout = this.limits.dial;
    const limits = {
      link: { clock, counters, random, dialTimeout, ...(inFlight === undefined ? {} : { inFlight }) },
      session: { ...this.limits, templateRefresh },
    };
    this.#limitsOfSessions.set(collector, limits);
    return limits;
  }
}

function factsFor({ collector, decidedBy }: OpenSession): CollectorFacts {
  return decidedBy === undefined ? collector.facts() : { ...collector.facts(), decidedBy };
}

/** The first template of a session, as far as it is still known. */
function firstOf(session: Session): FirstTemplate | undefined {
  const templates = session.templates();
  const first = templates.find(({ detectedProfile }) => detectedProfile !== undefined) ?? templates[0];
  if (first === undefined) return undefined;
  const { observationDomain, detectedProfile } = first;
  return { observationDomain, ...(detectedProfile === undefined ? {} : { detectedProfile }) };
}

/** Whether an event means that a template is not relayed unchanged. */
function isSkew(event: MediationEvent): boolean {
  return event.event === "template_refused" || (event.event === "template_mapped" && event.outcome === "rewritten");
}
