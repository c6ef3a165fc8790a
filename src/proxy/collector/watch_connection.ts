import { systemReason } from "../../error_message.ts";
import { usesTls } from "../../ipfix/message/transport_protocol.ts";
import { type Clock, pause } from "../time/clock.ts";
import type { Connection, Dial } from "../transport/connection.ts";
import { dialUnlessAborted } from "../transport/dial.ts";
import { ACCEPTED_AFTER, backoff } from "./redial.ts";

/** Receives what a watch connection shows of the collector's process. */
export interface CollectorSight {
  /** The connection stands, its handshake included. */
  reached(): void;
  /** It has stood for {@link STOOD_AFTER}. */
  stood(): void;
  /** It has ended. @param stood whether {@link stood} was called for it */
  watchLost(reason: string, stood: boolean): void;
  /** It could not be made. */
  unreachable(reason: string): void;
}

/** Milliseconds after which a watch connection counts as accepted by a living process. */
export const STOOD_AFTER = 1_000;
/** Maximum number of attempts that count for the backoff after a connection that was accepted and has not stood. */
const SHORT_ATTEMPTS = 2;
/** With TLS 1.3 the collector rejects a client certificate only after this side has completed the handshake. */
const TLS_ACCEPTED_AFTER = 100;

/** Input from the collector is discarded, so many reads in a row and then after a pause: it may come without end. */
const DISCARDED = new Uint8Array(64 * 1024);
const READS = 4;
const PAUSE = 10;

export interface WatchOptions {
  readonly clock: Clock;
  /** Returns a number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** Returns how many milliseconds one attempt may take. */
  readonly dialTimeout: () => number;
}

/**
 * One connection to the collector on which nothing is sent. It shows at once that the collector can be reached, that
 * its process has ended, and why it cannot be reached now. It is no session. Collectors of go-ipfix v0.5.7 to v0.11
 * never close their side of a connection, so there is never more than one, and it is kept for as long as it stands.
 */
export class WatchConnection {
  readonly #options: WatchOptions;
  readonly #sight: CollectorSight;
  #dial: Dial;
  #attempts = 0;
  #connection: Connection | undefined;
  /** Aborts the attempt that is under way. */
  #attempt = new AbortController();
  /** Ends the pause before the next attempt. */
  #pause = new AbortController();
  readonly #closing = new AbortController();
  #closed = false;

  constructor(dial: Dial, options: WatchOptions, sight: CollectorSight) {
    this.#dial = dial;
    this.#options = options;
    this.#sight = sight;
  }

  /** Dials now, and again whenever the connection has ended, until it is closed. */
  start(): void {
    void this.#run();
  }

  /** Dials in this way from now on. A current or pending attempt is restarted; an open connection is kept. */
  redirect(dial: Dial): void {
    this.#dial = dial;
    this.hurry();
    this.#attempt.abort(new Error("dialled in another way"));
  }

  /** Makes the next attempt now. */
  hurry(): void {
    this.#attempts = 0;
    this.#pause.abort();
  }

  close(): void {
    this.#closed = true;
    this.#closing.abort();
    this.#pause.abort();
    this.#attempt.abort(new Error("closed"));
    this.#connection?.close();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#closed) {
      await this.#once();
      if (this.#closed || this.#attempts === 0) continue;
      this.#pause = new AbortController();
      await pause(clock, backoff(this.#attempts, random), this.#pause.signal);
    }
  }

  /**
   * Dials extra connections until one lasts for a moment, and closes it: for a collector whose watch connection stands
   * but that sessions cannot reach.
   *
   * @param onFailure called with the reason of each attempt that failed
   * @returns whether one lasted; false if aborted
   */
  async probe(signal: AbortSignal, onFailure: (reason: string) => void): Promise<boolean> {
    const { clock, random } = this.#options;
    for (let attempts = 1;; attempts++) {
      await pause(clock, backoff(attempts, random), signal);
      if (signal.aborted) return false;
      let reason: string | void;
      try {
        const connection = await this.#connect(this.#dial, signal);
        reason = await Promise.race([endOf(connection, clock, signal), pause(clock, ACCEPTED_AFTER, signal)]);
        connection.close();
      } catch (error) {
        reason = systemReason(error);
      }
      if (signal.aborted) return false;
      if (reason === undefined) return true;
      onFailure(reason);
    }
  }

  /** Makes one connection, and waits for its end. */
  async #once(): Promise<void> {
    const { clock } = this.#options;
    const dial = this.#dial;
    let connection: Connection;
    try {
      this.#attempt = new AbortController();
      connection = this.#connection = await this.#connect(dial, this.#attempt.signal);
    } catch (error) {
      // The way to dial has changed meanwhile, so this failure means nothing.
      if (dial !== this.#dial || this.#closed) return;
      this.#attempts++;
      this.#sight.unreachable(systemReason(error));
      return;
    }
    const ended = endOf(connection, clock, this.#closing.signal);
    if (usesTls(connection.transport)) {
      const wait = (milliseconds: number) => Promise.race([ended, pause(clock, milliseconds, this.#attempt.signal)]);
      // If both are due, the timer fires before the socket is read: the end shows only in the next turn.
      const reason = await wait(TLS_ACCEPTED_AFTER) ?? await wait(1);
      if (reason !== undefined) {
        connection.close();
        this.#attempts++;
        return this.#closed ? undefined : this.#sight.unreachable(`it ended the connection at once: ${reason}`);
      }
    }
    if (this.#closed) return connection.close();
    this.#sight.reached();
    const since = clock.now();
    let stood = false;
    const cancel = clock.after(STOOD_AFTER, () => {
      this.#attempts = 0;
      stood = true;
      this.#sight.stood();
    });
    this.#attempts++;
    const reason = await ended;
    // A collector that keeps restarting is reachable, so its backoff stays short.
    if (clock.now() - since >= ACCEPTED_AFTER) this.#attempts = Math.min(this.#attempts, SHORT_ATTEMPTS);
    cancel();
    connection.close();
    this.#connection = undefined;
    if (!this.#closed) this.#sight.watchLost(reason, stood);
  }

  async #connect(dial: Dial, signal: AbortSignal): Promise<Connection> {
    const overdue = new AbortController();
    const { clock, dialTimeout } = this.#options;
    const timeout = dialTimeout();
    const cancel = clock.after(timeout, () => overdue.abort(new Error(`no answer within ${timeout} ms`)));
    try {
      return await dialUnlessAborted(dial, AbortSignal.any([signal, overdue.signal]));
    } finally {
      cancel();
    }
  }
}

/** Resolves with the reason when the peer has closed or reset the connection. */
async function endOf(connection: Connection, clock: Clock, signal: AbortSignal): Promise<string> {
  try {
    for (let reads = 1; await connection.read(DISCARDED) !== null; reads++) {
      if (reads % READS === 0) await pause(clock, PAUSE, signal);
    }
    return "it closed the connection";
  } catch (error) {
    return systemReason(error);
  }
}
