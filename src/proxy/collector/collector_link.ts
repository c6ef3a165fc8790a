import { type Clock, pause } from "../time/clock.ts";
import type { Collector } from "./collector.ts";
import { CollectorConnection } from "./collector_connection.ts";
import { ACCEPTED_AFTER, backoff } from "./redial.ts";
import { usesTls } from "../../ipfix/message/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { Dial } from "../transport/connection.ts";
import { dialUnlessAborted } from "../transport/dial.ts";
import type { ProxyCounters } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import { systemReason } from "../../error_message.ts";

/** Options shared by all links to a collector. Times are in milliseconds. */
export interface CollectorLinkOptions {
  readonly clock: Clock;
  readonly counters: ProxyCounters;
  /** Returns a number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** How long one attempt may take. */
  readonly dialTimeout: number;
  /** Maximum octets of a connection in both kernels; see {@link LossBound}. */
  readonly inFlight?: number;
}

/** A collector, and how one session's connection to it is made. */
export interface CollectorRoute {
  readonly collector: Collector;
  readonly dial: Dial;
}

/** Options of one link. */
export interface CollectorLinkParts {
  readonly route: CollectorRoute;
  /** As {@link CollectorLink.hold}. */
  readonly hold: number;
  readonly report: ReportOfSession;
  /** Of the session. */
  readonly counters: Counters;
}

/** Milliseconds a connection must last for the backoff to start again from nothing. */
const STABLE_AFTER = 1_000;
/** Maximum number of attempts that count for the backoff after a shorter connection. */
const UNSTABLE_ATTEMPTS = 2;

/**
 * Connects one exporter's session to the collector. It dials, detects a loss at once, and dials again with exponential
 * backoff and jitter until the hold time is over.
 */
export class CollectorLink {
  /** Notified when the link gives up: the hold time is over, or it was closed. */
  owner: { abandoned(): void } | undefined;
  /**
   * How long an exporter is held while no collector is connected, in milliseconds. With 0 the link gives up at the
   * first failure.
   */
  hold: number;
  readonly #options: CollectorLinkOptions;
  readonly #report: ReportOfSession;
  readonly #counters: Counters;
  #closed = false;
  /** Aborts the current attempt, or the pause before it. */
  #dialling: AbortController | undefined;
  /** The current or next connection; undefined before the first is asked for. */
  #current: Promise<CollectorConnection | undefined> | undefined;
  #connection: CollectorConnection | undefined;
  /** Those that have ended while it is not clear yet how. */
  readonly #settling = new Set<CollectorConnection>();
  /** When the collector was lost, or first dialled. */
  #awaySince = 0;
  #attempts = 0;
  #route: CollectorRoute;
  /** The way of the current connection. */
  #dialled: CollectorRoute | undefined;

  constructor(options: CollectorLinkOptions, { route, hold, report, counters }: CollectorLinkParts) {
    this.#counters = counters;
    this.#options = options;
    this.#report = report;
    this.#route = route;
    this.hold = hold;
  }

  /**
   * Resolves with the current or next connection; with undefined once the link has given up. Starts to dial when it is
   * first called, so that an exporter that has nothing to send costs the collector nothing.
   */
  connection(): Promise<CollectorConnection | undefined> {
    if (this.#current !== undefined) return this.#current;
    this.#awaySince = this.#options.clock.now();
    return this.#current = this.#connect();
  }

  /** Closes a failed connection and resolves with the next one; with undefined once the link has given up. */
  async replace(failed: CollectorConnection): Promise<CollectorConnection | undefined> {
    failed.close();
    await failed.ended;
    return this.#closed ? undefined : await this.#current;
  }

  /**
   * Dials in this way from the next attempt on. An attempt that is under way is made as it began, and the current
   * connection stays open.
   */
  redirect(route: CollectorRoute): void {
    this.#route = route;
  }

  /**
   * Retires the current connection, so that the next write uses a new one.
   *
   * @returns false if it can stay: it was dialled in the present way, and nothing has been written to it
   */
  retire(): boolean {
    const connection = this.#connection;
    if (connection?.usedAt === undefined && this.#dialled?.dial === this.#route.dial) return false;
    connection?.retire();
    return true;
  }

  /** As {@link retire}, but also closes the connection. A write that is under way counts as not taken. */
  tearDown(): void {
    if (this.retire()) this.#connection?.close();
  }

  /** Transport and address of the collector that it is for. */
  get collector(): string {
    const { transport, address } = this.#route.collector;
    return `${transport} ${address}`;
  }

  /** Whether the collector is connected. */
  get connected(): boolean {
    return this.#connection?.lost === false;
  }

  /** Closes the connection, or aborts dialling, and gives up. */
  close(): void {
    this.#giveUp();
    for (const connection of this.#settling) connection.abort();
    const connection = this.#connection;
    if (connection === undefined) return;
    const isOpen = !connection.lost;
    connection.abort();
    if (isOpen && connection.possiblyLost > 0) this.#reportLoss(connection, "the session ended before it had read all");
  }

  #giveUp(): void {
    this.#closed = true;
    this.#dialling?.abort(new Error("given up"));
  }

  #abandon(): void {
    queueMicrotask(() => this.owner?.abandoned());
  }

  /** Flushes and half-closes the connection, then waits up to this many milliseconds for the collector to close it. */
  async finish(milliseconds: number): Promise<void> {
    this.#giveUp();
    const connection = this.#connection;
    if (connection === undefined) return;
    const reason = await connection.finish(this.#options.clock, milliseconds);
    if (reason !== undefined) await this.#countLoss(connection, reason);
  }

  async #connect(): Promise<CollectorConnection | undefined> {
    const { clock, counters, random } = this.#options;
    const first = this.#connection === undefined;
    for (; !this.#closed; this.#attempts++) {
      const dialling = this.#dialling = new AbortController();
      if (this.#attempts > 0) {
        const left = this.#awaySince + this.hold - clock.now();
        if (left <= 0) break;
        await this.#route.collector.wait(Math.min(left, backoff(this.#attempts, random)), dialling.signal);
        if (this.#closed) break;
      }
      const connection = await this.#attempt(dialling);
      if (connection === undefined) continue;
      this.#connection = connection;
      this.#dialling = undefined;
      if (!first) counters.collectorReconnects++;
      const away = Math.round(clock.now() - this.#awaySince);
      this.#report("debug", "collector_connected", `connected to the collector${first ? "" : " again"}`, { away });
      this.#watch(connection);
      return connection;
    }
    this.#dialling = undefined;
    this.#abandon();
    return undefined;
  }

  /** A method of its own, so that the waiting callback keeps nothing of {@link #connect} in memory. */
  #watch(connection: CollectorConnection): void {
    const { collector } = this.#dialled ?? this.#route;
    connection.ended.then((reason) => {
      const ours = this.#closed || connection.retired;
      collector.ended(connection, ours ? undefined : reason ?? "it closed the connection");
      this.#lose(connection, reason);
    });
  }

  /**
   * Dials once. If the previous connection was short, or the collector is away, waits a moment to see whether the new
   * one lasts. Over TLS it always waits, because with TLS 1.3 the collector rejects a client certificate only after the
   * handshake has completed on this side.
   *
   * @param dialling aborts the attempt
   */
  async #attempt(dialling: AbortController): Promise<CollectorConnection | undefined> {
    const { clock, counters, dialTimeout, inFlight } = this.#options;
    const route = this.#route;
    const cancel = clock.after(dialTimeout, () => dialling.abort(new Error(`no answer within ${dialTimeout} ms`)));
    try {
      const { collector } = route;
      collector.assertThere();
      const dialled = await dialUnlessAborted(route.dial, dialling.signal);
      cancel();
      dialled.count?.(this.#counters);
      const connection = new CollectorConnection(dialled, { clock, inFlight, onTaken: collector.taken });
      this.#dialled = route;
      let reason: string | void = undefined;
      const isRetry = this.#connection !== undefined && this.#attempts > 0;
      if (usesTls(dialled.transport) || isRetry || collector.mayCloseAtOnce) {
        reason = await Promise.race([connection.ended, pause(clock, ACCEPTED_AFTER, dialling.signal)]);
      }
      if (this.#connection?.retired === false) await collector.settled(dialling.signal);
      if (connection.lost || this.#closed) {
        connection.close();
        const why = reason === undefined ? "" : `: ${reason}`;
        throw new Error(`it accepted the connection and closed it at once${why}`);
      }
      collector.opened(connection);
      counters.countCollector("connected");
      return connection;
    } catch (error) {
      counters.countCollector("failed");
      // An attempt that this side aborted shows nothing about the collector.
      if (this.#closed) return undefined;
      const reason = systemReason(error);
      if (!route.collector.failed(reason) && this.#attempts === 0) {
        this.#report("warning", "collector_unreachable", "cannot reach the collector", { reason });
      }
      return undefined;
    } finally {
      cancel();
    }
  }

  #lose(connection: CollectorConnection, reason = "it closed the connection"): void {
    if (this.#closed) return;
    if (connection.retired) connection.close();
    else void this.#countLoss(connection, reason);
    const { clock } = this.#options;
    const lived = clock.now() - connection.openedAt;
    // After a connection that was not even accepted, hold time and backoff continue.
    if (connection.retired || lived >= ACCEPTED_AFTER) this.#awaySince = clock.now();
    if (connection.retired || lived >= STABLE_AFTER) this.#attempts = 0;
    else if (lived >= ACCEPTED_AFTER) this.#attempts = Math.min(this.#attempts + 1, UNSTABLE_ATTEMPTS);
    else this.#attempts++;
    if (this.hold > 0 || connection.retired) this.#current = this.#connect();
    else {
      this.#current = Promise.resolve(undefined);
      this.#abandon();
    }
  }

  async #countLoss(connection: CollectorConnection, reason: string): Promise<void> {
    this.#settling.add(connection);
    await connection.settle();
    this.#settling.delete(connection);
    this.#reportLoss(connection, reason);
  }

  #reportLoss(connection: CollectorConnection, reason: string): void {
    if (connection.counted) return;
    connection.counted = true;
    const { counters } = this.#options;
    const { possiblyLost } = connection;
    counters.countCollector("lost");
    counters.recordsPossiblyLost += possiblyLost;
    const records = possiblyLost === 1 ? "1 record" : `${possiblyLost} records`;
    const message = `lost the connection to the collector; up to ${records} may be lost with it`;
    this.#report("warning", "collector_lost", message, { reason, possiblyLost });
  }
}
