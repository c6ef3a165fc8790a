import { Collector } from "./collector/collector.ts";
import { type CollectorOptions, sameCollector, sameProcess } from "./collector/collector_options.ts";
import { type CollectorState, collectorState } from "./collector/collector_state.ts";
import { type Expectation, Expectations } from "./collector/expectation.ts";
import type { SessionOpener } from "./proxy_options.ts";
import type { ProxyCounters } from "./reporting/proxy_counters.ts";
import type { EventFields, ReportEvent } from "./reporting/proxy_event.ts";
import type { Session } from "./session/session.ts";
import { dialer } from "./sockets.ts";
import type { Clock } from "./time/clock.ts";
import { dialTcp } from "./transport/tcp/tcp_connection.ts";
import type { Dial } from "./transport/connection.ts";

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
}

/** The collector that holds now, and what is expected of it: now, and from its next epoch on. */
export class CurrentCollector {
  readonly #parts: CurrentCollectorParts;
  #options: CollectorOptions;
  #collector: Collector;
  #expectations: Expectations;
  #started = false;
  #ignoreCredentials = () => {};

  constructor(options: CollectorOptions, expectation: Expectation | undefined, parts: CurrentCollectorParts) {
    this.#parts = parts;
    this.#options = options;
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
   * @param expectation what it is expected to be; undefined: as before
   * @param now whether that may hold at once, though a process lives that was expected to be something else
   * @returns whether sessions have to dial anew: it is another collector, or reached or verified in another way
   */
  change(options: CollectorOptions, expectation: Expectation | undefined, now: boolean): boolean {
    const before = this.#options;
    this.#options = options;
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

  state(sessions: Iterable<Session>): CollectorState {
    const { current, next } = this.#expectations;
    return collectorState(this.#collector, sessions, this.#parts.counters, { current, next });
  }

  #make(options: CollectorOptions): Collector {
    this.#followCredentials(options);
    return new Collector(options, { ...this.#parts, watch: this.#watchDial(options), onEpoch: () => this.#onEpoch() });
  }

  #onEpoch(): void {
    this.#parts.mediator.beginEpoch?.();
    const changed = this.#expectations.beginEpoch();
    if (changed?.before !== undefined) this.#reportAdopted(changed.before, changed.after);
    this.#parts.onEpoch();
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
        return dialer(options);
      case "udp":
        return watch === undefined ? undefined : (signal) => dialTcp(watch, signal);
      case "grpc":
        return undefined;
    }
  }

  #report(level: "info" | "warning", event: "profile_waits" | "profile_adopted", message: string, fields: EventFields) {
    this.#parts.report({ level, event, message, fields: { collector: this.#collector.address, ...fields } });
  }
}
