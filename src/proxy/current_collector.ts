import type { TransportProtocol } from "../ipfix/message/transport_protocol.ts";
import { Candidates, type Rejection } from "./collector/candidates.ts";
import { Collector } from "./collector/collector.ts";
import { type CollectorOptions, placeOf, sameCollector, sameProcess } from "./collector/collector_options.ts";
import type { CollectorFacts } from "../mediation/session/session_rewriter.ts";
import type { CollectorKnowledge } from "../mediation/session/shared/shared_state.ts";
import type { CollectorRoute } from "./collector/collector_link.ts";
import { type CollectorState, collectorState } from "./collector/collector_state.ts";
import { type Expectation, Expectations } from "./collector/expectation.ts";
import type { ProxyOptions, SessionOpener } from "./proxy_options.ts";
import type { EventName } from "./reporting/event_name.ts";
import type { ProxyCounters } from "./reporting/proxy_counters.ts";
import type { EventFields, ReportEvent } from "./reporting/proxy_event.ts";
import type { Session } from "./session/session.ts";
import { dialer } from "./sockets.ts";
import type { Clock } from "./time/clock.ts";
import type { Turns } from "./time/turns.ts";
import { dialTcp } from "./transport/tcp/tcp_connection.ts";
import type { Dial } from "./transport/connection.ts";

/** The expectation of a collector: one profile, or one of several candidates. */
export type CollectorExpectations = Pick<ProxyOptions, "expectation" | "candidates">;

export interface CurrentCollectorParts {
  readonly clock: Clock;
  readonly report: ReportEvent;
  readonly counters: ProxyCounters;
  readonly random: () => number;
  readonly dialTimeout: () => number;
  readonly turns: Turns;
  readonly mediator: Pick<SessionOpener, "beginEpoch" | "collector">;
  /** Whether there may be a watch connection. */
  readonly watch: boolean;
  /** Called when a new process has begun and its expectation has taken effect. */
  readonly onEpoch: (collector: CurrentCollector) => void;
  /** Called when the expectation of the living process has changed. */
  readonly onExpectation: (collector: CurrentCollector) => void;
}

/** Octets of a UDP datagram that every known collector accepts. Used where the options give no `maxMessageLength`. */
const SAFE_DATAGRAM = 1024;

/** Milliseconds; see {@link CollectorOptions.templateRefresh}. */
const DEFAULT_TEMPLATE_REFRESH = 30_000;

/** A collector of some sessions, and its expectation now and from its next epoch on. */
export class CurrentCollector {
  readonly #parts: CurrentCollectorParts;
  #options: CollectorOptions;
  #collector: Collector;
  #expectations: Expectations;
  #candidates: Candidates | undefined;
  #started = false;
  #ignoreCredentials = () => {};
  /** Dials it, if one function serves all sessions. */
  #sharedDial: Dial | undefined;
  /** State that its sessions share; undefined: the mediator's default. */
  readonly #knowledge: CollectorKnowledge | undefined;

  constructor(
    options: CollectorOptions,
    { expectation, candidates }: CollectorExpectations,
    parts: CurrentCollectorParts,
    knowledge?: CollectorKnowledge,
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#knowledge = knowledge;
    if (candidates !== undefined) this.#candidates = new Candidates(candidates);
    this.#expectations = new Expectations(expectation, knowledge);
    if (knowledge !== undefined) expectation?.adopt(knowledge);
    this.#collector = this.#make(options);
  }

  get options(): CollectorOptions {
    return this.#options;
  }

  /** Equal for collectors that are the same process. */
  get place(): string {
    return placeOf(this.#options);
  }

  /** Whether nothing would show that it is away: UDP without a watch connection. */
  get unwatched(): boolean {
    return this.#options.transport === "udp" && this.#options.watch === undefined;
  }

  /** The profile that takes effect with its next process, where another one holds until then. */
  get nextProfile(): string | undefined {
    return this.#expectations.next?.profile;
  }

  /** Milliseconds after which templates are sent again over UDP. */
  get templateRefresh(): number {
    return this.#options.templateRefresh ?? DEFAULT_TEMPLATE_REFRESH;
  }

  /** How a session reaches it. Over UDP, each session sends from a port of its own. */
  route(): CollectorRoute {
    const dial = this.#options.transport === "udp"
      ? dialer(this.#options, this.#parts)
      : this.#sharedDial ??= dialer(this.#options, this.#parts);
    return { collector: this.#collector, dial };
  }

  /** The path to it, which its sessions' output has to fit. */
  facts(): CollectorFacts {
    const datagrams = this.#options.transport === "udp";
    const longest = this.#expectations.current?.maxMessageLength ?? this.#options.maxMessageLength ??
      (datagrams ? SAFE_DATAGRAM : undefined);
    return {
      datagrams,
      ...(longest === undefined ? {} : { maxMessageLength: longest }),
      ...(this.#knowledge === undefined ? {} : { knowledge: this.#knowledge }),
    };
  }

  get collector(): Collector {
    return this.#collector;
  }

  /**
   * Whether the collector itself accepts exporters of this transport. One that is reached over gRPC is assumed to
   * accept nothing else.
   */
  takes(transport: TransportProtocol): boolean {
    const isGrpc = this.#options.transport === "grpc";
    if (transport !== "grpc") return !isGrpc;
    return isGrpc || this.#expectations.current?.servesGrpc === true;
  }

  /** Called every second. */
  tick(): void {
    if (this.#collector.up) this.#candidates?.lived(this.#collector.usedFor);
  }

  /** Begins to watch. */
  start(): void {
    this.#started = true;
    this.#collector.start();
  }

  close(): void {
    this.#collector.close();
    this.#ignoreCredentials();
  }

  /**
   * Replaces the collector.
   *
   * @param expectations the new expectations; without any, the previous ones stay
   * @param now whether they may take effect at once, although a process lives under another expectation
   * @returns whether sessions have to dial again: it is another collector, or reached or verified in another way
   */
  change(options: CollectorOptions, expectations: CollectorExpectations, now: boolean): boolean {
    const before = this.#options;
    this.#options = options;
    this.#sharedDial = undefined;
    const { candidates } = expectations;
    const isSame = candidates !== undefined && sameProcess(before, options) && this.#candidates?.renew(candidates);
    if (isSame !== true) this.#candidates = candidates === undefined ? undefined : new Candidates(candidates);
    const expectation = this.#candidates?.current ?? expectations.expectation;
    if (sameProcess(before, options)) {
      const changed = !sameCollector(before, options);
      this.#followCredentials(options);
      if (changed) this.#collector.redirect(this.#watchDial(options));
      if (expectation !== undefined) this.expect(expectation, now);
      return changed;
    }
    this.close();
    this.#expectations = new Expectations(this.#expectations.current, this.#knowledge);
    if (expectation !== undefined) this.#expectations.expect(expectation, true);
    // The new process does not know the ids of the other one.
    this.#parts.mediator.beginEpoch?.(this.#knowledge);
    this.#collector = this.#make(options);
    if (this.#started) this.#collector.start();
    return true;
  }

  /**
   * Changes the expectation of the current collector.
   *
   * @returns whether it has taken effect; otherwise it does with the next epoch
   */
  expect(expectation: Expectation, now: boolean): boolean {
    const waited = this.#expectations.next?.key;
    const before = this.#expectations.current;
    if (this.#expectations.expect(expectation, now || !this.#collector.alive)) {
      if (before !== undefined && before.key !== expectation.key) this.#reportAdopted(before, expectation);
      return true;
    }
    if (waited !== expectation.key) {
      const fields = { profile: before?.profile, nextProfile: expectation.profile };
      const message = `waiting for the collector to restart: still ${before?.profile}, then ${expectation.profile}`;
      this.#report("warning", "profile_waits", message, fields);
    }
    return false;
  }

  /** Puts the waiting expectation into effect. Returns whether there was one. */
  adoptNext(): boolean {
    const { next } = this.#expectations;
    if (next !== undefined) this.expect(next, true);
    return next !== undefined;
  }

  state(sessions: Iterable<Session>): CollectorState {
    const { current, next } = this.#expectations;
    const candidates = this.#candidates;
    const takes = (transport: TransportProtocol) => this.takes(transport);
    return collectorState(this.#collector, sessions, this.#parts.counters, { current, next, candidates, takes });
  }

  #make(options: CollectorOptions): Collector {
    this.#followCredentials(options);
    return new Collector(options, {
      ...this.#parts,
      watch: this.#watchDial(options),
      onEpoch: () => this.#onEpoch(),
      onRejection: (rejection) => this.#onRejection(rejection),
    });
  }

  #onEpoch(): void {
    this.#parts.mediator.beginEpoch?.(this.#knowledge);
    const again = this.#candidates?.beginEpoch();
    if (again !== undefined) {
      this.#expectations.expect(again.to, true);
      const message = `the collector has restarted: trying profile ${again.to.profile} once more`;
      this.#report("info", "candidate_tried_again", message, { profile: again.to.profile, before: again.from.profile });
    }
    const changed = this.#expectations.beginEpoch();
    if (changed?.before !== undefined) this.#reportAdopted(changed.before, changed.after);
    this.#parts.onEpoch(this);
  }

  #onRejection(rejection: Rejection): void {
    const candidates = this.#candidates;
    if (candidates === undefined) return;
    // Acceptance of the candidate is measured from the next write.
    this.#collector.forgetUse();
    const lived = Math.round(rejection.endedAt - rejection.usedAt);
    const how = rejection.how === "closed" ? "closed a connection" : "ended its process";
    const what = `the collector ${how} ${
      (lived / 1_000).toFixed(1)
    } s after it received templates of ${candidates.current?.profile}`;
    const step = candidates.reject(rejection);
    if (candidates.accepts(rejection)) return;
    const fields = { profile: candidates.current?.profile, how: rejection.how, lived };
    if (step === undefined) return this.#report("warning", "candidate_in_doubt", what, fields);
    const message = `${what}, again: using profile ${step.to.profile} from now on`;
    this.#report("warning", "candidate_rejected", message, { ...fields, rejected: step.from.profile });
    this.#expectations.expect(step.to, true);
    this.#parts.onExpectation(this);
  }

  #reportAdopted(before: Expectation, { profile, dialect }: Expectation): void {
    const message = `profile ${profile} is now in effect for the collector, in place of ${before.profile}`;
    this.#report("info", "profile_adopted", message, { profile, dialect, before: before.profile });
  }

  /** A changed certificate may be what the collector waits for. */
  #followCredentials({ tls }: CollectorOptions): void {
    this.#ignoreCredentials();
    this.#ignoreCredentials = tls?.credentials.onChange?.(() => this.#collector.redirect(undefined)) ?? (() => {});
  }

  #watchDial(options: CollectorOptions): Dial | undefined {
    const { transport, watch } = options;
    if (!this.#parts.watch) return undefined;
    switch (transport) {
      case "tcp":
      case "tls":
      case "grpc":
        return dialer(options, this.#parts);
      case "udp":
        return watch === undefined ? undefined : (signal) => dialTcp(watch, signal);
    }
  }

  #report(level: "info" | "warning", event: EventName, message: string, fields: EventFields) {
    this.#parts.report({ level, event, message, fields: { collector: this.#collector.address, ...fields } });
  }
}
