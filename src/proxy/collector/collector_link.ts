import { type Clock, pause } from "../time/clock.ts";
import { CollectorConnection } from "./collector_connection.ts";
import type { Dial } from "../transport/connection.ts";
import type { ProxyCounters } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import { errorMessage } from "../../error_message.ts";

/** What all links to one collector have in common. Times in milliseconds. */
export interface CollectorLinkOptions {
  readonly clock: Clock;
  readonly counters: ProxyCounters;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  /** One attempt takes no longer. */
  readonly dialTimeout: number;
  /** Octets that both kernels together hold of one connection at most; see {@link LossBound}. */
  readonly inFlight?: number;
}

/** What each has of its own. */
export interface CollectorLinkParts {
  readonly dial: Dial;
  /** As {@link CollectorLink.hold}. */
  readonly hold: number;
  readonly report: ReportOfSession;
}

const FIRST_BACKOFF = 100;
const LARGEST_BACKOFF = 5_000;
/** A connection that lived for less is one more attempt that failed: hold and backoff go on where they were. */
const ACCEPTED_AFTER = 100;
/** One that lived for less gives no reason to dial again without a pause, nor for a long one. */
const STABLE_AFTER = 1_000;
const UNSTABLE_ATTEMPTS = 2;

/**
 * One exporter session's way to the collector: dials, notices a loss at once, dials again with exponential backoff and jitter for as
 * long as the exporter may be held.
 */
export class CollectorLink {
  /** Told once it is given up: past hold, or closed here. */
  owner: { abandoned(): void } | undefined;
  /** How long an exporter is held while there is no collector; 0: not at all, the first failure is the last. Milliseconds. */
  hold: number;
  readonly #options: CollectorLinkOptions;
  readonly #report: ReportOfSession;
  #closed = false;
  /** While a connection is looked for: ends the attempt, or the pause before it. */
  #looking: AbortController | undefined;
  #current: Promise<CollectorConnection | undefined>;
  #connection: CollectorConnection | undefined;
  /** When the collector went away, or was first looked for. */
  #awaySince: number;
  #attempts = 0;
  #dial: Dial;
  /** How the connection that stands was dialled. */
  #dialled: Dial | undefined;

  /** Begins to dial. */
  constructor(options: CollectorLinkOptions, { dial, hold, report }: CollectorLinkParts) {
    this.#options = options;
    this.#report = report;
    this.#dial = dial;
    this.hold = hold;
    this.#awaySince = options.clock.now();
    this.#current = this.#reach();
  }

  /** The connection that stands, or the next one. Undefined once there will be none. */
  connection(): Promise<CollectorConnection | undefined> {
    return this.#current;
  }

  /** The connection after this one, which failed. Undefined once there will be none. */
  async replace(failed: CollectorConnection): Promise<CollectorConnection | undefined> {
    failed.close();
    await failed.ended;
    return this.#closed ? undefined : await this.#current;
  }

  /** Dials this from the next connection on. What stands lives on. */
  redirect(dial: Dial): void {
    this.#dial = dial;
  }

  /** What stands, unless it was dialled as the next one would be, is written to no more and makes room with the next write. */
  retire(): void {
    if (this.#dialled !== this.#dial) this.#connection?.retire();
  }

  /** The same at once, though the collector has not taken what is being written: that comes back as not taken. */
  tearDown(): void {
    this.retire();
    if (this.#connection?.retired === true) this.#connection.close();
  }

  /** Whether a connection stands now. */
  get connected(): boolean {
    return this.#connection?.lost === false;
  }

  /** Ends what stands or is being dialled, and looks for no other. */
  close(): void {
    this.#giveUp();
    this.#connection?.close();
  }

  #giveUp(): void {
    this.#closed = true;
    this.#looking?.abort(new Error("gave up"));
  }

  #abandon(): void {
    queueMicrotask(() => this.owner?.abandoned());
  }

  /** Flushes and closes in order, waiting so long for the collector to do the same. */
  async finish(milliseconds: number): Promise<void> {
    this.#giveUp();
    const connection = this.#connection;
    if (connection === undefined) return;
    const reason = await connection.finish(this.#options.clock, milliseconds);
    if (reason !== undefined) this.#countLoss(connection, reason);
  }

  async #reach(): Promise<CollectorConnection | undefined> {
    const { clock, counters } = this.#options;
    const first = this.#connection === undefined;
    for (; !this.#closed; this.#attempts++) {
      const looking = this.#looking = new AbortController();
      if (this.#attempts > 0) {
        const left = this.#awaySince + this.hold - clock.now();
        if (left <= 0) break;
        await pause(clock, Math.min(left, this.#backoff()), looking.signal);
        if (this.#closed) break;
      }
      const connection = await this.#attempt(looking);
      if (connection === undefined) continue;
      this.#connection = connection;
      this.#looking = undefined;
      if (!first) counters.collectorReconnects++;
      const away = Math.round(clock.now() - this.#awaySince);
      if (first) this.#report("debug", "collector_connected", "connected to the collector");
      else this.#report("info", "collector_found", `the collector is back after ${away} ms`, { away });
      this.#watch(connection);
      return connection;
    }
    this.#looking = undefined;
    this.#abandon();
    return undefined;
  }

  /** Apart, so that what waits for the end of a connection holds nothing of how it was found. */
  #watch(connection: CollectorConnection): void {
    connection.ended.then((reason) => this.#lose(connection, reason));
  }

  /**
   * One attempt, and where the last connection died young, a moment to see whether this one does too. TLS 1.3 always gets that
   * moment: a collector refuses this side's certificate only after the handshake has succeeded here.
   *
   * @param looking gives it up
   */
  async #attempt(looking: AbortController): Promise<CollectorConnection | undefined> {
    const { clock, counters, dialTimeout, inFlight } = this.#options;
    const cancel = clock.after(dialTimeout, () => looking.abort(new Error(`no answer within ${dialTimeout} ms`)));
    try {
      const dial = this.#dial;
      const dialled = await dial(looking.signal);
      cancel();
      const connection = new CollectorConnection(dialled, clock, inFlight);
      this.#dialled = dial;
      if (dialled.transport === "tls" || (this.#connection !== undefined && this.#attempts > 0)) {
        await Promise.race([connection.ended, pause(clock, ACCEPTED_AFTER, looking.signal)]);
      }
      if (connection.lost || this.#closed) {
        connection.close();
        throw new Error("it accepted and closed at once");
      }
      counters.countCollector("connected");
      return connection;
    } catch (error) {
      counters.countCollector("failed");
      const reason = errorMessage(error);
      if (this.#attempts === 0) {
        this.#report("warning", "collector_unreachable", "cannot reach the collector", { reason });
      }
      return undefined;
    } finally {
      cancel();
    }
  }

  #lose(connection: CollectorConnection, reason = "it closed the connection"): void {
    if (this.#closed) return;
    connection.close();
    if (!connection.retired) this.#countLoss(connection, reason);
    const { clock } = this.#options;
    const lived = clock.now() - connection.openedAt;
    if (connection.retired || lived >= ACCEPTED_AFTER) this.#awaySince = clock.now();
    if (connection.retired || lived >= STABLE_AFTER) this.#attempts = 0;
    else if (lived >= ACCEPTED_AFTER) this.#attempts = Math.min(this.#attempts + 1, UNSTABLE_ATTEMPTS);
    else this.#attempts++;
    if (this.hold > 0 || connection.retired) this.#current = this.#reach();
    else {
      this.#current = Promise.resolve(undefined);
      this.#abandon();
    }
  }

  #countLoss(connection: CollectorConnection, reason: string): void {
    const { counters } = this.#options;
    const possiblyLost = connection.inFlight.records;
    counters.countCollector("lost");
    counters.recordsPossiblyLost += possiblyLost;
    const message = `the collector is gone; up to ${possiblyLost} records may be lost with it`;
    this.#report("warning", "collector_lost", message, { reason, possiblyLost });
  }

  #backoff(): number {
    const delay = Math.min(FIRST_BACKOFF * 2 ** (this.#attempts - 1), LARGEST_BACKOFF);
    return delay * (0.5 + this.#options.random() / 2);
  }
}
