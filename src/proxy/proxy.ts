import { Counters } from "../mediation/templates/counters.ts";
import type { CollectorFacts } from "../mediation/session/session_rewriter.ts";
import { formatAddress } from "./transport/address.ts";
import { LoopBufferPool } from "./memory/buffer_pool.ts";
import { CapturableRewriter, type Captured, type CaptureLimits } from "./session/capture.ts";
import { type Clock, SYSTEM_CLOCK } from "./time/clock.ts";
import { CollectorLink, type CollectorLinkOptions } from "./collector/collector_link.ts";
import type { Dial } from "./transport/connection.ts";
import type { Connection } from "./transport/connection.ts";
import type { Listener } from "./transport/listener.ts";
import { type BoundListener, Listeners } from "./listeners.ts";
import { MemoryRelief } from "./memory/memory_relief.ts";
import { ProxyCounters, type SessionOutcome } from "./reporting/proxy_counters.ts";
import { mediationReport } from "./reporting/mediation_report.ts";
import { type EventFields, reportOfSession } from "./reporting/proxy_event.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SKEW_SETTLE,
  type ProxyChange,
  type ProxyLimits,
  type ProxyOptions,
} from "./proxy_options.ts";
import { sameCollector } from "./collector/collector_options.ts";
import { Session } from "./session/session.ts";
import { SkewWatch } from "./skew_watch.ts";
import type { CachedExporter } from "./transport/udp/cached_exporter.ts";
import { dialer } from "./sockets.ts";

/** Octets of a datagram that every known collector takes, where nothing else is said. */
const SAFE_DATAGRAM = 1024;
/** So many sessions take a change up before anything else gets its turn. */
const SESSIONS_A_TURN = 16;
const TICK = 1_000;
/**
 * While draining, time is looked at more often: an exporter that is quiet for so long has sent what it had. Where its kernel had found
 * the window closed, it tries again after 200 ms at the earliest, and 400 (RFC 9293 §3.8.6.1).
 */
const DRAIN_TICK = 50;
const DRAIN_QUIET = 1_000;
/** Of the time that draining may take, the share after which exporters are no longer read, so that the rest can be flushed. */
const DRAIN_READING_SHARE = 0.8;

export type { BoundListener };

/** The collector as all sessions together see it. */
export interface CollectorState {
  readonly address: string;
  /** A word for people. */
  readonly state: "idle" | "connected" | "away";
  /** Whether it is in use, or took the last connection that was tried. */
  readonly up: boolean;
  /** Connections that took the place of a lost one. */
  readonly reconnects: number;
  readonly connections: ReadonlyMap<string, number>;
  readonly replayedTemplates: number;
  /** Octets that wait because there is no collector to write them to. */
  readonly heldOctets: number;
  /** Upper bound of the records that went down with lost connections. */
  readonly recordsPossiblyLost: number;
}

/** Exporters on one side, one collector on the other: owns the listeners, the sessions and what they count. */
export class Proxy {
  readonly counters = new ProxyCounters();
  #options: ProxyOptions;
  #limits: ProxyLimits;
  readonly #clock: Clock;
  readonly #pool;
  readonly #listeners: Listeners;
  readonly #sessions = new Map<string, Session>();
  /** Each resolves when its session has ended. */
  readonly #running = new Map<Session, Promise<SessionOutcome>>();
  readonly #ended = new Counters();
  #linkOptions: CollectorLinkOptions;
  /** How a new session dials the collector that holds now, where that is the same for all. */
  #dial: Dial | undefined;
  readonly #captures = new WeakMap<Session, CapturableRewriter>();
  readonly #onEnd = this.#end.bind(this);
  #nextId = 1;
  #full = false;
  #draining = false;
  readonly #skew: SkewWatch;
  readonly #relief: MemoryRelief | undefined;
  #cancelTick = () => {};

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#linkOptions = this.#linksNow();
    this.#skew = new SkewWatch(options.skewSettle ?? DEFAULT_SKEW_SETTLE);
    if (options.collectGarbage !== undefined) this.#relief = new MemoryRelief(options.collectGarbage);
    this.#pool = options.pool ?? new LoopBufferPool();
    this.#listeners = new Listeners({
      clock: this.#clock,
      pool: this.#pool,
      report: options.report,
      sources: () => this.#limits.sessions,
      handshake: () => this.#limits.handshake,
      ...(options.recall === undefined ? {} : { recall: options.recall }),
      admit: (connection, listener) => this.#admit(connection, listener),
      onLeft: (listener) => this.#leave(listener),
    });
  }

  get mode(): "rewrite" | "observe" {
    return this.#options.mode ?? "rewrite";
  }

  get limits(): ProxyLimits {
    return this.#limits;
  }

  /**
   * Binds all listeners, or none, and serves.
   *
   * @throws Error that names the address that cannot be bound
   */
  async start(): Promise<void> {
    // Not to begin with a collector that can never be dialled.
    dialer(this.#options.collector);
    await this.#listeners.become(this.#options.listeners);
    this.#tickEvery(TICK, 0);
  }

  /**
   * Goes on with other options. Listeners that stay the same keep their sessions. Sessions map their templates again; where the
   * collector, the way to it, what it expects or the mode is another, they go over before their next record by a new transport session
   * to it, templates first. Limits hold at once, and put out nobody.
   *
   * Resolves once every session knows. Not to be called again before.
   *
   * @throws Error that names the address that cannot be bound, or what the collector lacks; then nothing has changed
   */
  async reconfigure(change: ProxyChange): Promise<void> {
    if (this.#draining) throw new Error("the proxy is ending: it takes nothing up any more");
    const { listeners = this.#options.listeners, mediate, limits, ...others } = change;
    const { collector } = { ...this.#options, ...others };
    dialer(collector);
    await this.#listeners.become(listeners);
    const isOther = !sameCollector(collector, this.#options.collector);
    if (limits !== undefined) this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#options = { ...this.#options, listeners, ...others };
    this.#linkOptions = this.#linksNow();
    this.#dial = undefined;
    if (others.skewSettle !== undefined) this.#skew.settle = others.skewSettle;
    mediate?.();
    let turn = 0;
    for (const session of this.#sessions.values()) {
      this.#changeSafely(session, isOther);
      // Every few sessions, sockets get their turn.
      if (++turn % SESSIONS_A_TURN === 0) await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    }
    // Who drains while the listeners are bound finds them closed all the same.
    if (this.draining) this.#listeners.close();
  }

  /** A fault in one session costs that one alone, as ever. */
  #changeSafely(session: Session, isOtherCollector: boolean): void {
    try {
      this.#change(session, isOtherCollector);
    } catch (error) {
      const fields = { session: session.id, peer: session.peer, reason: String(error) };
      const message = "a session cannot take the configuration up";
      this.#options.report({ level: "error", event: "session_failed", message, fields });
      session.stop("failed");
    }
  }

  #change(session: Session, isOtherCollector: boolean): void {
    const { collector } = this.#options;
    const observe = this.mode === "observe";
    session.limit(this.limits, this.#holdOf(session));
    const renew = session.observed !== observe || (!observe && session.outdated);
    if (!isOtherCollector && !renew) {
      // Its certificates may be other ones. Over UDP the dialer keeps the port that it sends from.
      if (collector.transport === "tls") session.redirect(dialer(collector));
      return session.remap();
    }
    const facts = this.#collectorFacts();
    session.move({ dial: dialer(collector), observe, renew: renew || session.outdated, collector: facts });
  }

  #collectorFacts(): CollectorFacts {
    const { transport, maxMessageLength } = this.#options.collector;
    const longest = maxMessageLength ?? (transport === "udp" ? SAFE_DATAGRAM : undefined);
    return { datagrams: transport === "udp", ...(longest === undefined ? {} : { maxMessageLength: longest }) };
  }

  /** Where it listens, in the order configured. */
  addresses(): BoundListener[] {
    return this.#listeners.addresses();
  }

  /** The sessions that have not ended, oldest first. */
  sessions(): Iterable<Session> {
    return this.#sessions.values();
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** What exporters over UDP have announced, for a {@link TemplateCache}; templates are encoded when they are asked for. */
  *cachedExporters(): Iterable<CachedExporter> {
    for (const session of this.#sessions.values()) {
      const { templateLife, remoteAddress } = session;
      if (templateLife === undefined) continue;
      yield {
        ...templateLife,
        address: remoteAddress.hostname,
        port: remoteAddress.port,
        get templates() {
          return session.sourceTemplates();
        },
      };
    }
  }

  /** Over all sessions, live and ended. */
  totals(): Counters {
    const totals = new Counters();
    totals.add(this.#ended);
    for (const counters of this.#listeners.counters()) totals.add(counters);
    for (const session of this.#sessions.values()) totals.add(session.counters);
    return totals;
  }

  /** Forgets the lost values of sessions that have ended: they are not asked for any more. Open ones forget their own. */
  forgetLostValues(): void {
    this.#ended.forgetLostValues();
  }

  collector(): CollectorState {
    const sessions = [...this.#sessions.values()];
    const up = sessions.some(({ connected }) => connected) || this.counters.lastCollectorOutcome === "connected";
    return {
      address: formatAddress(this.#options.collector.address),
      state: up ? "connected" : this.counters.lastCollectorOutcome === undefined ? "idle" : "away",
      up,
      reconnects: this.counters.collectorReconnects,
      connections: this.counters.collectorConnections,
      replayedTemplates: this.counters.replayedTemplates,
      heldOctets: sessions.reduce((octets, session) => octets + session.heldOctets, 0),
      recordsPossiblyLost: this.counters.recordsPossiblyLost,
    };
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whether sessions still need rewriting, to the second. */
  get skew(): SkewWatch {
    return this.#skew;
  }

  /** Begins to close one session. False: there is none of this id. */
  closeSession(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.stop("administrator");
    return session !== undefined;
  }

  /**
   * Captures a session's messages before and after rewriting, from now on.
   *
   * @param stop ends it
   * @returns undefined: there is no session of this id; "busy": it is being captured already
   */
  capture(id: string, limits: CaptureLimits, stop: AbortSignal): Promise<Captured> | "busy" | undefined {
    const session = this.#sessions.get(id);
    return session === undefined ? undefined : this.#captures.get(session)?.capture(limits, stop) ?? "busy";
  }

  /**
   * Accepts no more, tells the exporters, goes on until each has closed, is quiet or time is up, flushes and closes. Resolves when
   * all is closed, within the limit `drain`.
   */
  async drain(): Promise<void> {
    if (!this.#draining) {
      this.#draining = true;
      this.#listeners.close();
      this.#tickEvery(DRAIN_TICK, DRAIN_QUIET);
      for (const session of this.#sessions.values()) session.drain();
    }
    const stopAll = () => this.#stopAll();
    const timers = [DRAIN_READING_SHARE, 1].map((share) => this.#clock.after(share * this.limits.drain, stopAll));
    await Promise.all(this.#running.values());
    for (const cancel of timers) cancel();
    this.#cancelTick();
  }

  /** Closes everything now. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#listeners.close();
    this.#cancelTick();
    // The first stops what is read or written, the second what then waits for the collector to close.
    this.#stopAll();
    const cancel = this.#clock.after(0, () => this.#stopAll());
    await Promise.all(this.#running.values());
    cancel();
  }

  #stopAll(): void {
    for (const session of this.#sessions.values()) session.stop("drained");
  }

  /** Sessions of a listener that is no longer wanted: the exporter is told, and what it still sends is taken for a while. */
  #leave(listener: Listener): void {
    for (const session of this.#sessions.values()) {
      if (session.listener === listener) session.drain(this.limits.drain);
    }
  }

  #admit(connection: Connection, listener: Listener): void {
    // A listener on UDP has a cap of its own, and makes room for the newcomer.
    const full = connection.transport !== "udp" && this.#sessions.size >= this.limits.sessions;
    if (this.#draining || full) return this.#refuse(connection);
    this.#full = false;
    let session: Session;
    try {
      session = this.#open(connection, listener);
    } catch (error) {
      connection.close();
      this.counters.countSession(connection.transport, "failed");
      const fields = { peer: formatAddress(connection.remoteAddress), reason: String(error) };
      return this.#options.report({
        level: "error",
        event: "session_failed",
        message: "cannot open a session",
        fields,
      });
    }
    this.#sessions.set(session.id, session);
    this.#running.set(session, this.#run(session));
  }

  /** What stands keeps working; said once until there is room again. */
  #refuse(connection: Connection): void {
    connection.close();
    this.counters.countSession(connection.transport, "refused");
    if (this.#full || this.#draining) return;
    this.#full = true;
    const message = `${this.limits.sessions} sessions are open; newcomers are refused until one ends`;
    const fields = { peer: formatAddress(connection.remoteAddress), reason: "limit" };
    this.#options.report({ level: "warning", event: "session_refused", message, fields });
  }

  #open(exporter: Connection, listener: Listener): Session {
    const id = String(this.#nextId++);
    const { mediator } = this.#options;
    const report = reportOfSession(this.#options.report, id, formatAddress(exporter.remoteAddress));
    const mediated = mediator.open({
      address: exporter.remoteAddress.hostname,
      ...(exporter.certificateName === undefined ? {} : { certificateName: exporter.certificateName }),
      reliable: exporter.transport !== "udp",
      ...this.#collectorFacts(),
      notify: mediationReport(report),
    });
    const rewriter = new CapturableRewriter(mediated);
    const hold = this.#holdOf(exporter);
    const link = new CollectorLink(this.#linkOptions, { dial: this.#dialOfNext(), hold, report });
    const session = new Session({
      id,
      exporter,
      listener,
      link,
      rewriter,
      observe: this.mode === "observe",
      pool: this.#pool,
      limits: this.limits,
      counters: this.counters,
      openedAt: this.#clock.date(),
      report,
      onEnd: this.#onEnd,
    });
    this.#captures.set(session, rewriter);
    return session;
  }

  /** What the links of sessions have in common: one object for thousands of them. */
  #linksNow(): CollectorLinkOptions {
    const { collector: { inFlight }, random = Math.random } = this.#options;
    return {
      clock: this.#clock,
      counters: this.counters,
      random,
      dialTimeout: this.limits.dial,
      ...(inFlight === undefined ? {} : { inFlight }),
    };
  }

  /** Over UDP, each session sends from a port of its own. */
  #dialOfNext(): Dial {
    const { collector } = this.#options;
    return collector.transport === "udp" ? dialer(collector) : this.#dial ??= dialer(collector);
  }

  #holdOf({ transport }: Pick<Connection, "transport">): number {
    if (this.mode === "observe") return 0;
    // Who sends over UDP cannot be told to start again, and announces its templates only every half hour.
    return transport === "udp" ? Infinity : this.limits.hold;
  }

  #run(session: Session): Promise<SessionOutcome> {
    const message = `session ${session.id} with ${session.peer} is open`;
    this.#options.report({ level: "info", event: "session_opened", message, fields: fieldsOf(session) });
    return session.run();
  }

  #end(id: string, outcome: SessionOutcome): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#running.delete(session);
    const { peer, transport } = session;
    if (session.skewed) this.#skew.see(this.#clock.date());
    this.#sessions.delete(id);
    this.#ended.add(session.counters);
    this.counters.countSession(transport, outcome);
    const { messagesReceived, messagesSent, recordsReceived, recordsSent } = session.counters;
    const counted = { outcome, messagesReceived, messagesSent, recordsReceived, recordsSent };
    const message = `session ${id} with ${peer} has ended: ${outcome.replaceAll("_", " ")}`;
    const level = outcome === "closed" || outcome === "drained" || outcome === "administrator" ? "info" : "warning";
    const fields = { ...fieldsOf(session), ...counted };
    this.#options.report({ level, event: "session_closed", message, fields });
  }

  #tickEvery(milliseconds: number, quiet: number): void {
    this.#cancelTick();
    this.#cancelTick = this.#clock.every(milliseconds, () => {
      let skewed = 0;
      for (const session of this.#sessions.values()) {
        session.tick(milliseconds, quiet);
        if (session.skewed) skewed++;
      }
      this.#lookAtSkew(milliseconds, skewed);
      if (!this.#draining) this.#relief?.look(this.#sessions.size);
    });
  }

  #lookAtSkew(elapsed: number, skewed: number): void {
    const event = this.#skew.look(elapsed, { open: this.#sessions.size, skewed }, this.#clock.date());
    if (event === undefined) return;
    const message = event === "skew_over"
      ? "no skew left: this proxy can be removed"
      : "sessions need rewriting: this proxy is needed";
    const fields = { sessions: this.#sessions.size, skewed };
    this.#options.report({ level: "info", event, message, fields });
  }
}

/** What the events of its beginning and end say of a session. */
function fieldsOf({ id, peer, transport, certificateName }: Session): EventFields {
  return { session: id, peer, transport, ...(certificateName === undefined ? {} : { certificateName }) };
}
