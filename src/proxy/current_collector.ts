import { Candidates, type Rejection } from "./collector/candidates.ts";
import { Collector } from "./collector/collector.ts";
import { type CollectorOptions, sameCollector, sameProcess } from "./collector/collector_options.ts";
import { type CollectorState, collectorState } from "./collector/collector_state.ts";
import { type Expectation, Expectations } from "./collector/expectation.ts";
import type { ProxyOptions, SessionOpener } from "./proxy_options.ts";
import type { EventName } from "./reporting/event_name.ts";
import type { ProxyCounters } from "./reporting/proxy_counters.ts";
import type { EventFields, ReportEvent } from "./reporting/proxy_event.ts";
import type { Session } from "./session/session.ts";
import { dialer } from "./sockets.ts";
import type { Clock } from "./time/clock.ts";
import { dialTcp } from "./transport/tcp/tcp_connection.ts";
import type { Dial } from "./transport/connection.ts";

/** What a collector is expected to be: one thing, or one of several. */
export type CollectorExpectations = Pick<ProxyOptions, "expectation" | "candidates">;

export interface CurrentCollectorParts {
  readonly clock: Clock;
  readonly report: ReportEvent;
  readonly counters: ProxyCounters;
  readonly random: () => number;
  readonly dialTimeout: () => number;
  readonly mediator: SessionOpener;
  /** Whether there may be a watch connection. */
  readonly watch: boolean;
  /** Called when another process has taken over, and what is expected of it holds. */
  readonly onEpoch: () => void;
  /** Called when something else is expected of the process that lives. */
  readonly onExpectation: () => void;
}

/** The collector that holds now, and what is expected of it: now, and from its next epoch on. */
export class CurrentCollector {
  readonly #parts: CurrentCollectorParts;
  #options: CollectorOptions;
  #collector: Collector;
  #expectations: Expectations;
  #candidates: Candidates | undefined;
  #started = false;
  #ignoreCredentials = () => {};

  constructor(
    options: CollectorOptions,
    { expectation, candidates }: CollectorExpectations,
    parts: CurrentCollectorParts,
  ) {
    this.#parts = parts;
    this.#options = options;
    if (candidates !== undefined) this.#candidates = new Candidates(candidates);
    this.#expectations = new Expectations(expectation);
    this.#collector = this.#make(options);
  }

  get collector(): Collector {
    return this.#collector;
  }

  /** Octets of the longest message towards it; undefined: whatever its transport takes. */
  get maxMessageLength(): number | undefined {
    return this.#expectations.current?.maxMessageLength ?? this.#options.maxMessageLength;
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
   * Makes this the collector.
   *
   * @param expectations what it is expected to be; without any: as before
   * @param now whether that may hold at once, though a process lives that was expected to be something else
   * @returns whether sessions have to dial anew: it is another collector, or reached or verified in another way
   */
  change(options: CollectorOptions, expectations: CollectorExpectations, now: boolean): boolean {
    const before = this.#options;
    this.#options = options;
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
    this.#expectations = new Expectations(this.#expectations.current);
    if (expectation !== undefined) this.#expectations.expect(expectation, true);
    // What its process knows of ids is not what the other one knew.
    this.#parts.mediator.beginEpoch?.();
    this.#collector = this.#make(options);
    if (this.#started) this.#collector.start();
    return true;
  }

  /**
   * Expects this of the collector that holds now.
   *
   * @returns whether it holds already; otherwise from the next epoch on
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

  /** What waits for the next process holds from now on. Returns whether something waited. */
  adoptNext(): boolean {
    const { next } = this.#expectations;
    if (next !== undefined) this.expect(next, true);
    return next !== undefined;
  }

  state(sessions: Iterable<Session>): CollectorState {
    const { current, next } = this.#expectations;
    const candidates = this.#candidates;
    return collectorState(this.#collector, sessions, this.#parts.counters, { current, next, candidates });
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
    this.#parts.mediator.beginEpoch?.();
    const again = this.#candidates?.beginEpoch();
    if (again !== undefined) {
      this.#expectations.expect(again.to, true);
      const message = `the collector is another process: taken for ${again.to.profile} again, once`;
      this.#report("info", "candidate_tried_again", message, { profile: again.to.profile, before: again.from.profile });
    }
    const changed = this.#expectations.beginEpoch();
    if (changed?.before !== undefined) this.#reportAdopted(changed.before, changed.after);
    this.#parts.onEpoch();
  }

  #onRejection(rejection: Rejection): void {
    const candidates = this.#candidates;
    if (candidates === undefined) return;
    // Whether the candidate is accepted is measured from what is given to it next.
    this.#collector.forgetUse();
    const lived = Math.round(rejection.endedAt - rejection.usedAt);
    const how = rejection.how === "closed" ? "closed a connection" : "ended its process";
    const what = `the collector ${how} ${lived} ms after it was given templates of ${candidates.current?.profile}`;
    const step = candidates.reject(rejection);
    const fields = { profile: candidates.current?.profile, how: rejection.how, lived };
    if (step === undefined) return this.#report("warning", "candidate_in_doubt", what, fields);
    const message = `${what}, again: taken for ${step.to.profile} from now on`;
    this.#report("warning", "candidate_rejected", message, { ...fields, rejected: step.from.profile });
    this.#expectations.expect(step.to, true);
    this.#parts.onExpectation();
  }

  #reportAdopted(before: Expectation, { profile, dialect }: Expectation): void {
    const message = `the collector is taken for ${profile}; it was ${before.profile}`;
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
        return dialer(options);
      case "udp":
        return watch === undefined ? undefined : (signal) => dialTcp(watch, signal);
    }
  }

  #report(level: "info" | "warning", event: EventName, message: string, fields: EventFields) {
    this.#parts.report({ level, event, message, fields: { collector: this.#collector.address, ...fields } });
  }
}
