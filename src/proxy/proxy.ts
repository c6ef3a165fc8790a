import { Admission } from "./sessions/admission.ts";
import { Counters, increment } from "../mediation/templates/counters.ts";
import type { CollectorState } from "./collector/collector_state.ts";
import { Collectors } from "./collectors.ts";
import type { CurrentCollector } from "./current_collector.ts";
import { type EndedSession, EndedSessions } from "./sessions/ended_sessions.ts";
import { type BoundListener, Listeners } from "./listeners.ts";
import { LoopBufferPool } from "./memory/buffer_pool.ts";
import { MessageMemory } from "./memory/message_memory.ts";
import { MemoryRelief } from "./memory/memory_relief.ts";
import type { ResidentMemory } from "./memory/resident_memory.ts";
import { residentMemory } from "./memory_holders.ts";
import { type Counted, OpenSessions } from "./sessions/open_sessions.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SKEW_SETTLE,
  type Mode,
  type ProxyChange,
  type ProxyLimits,
  type ProxyOptions,
} from "./proxy_options.ts";
import { ProxyCounters, type SessionOutcome } from "./reporting/proxy_counters.ts";
import type { Captured, CaptureLimits } from "./session/rewriting/capture.ts";
import type { Session } from "./session/session.ts";
import { SessionFactory } from "./sessions/session_factory.ts";
import { SessionTicks } from "./sessions/session_ticks.ts";
import { SessionUpdates } from "./sessions/session_updates.ts";
import { dialer, type DialerParts } from "./sockets.ts";
import { type Clock, SYSTEM_CLOCK } from "./time/clock.ts";
import { Turns } from "./time/turns.ts";
import type { Listener } from "./transport/listener.ts";
import type { CachedExporter } from "./transport/udp/cached_exporter.ts";
import type { HandshakeFailure } from "./transport/tls/handshake_failure.ts";
import type { Verdict } from "./verdict/verdict.ts";
import { VerdictWatch } from "./verdict/verdict_watch.ts";
import { VerdictReporter } from "./verdict/verdict_reporter.ts";

export type { BoundListener, CollectorState };

/** Milliseconds between two checks of the memory in use. */
const MEMORY_MILLISECONDS = 50;
const TICK_MILLISECONDS = 1_000;
const DRAIN_TICK_MILLISECONDS = 50;
/**
 * While draining, an exporter that has been silent for this long is taken to have sent everything. An exporter whose
 * kernel found the receive window closed probes it again after 200 ms at the earliest, then after 400 ms (RFC 9293
 * §3.8.6.1).
 */
const DRAIN_QUIET_MILLISECONDS = 1_000;
/** Share of the drain time after which exporters are no longer read, which leaves the rest for flushing. */
const DRAIN_READING_SHARE = 0.8;

/** Relays IPFIX from exporters to collectors. Owns the listeners, the sessions and their counters. */
export class Proxy {
  readonly counters = new ProxyCounters();
  #options: ProxyOptions;
  readonly #clock: Clock;
  readonly #turns: Turns;
  readonly #collectors: Collectors;
  readonly #listeners: Listeners;
  readonly #memory: MessageMemory;
  readonly #factory: SessionFactory;
  readonly #sessions: OpenSessions;
  readonly #ended: EndedSessions;
  readonly #verdict: VerdictWatch;
  readonly #reporter: VerdictReporter;
  readonly #admission: Admission;
  readonly #relief: MemoryRelief | undefined;
  readonly #updates: SessionUpdates;
  readonly #ticks: SessionTicks;
  #cancelTick = () => {};
  /** The memory of the process; undefined: left to the runtime. */
  readonly #resident: ResidentMemory | undefined;
  #cancelLooks = () => {};

  constructor(options: ProxyOptions) {
    const { clock = SYSTEM_CLOCK, pool = new LoopBufferPool(), report, recall, memory } = options;
    this.#options = options;
    this.#clock = clock;
    this.#turns = new Turns(clock);
    this.#ended = new EndedSessions(clock);
    this.#sessions = new OpenSessions(report, this.counters, this.#ended);
    this.#collectors = new Collectors(options, {
      clock,
      report,
      counters: this.counters,
      random: options.random ?? Math.random,
      dialTimeout: () => this.limits.dial,
      turns: this.#turns,
      mediator: options.mediator,
      watch: options.watch ?? true,
      onEpoch: (collector) => void this.#updates.beginEpoch(collector),
      onExpectation: (collector) => void this.#updates.of(collector),
    });
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#memory = new MessageMemory(limits.messageMemory);
    if (memory !== undefined) {
      this.#relief = new MemoryRelief(memory);
      this.#resident = residentMemory(limits.memory, {
        clock,
        memory,
        mediator: options.mediator,
        messages: this.#memory,
        sessions: this.#sessions,
        report,
      });
    }
    this.#factory = new SessionFactory(options, {
      clock,
      pool,
      memory: this.#memory,
      resident: this.#resident,
      turns: this.#turns,
      counters: this.counters,
      collectors: this.#collectors,
      onHeard: (id) => this.#hear(id),
      onSkew: () => this.#reporter.seeSkew(),
      onClosing: (id, outcome) => this.#beginClosing(id, outcome),
      onEnd: (id, outcome, templates) => this.#sessions.end(id, outcome, templates),
    });
    this.#updates = new SessionUpdates({
      clock,
      turns: this.#turns,
      factory: this.#factory,
      sessions: this.#sessions,
      report,
    });
    this.#ticks = new SessionTicks(this.#sessions, clock, this.#turns);
    this.#verdict = new VerdictWatch(options.skewSettle ?? DEFAULT_SKEW_SETTLE, clock);
    this.#reporter = new VerdictReporter({
      watch: this.#verdict,
      sessions: this.#sessions,
      collectors: this.#collectors,
      options: () => this.#options,
    });
    this.#admission = new Admission({
      factory: this.#factory,
      sessions: this.#sessions,
      collectors: this.#collectors,
      verdict: this.#verdict,
      counters: this.counters,
      resident: this.#resident,
      report,
    });
    this.#listeners = new Listeners({
      clock,
      pool,
      memory: this.#memory,
      turns: this.#turns,
      report,
      sources: () => this.limits.sessions,
      handshake: () => this.limits.handshake,
      ...(recall === undefined ? {} : { recall }),
      admit: (connection, listener) => this.#admission.admit(connection, listener),
      onHandshakeFailure: (failure, address) => this.#countHandshakeFailure(failure, address),
      onLeft: (listener) => this.#drainListener(listener),
    });
  }

  /** The mode of sessions for which no rule says otherwise. */
  get mode(): Mode {
    return this.#factory.mode;
  }

  get limits(): ProxyLimits {
    return this.#factory.limits;
  }

  /**
   * Binds all listeners, or none, and begins to relay.
   *
   * @throws Error that names the address that cannot be bound, or what the collector's options lack
   */
  async start(): Promise<void> {
    checkCollectors(this.#options, { turns: this.#turns, clock: this.#clock });
    await this.#listeners.become(this.#options.listeners);
    this.#collectors.start();
    this.#tickEvery(TICK_MILLISECONDS, 0);
    if (this.#resident !== undefined) {
      this.#cancelLooks = this.#clock.every(MEMORY_MILLISECONDS, () => this.#resident?.look());
    }
  }

  /**
   * Changes the options of the running proxy. Listeners that stay the same keep their sessions. Every session maps its
   * templates again. Where the collector, the way to it, what it expects or the mode has changed, the session opens a
   * new transport session to the collector before its next record, templates first. An expectation that has changed
   * takes effect with the collector's next epoch, unless `switchNow` says otherwise. Limits apply at once, but close no
   * session that is open.
   *
   * Resolves once every session has the change; must not be called again before that.
   *
   * @throws Error that names the address that cannot be bound, or what the collector's options lack, or says that the
   *   proxy drains; then nothing has changed
   */
  async reconfigure(change: ProxyChange): Promise<void> {
    this.#assertNotDraining();
    const { mediate, switchNow = false, ...changed } = change;
    const options = { ...this.#options, ...changed };
    checkCollectors(options, { turns: this.#turns, clock: this.#clock });
    await this.#listeners.become(options.listeners);
    if (this.draining) this.#listeners.close();
    this.#assertNotDraining();
    this.#options = options;
    this.#factory.configure(options);
    this.#memory.limit = this.limits.messageMemory;
    if (this.#resident !== undefined) this.#resident.limit = this.limits.memory;
    if (changed.skewSettle !== undefined) this.#verdict.settle = changed.skewSettle;
    mediate?.();
    const collectors = this.#collectors.change(options, changed, switchNow);
    await this.#updates.all(collectors);
  }

  #assertNotDraining(): void {
    if (this.draining) throw new Error("the proxy is draining and takes no changes");
  }

  /** The memory of the process, and whether it is short; undefined: left to the runtime. */
  get memory(): Pick<ResidentMemory, "limit" | "resident" | "state"> | undefined {
    return this.#resident;
  }

  /** The listeners' bound addresses, in the order configured. */
  addresses(): BoundListener[] {
    return this.#listeners.addresses();
  }

  /** The sessions that have not ended, oldest first. */
  sessions(): Iterable<Session> {
    return this.#sessions;
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id)?.session;
  }

  /** The sessions that ended within the last hour and for which there was room, the newest first. */
  endedSessions(): readonly EndedSession[] {
    return this.#ended.all();
  }

  endedSession(id: string): EndedSession | undefined {
    return this.#ended.get(id);
  }

  /** What exporters over UDP have announced, for a {@link TemplateCache}. Templates are encoded when they are read. */
  cachedExporters(): Iterable<CachedExporter> {
    return this.#sessions.cachedExporters();
  }

  /** The counters of all sessions, open and ended, and of datagrams that belong to none. */
  totals(): Counters {
    const totals = new Counters();
    for (const { counters } of this.counted()) totals.add(counters);
    return totals;
  }

  /** What {@link totals} sums: of ended sessions first, each sum before any session that it may yet take up. */
  *counted(): Iterable<Counted> {
    yield* this.#sessions.counted();
    for (const counters of this.#listeners.counters()) yield { counters, observed: false };
  }

  /**
   * Discards the lost values of ended sessions, and those that open sessions counted in an earlier mode. Those of the
   * present mode are discarded when they are read.
   */
  forgetLostValues(): void {
    this.#sessions.forgetLostValues();
  }

  /** The collector of sessions for which no rule says otherwise. */
  collector(): CollectorState {
    const { base } = this.#collectors;
    return base.state(this.#sessionsByCollector().get(base) ?? []);
  }

  /** The collectors that only some sessions have, by {@link OtherCollector.key}. */
  otherCollectors(): Map<string, CollectorState> {
    const sessions = this.#sessionsByCollector();
    return new Map([...this.#collectors.others].map(([key, one]) => [key, one.state(sessions.get(one) ?? [])]));
  }

  /**
   * Puts the waiting expectation into effect, if there is one: the running process turns out to be the one that it is
   * for. Resolves once every session follows it.
   */
  async adoptNext(): Promise<void> {
    const { base } = this.#collectors;
    if (base.adoptNext()) await this.#updates.of(base);
  }

  /** The process of {@link collector} is known to be another one; see {@link Collector.announceEpoch}. */
  announceEpoch(reason: string): void {
    this.#collectors.base.collector.announceEpoch(reason);
  }

  get draining(): boolean {
    return this.#admission.closed;
  }

  /** Whether the proxy is still needed. */
  verdict(): Verdict {
    return this.#reporter.verdict();
  }

  /** When a session last needed rewriting, and for how long none has. */
  get skew(): Pick<VerdictWatch, "lastSeen" | "quiet" | "settle"> {
    return this.#verdict;
  }

  /** Exporters whose TLS handshake failed recently, with the one that tried last. */
  get failingHandshakes(): VerdictWatch["handshakes"] {
    return this.#verdict.handshakes;
  }

  /** Begins to close one session. Returns false if there is no session with this id. */
  closeSession(id: string): boolean {
    const session = this.session(id);
    session?.stop("administrator");
    return session !== undefined;
  }

  /**
   * Captures a session's messages before and after rewriting, from now on.
   *
   * @param stop ends the capture
   * @returns undefined if there is no session with this id, "busy" if it is already being captured
   */
  capture(id: string, limits: CaptureLimits, stop: AbortSignal): Promise<Captured> | "busy" | undefined {
    const open = this.#sessions.get(id);
    return open === undefined ? undefined : open.capture.begin(limits, stop) ?? "busy";
  }

  /**
   * Accepts no more exporters, half-closes those that are connected, and relays until each has closed, has gone silent
   * or time is up; then flushes and closes. Those that wait for a collector which is away are closed at once. Resolves
   * when all sessions are closed, within the limit `drain`.
   */
  async drain(): Promise<void> {
    const stopAll = () => void this.#sessions.each(this.#turns, (session) => session.stop("drained"));
    const timers = [DRAIN_READING_SHARE, 1].map((share) => this.#clock.after(share * this.limits.drain, stopAll));
    if (!this.draining) {
      this.#turns.hurry();
      this.#admission.closed = true;
      this.#listeners.close();
      this.#tickEvery(DRAIN_TICK_MILLISECONDS, DRAIN_QUIET_MILLISECONDS);
      await this.#sessions.each(this.#turns, (session) => session.drain());
      this.#stopHeld();
    }
    await this.#sessions.ended();
    for (const cancel of timers) cancel();
    this.#cancelTick();
    this.#cancelLooks();
    this.#collectors.close();
  }

  /** Closes everything now. */
  async close(): Promise<void> {
    this.#admission.closed = true;
    this.#listeners.close();
    this.#cancelTick();
    this.#cancelLooks();
    // The first stop ends reads and writes; the second ends the wait for the collector to close, which may follow.
    this.#sessions.stop("drained");
    const cancel = this.#clock.after(0, () => this.#sessions.stop("drained"));
    await this.#sessions.ended();
    cancel();
    this.#collectors.close();
  }

  /** While draining, ends the sessions that wait for a collector which is away. */
  #stopHeld(): void {
    for (const { session, collector: { collector } } of this.#sessions.entries) {
      if (collector.condition === "away" && !session.connected) session.stop("drained");
    }
  }

  /**
   * The decided sessions of each collector, found in one pass: there may be hundreds of the one and thousands of the
   * other.
   */
  #sessionsByCollector(): Map<CurrentCollector, Session[]> {
    const sessions = new Map<CurrentCollector, Session[]>();
    for (const { session, collector } of this.#sessions.entries) {
      if (session.undecided) continue;
      const own = sessions.get(collector);
      if (own === undefined) sessions.set(collector, [session]);
      else own.push(session);
    }
    return sessions;
  }

  /** The exporter of a session has sent its first octet. */
  #hear(id: string): void {
    const session = this.session(id);
    if (session?.transport === "tcp") this.#verdict.arrive(session.remoteAddress.hostname);
    this.#sessions.hear(id);
  }

  /** The exporter of a session has gone, or its session was ended: it is no open session any more. */
  #beginClosing(id: string, outcome: SessionOutcome): void {
    const session = this.session(id);
    if (session === undefined) return;
    const { remoteAddress: { hostname }, skewed, evictedFor } = session;
    // One that never sent anything may be a health probe.
    if (session.heard) this.#verdict.leave(hostname, { skewed, abandoned: outcome === "collector_unavailable" });
    if (evictedFor !== undefined && outcome === "evicted" && session.heard && session.transport !== "udp") {
      this.#admission.rejectForLimit(hostname, evictedFor);
    }
    this.#sessions.beginClosing(id, this.limits.sessions);
  }

  #countHandshakeFailure({ reason, words }: HandshakeFailure, address: string): void {
    increment(this.counters.handshakeFailures, reason);
    // A client that speaks no TLS and no IPFIX is no exporter that waits to be let in.
    if (reason !== "not_tls") this.#verdict.reject({ why: "handshake", address, reason: words });
  }

  /** Drains the sessions of a listener that is no longer configured. */
  #drainListener(listener: Listener): void {
    for (const session of this.#sessions) {
      if (session.listener === listener) session.drain(this.limits.drain);
    }
  }

  #tickEvery(milliseconds: number, quiet: number): void {
    this.#cancelTick();
    this.#cancelTick = this.#clock.every(milliseconds, () => {
      void this.#ticks.pass(milliseconds, quiet);
      this.#memory.look();
      this.#reporter.tick();
      this.#collectors.tick();
      if (this.draining) this.#stopHeld();
      else this.#relief?.look(this.#sessions.open);
    });
  }
}

/** @throws Error that names what the options of a collector lack */
function checkCollectors(
  { collector, others = [] }: Pick<ProxyOptions, "collector" | "others">,
  parts: DialerParts,
): void {
  for (const options of [collector, ...others.map((other) => other.collector)]) dialer(options, parts);
}
