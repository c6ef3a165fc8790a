import { usesTls } from "../ipfix/transport_protocol.ts";
import type { CollectorFacts, TemplateState } from "../mediation/session/session_rewriter.ts";
import { CollectorLink, type CollectorLinkOptions, type CollectorRoute } from "./collector/collector_link.ts";
import type { CurrentCollector } from "./current_collector.ts";
import type { MediationEvent } from "../mediation/templates/event.ts";
import type { BufferPool } from "./memory/buffer_pool.ts";
import type { OpenSession } from "./open_sessions.ts";
import { DEFAULT_LIMITS, type ProxyLimits, type ProxyOptions } from "./proxy_options.ts";
import { mediationReport } from "./reporting/mediation_report.ts";
import type { ProxyCounters, SessionOutcome } from "./reporting/proxy_counters.ts";
import { reportOfSession } from "./reporting/proxy_event.ts";
import { SessionCapture } from "./session/capture.ts";
import { Session } from "./session/session.ts";
import type { SessionLimits } from "./session/session_parts.ts";
import { dialer } from "./sockets.ts";
import type { Clock } from "./time/clock.ts";
import type { Turns } from "./time/turns.ts";
import { formatAddress } from "./transport/address.ts";
import type { Connection, Dial } from "./transport/connection.ts";
import type { Listener } from "./transport/listener.ts";

/** Octets of a UDP datagram that every known collector accepts. Used where the options give no `maxMessageLength`. */
const SAFE_DATAGRAM = 1024;

/** Milliseconds; see {@link CollectorOptions.templateRefresh}. */
const DEFAULT_TEMPLATE_REFRESH = 30_000;

/** What all sessions of a proxy share. */
export interface SessionFactoryParts {
  readonly clock: Clock;
  readonly pool: BufferPool;
  readonly turns: Turns;
  readonly counters: ProxyCounters;
  readonly collector: Pick<CurrentCollector, "collector" | "maxMessageLength">;
  /** Called when a session's exporter sends its first octet, with its id. */
  readonly onHeard: (id: string) => void;
  /** Called when a template turns out to need rewriting, or cannot be sent. */
  readonly onSkew: () => void;
  /** Called when the exporter of a session has gone, or its session is being ended, with its id. */
  readonly onClosing: (id: string, outcome: SessionOutcome) => void;
  /** Called when a session has ended, with its id and the templates that it had. */
  readonly onEnd: (id: string, outcome: SessionOutcome, templates: readonly TemplateState[]) => void;
}

/** Makes sessions from the current options, and applies changed options to sessions that are open. */
export class SessionFactory {
  #options: ProxyOptions;
  #limits: ProxyLimits;
  readonly #parts: SessionFactoryParts;
  /** One object for the links of thousands of sessions. */
  #linkOptions: CollectorLinkOptions;
  /** Dials the current collector, where one function does for all sessions. */
  #sharedDial: Dial | undefined;
  /** One object for all sessions. */
  #limitsOfSessions: SessionLimits | undefined;
  #nextId = 1;
  /** What holds now of the collector. */
  readonly #collectorFacts = (): CollectorFacts => this.#factsOfCollector();

  constructor(options: ProxyOptions, parts: SessionFactoryParts) {
    this.#options = options;
    this.#parts = parts;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#linkOptions = this.#makeLinkOptions();
  }

  get mode(): "rewrite" | "observe" {
    return this.#options.mode ?? "rewrite";
  }

  get limits(): ProxyLimits {
    return this.#limits;
  }

  /** Uses these options from now on. Open sessions take them up with {@link update}. */
  configure(options: ProxyOptions): void {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#linkOptions = this.#makeLinkOptions();
    this.#sharedDial = undefined;
    this.#limitsOfSessions = undefined;
  }

  /** Makes the session of a new exporter, and begins to dial its collector. */
  open(exporter: Connection, listener: Listener): OpenSession {
    const { clock, pool, turns, counters, onHeard, onSkew, onClosing, onEnd } = this.#parts;
    const id = String(this.#nextId++);
    const report = reportOfSession(this.#options.report, id, formatAddress(exporter.remoteAddress));
    const reportMediation = mediationReport(report, () => this.mode === "observe");
    const rewriter = this.#options.mediator.open({
      address: exporter.remoteAddress.hostname,
      ...(exporter.certificateName === undefined ? {} : { certificateName: exporter.certificateName }),
      reliable: exporter.transport !== "udp",
      ...this.#collectorFacts(),
      notify: (event) => {
        reportMediation(event);
        if (isSkew(event)) onSkew();
      },
    });
    const capture = new SessionCapture(rewriter);
    const link = new CollectorLink(this.#linkOptions, {
      route: this.#route(),
      hold: this.hold(exporter),
      report,
      counters: rewriter.counters,
    });
    const session = new Session({
      id,
      exporter,
      listener,
      link,
      rewriter,
      tap: capture,
      observe: this.mode === "observe",
      pool,
      clock,
      turns,
      limits: this.#sessionLimits(),
      collectorFacts: this.#collectorFacts,
      counters,
      openedAt: clock.date(),
      report,
      onHeard,
      onClosing,
      onEnd,
    });
    return { session, capture };
  }

  /**
   * Applies the current options to an open session.
   *
   * @param collectorChanged whether the collector, or the way to it, differs from the one that the session was made for
   * @returns a promise if that takes more than one turn
   */
  update(session: Session, collectorChanged: boolean): Promise<void> | undefined {
    const { collector } = this.#options;
    const observe = this.mode === "observe";
    session.limit(this.#sessionLimits(), this.hold(session));
    const renew = session.observed !== observe || (!observe && session.outdated);
    if (!collectorChanged && !renew) {
      // The certificates may have changed. Over UDP the dialer stays, as it keeps the port that it sends from.
      if (usesTls(collector.transport)) session.redirect(this.#route());
      return session.remap();
    }
    const move = { observe, renew: renew || session.outdated, collector: this.#collectorFacts() };
    session.move({ ...move, route: this.#route() });
    return undefined;
  }

  /** Has a session begin anew with another process of the collector; see {@link Session.beginEpoch}. */
  beginEpoch(session: Session, began: number): Promise<void> | undefined {
    const { collector, dial } = this.#route();
    // A function of its own: a connection that was dialled with another one is replaced.
    return session.beginEpoch({ collector, dial: (signal) => dial(signal) }, began);
  }

  #factsOfCollector(): CollectorFacts {
    const { transport } = this.#options.collector;
    const { maxMessageLength } = this.#parts.collector;
    const longest = maxMessageLength ?? (transport === "udp" ? SAFE_DATAGRAM : undefined);
    return { datagrams: transport === "udp", ...(longest === undefined ? {} : { maxMessageLength: longest }) };
  }

  #makeLinkOptions(): CollectorLinkOptions {
    const { collector: { inFlight }, random = Math.random } = this.#options;
    const { clock, counters } = this.#parts;
    const dialTimeout = this.limits.dial;
    return { clock, counters, random, dialTimeout, ...(inFlight === undefined ? {} : { inFlight }) };
  }

  /** Over UDP, each session sends from a port of its own. */
  #route(): CollectorRoute {
    const { collector } = this.#options;
    const dial = collector.transport === "udp" ? dialer(collector) : this.#sharedDial ??= dialer(collector);
    return { collector: this.#parts.collector.collector, dial };
  }

  #sessionLimits(): SessionLimits {
    const { templateRefresh = DEFAULT_TEMPLATE_REFRESH } = this.#options.collector;
    return this.#limitsOfSessions ??= { ...this.limits, templateRefresh };
  }

  /** How long an exporter is held while no collector is connected, in milliseconds. */
  hold({ transport }: Pick<Connection, "transport">): number {
    if (this.mode === "observe") return 0;
    // An exporter over UDP cannot be asked to start again, and announces its templates only every half hour.
    return transport === "udp" ? Infinity : this.limits.hold;
  }
}

/** Whether an event means that a template is not relayed unchanged. */
function isSkew(event: MediationEvent): boolean {
  return event.event === "template_refused" || (event.event === "template_mapped" && event.outcome === "rewritten");
}
