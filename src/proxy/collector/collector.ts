import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { ReportEvent } from "../reporting/proxy_event.ts";
import type { Clock } from "../time/clock.ts";
import { pause } from "../time/clock.ts";
import { formatAddress } from "../transport/address.ts";
import type { Dial } from "../transport/connection.ts";
import type { Rejection } from "./candidates.ts";
import type { CollectorConnection } from "./collector_connection.ts";
import type { CollectorOptions } from "./collector_options.ts";
import { type CollectorCondition, Reachability } from "./reachability.ts";
import { ACCEPTED_AFTER } from "./redial.ts";
import { type CollectorSight, STOOD_AFTER, WatchConnection } from "./watch_connection.ts";

/** Milliseconds that the end of a process may take from its first connection to its last. */
const ENDS_WITHIN = 250;
/**
 * Milliseconds that a connection waits before it is used, if it replaces a lost one while the watch connection stands:
 * within that time the watch connection ends too if the process has ended.
 */
const CONFIRMED_AFTER = 50;

export interface CollectorParts {
  readonly clock: Clock;
  readonly report: ReportEvent;
  readonly random: () => number;
  readonly dialTimeout: () => number;
  /** Dials the watch connection; undefined: there is none. */
  readonly watch: Dial | undefined;
  /** Called when an epoch begins, before anything is sent to the new process. */
  readonly onEpoch: () => void;
  /**
   * Called when the collector has closed a session's connection of its own accord, or its process has ended, with
   * the network ruled out as a cause. Only with a watch connection.
   */
  readonly onRejection?: (rejection: Rejection) => void;
}

/**
 * One collector: whether it is reachable, and its epochs. An epoch is the life of one process. It begins when
 * the collector is reached after there was none, and ends when the process is seen to have gone.
 *
 * Over tcp and tls, the end of a process resets or closes all its connections. There it is decided as follows:
 *
 * - The watch connection stands: it is the same process, whatever becomes of sessions' connections. A collector may
 *   close those of its own accord, as go-ipfix does at a message that it cannot decode.
 * - The watch connection has ended and, {@link ENDS_WITHIN} later, a session's connection stands that was older than a
 *   second when that happened: the network has dropped one connection. It is the same process, and the epoch goes on. A
 *   younger one may lead to the next process already: it counts only if it was older than {@link ENDS_WITHIN}, and the
 *   collector has ended no session's connection in the second before, nor since. A process that ends, ends them all.
 * - The watch connection has ended and none of those stands: the process has ended, and with it the epoch.
 * - There is no watch connection, or it cannot be made: the epoch ends with the last session's connection.
 *
 * A collector that accepts connections and closes them at once is not up: after an end, the next epoch begins once a
 * connection has lasted for {@link ACCEPTED_AFTER}. It counts as reachable again once a session's
 * connection that has lasted for as long has taken something, or the watch connection has stood for a second.
 *
 * If the watch connection stands but sessions cannot connect, the collector is away in the same epoch: records are
 * held, and it is probed until it takes connections again.
 *
 * Over udp, connections show nothing. There the watch connection goes to another port of the same process, and its end
 * decides alone if the next attempt fails: servers close idle connections of their own accord. No server does so within
 * a second: if it had stood for less, the process has ended. Without it, an epoch ends only where {@link announceEpoch}
 * says so.
 */
export class Collector implements CollectorSight {
  readonly address: string;
  readonly transport: TransportProtocol;
  /** Epochs that have begun. */
  epoch = 0;
  readonly #parts: CollectorParts;
  readonly #reachability: Reachability;
  readonly #datagrams: boolean;
  readonly #watch: WatchConnection | undefined;
  readonly #connections = new Set<CollectorConnection>();
  /** End the pauses of sessions that wait for the collector. */
  readonly #waiting = new Set<AbortController>();
  #alive = false;
  #watchStands = false;
  /** When the collector last ended a session's connection. */
  #lastLossAt = -Infinity;
  /** The end of the watch connection, while it is open whether the process ended with it. */
  #doubt: { readonly since: number; readonly resolved: Promise<void>; readonly resolve: () => void } | undefined;
  /** Time of the first write for the current expectation. */
  #usedAt: number | undefined;
  /** The end of a process, while it is not known whether the network caused it. */
  #rejection: Rejection | undefined;
  /** Cancel the timers that show whether the watch connection, or one that has taken something, lasts. */
  #cancelBeginning: (() => void) | undefined;
  #cancelProof: (() => void) | undefined;
  /** Cancel the timer that shows whether sessions cannot connect, and the probes that follow it. */
  #cancelBlock: (() => void) | undefined;
  #probing: AbortController | undefined;
  #closed = false;

  constructor({ transport, address }: CollectorOptions, parts: CollectorParts) {
    this.#parts = parts;
    this.address = formatAddress(address);
    this.transport = transport;
    this.#datagrams = transport === "udp";
    this.#reachability = new Reachability(this.address, parts.clock, parts.report);
    if (parts.watch !== undefined) this.#watch = new WatchConnection(parts.watch, parts, this);
  }

  /** Begins to watch. */
  start(): void {
    this.#watch?.start();
  }

  close(): void {
    this.#closed = true;
    this.#reachability.close();
    this.#watch?.close();
    this.#doubt?.resolve();
    this.#cancelBeginning?.();
    this.#cancelProof?.();
    this.#unblock();
    this.#hurry();
  }

  get condition(): CollectorCondition {
    return this.#reachability.condition;
  }

  get up(): boolean {
    return this.#reachability.up;
  }

  /** Whether the process of this epoch lives, as far as is known: it still has its templates and ids. */
  get alive(): boolean {
    return this.#alive;
  }

  /** When the present state began. */
  get since(): Date {
    return this.#reachability.since;
  }

  /** Why the collector cannot be reached now. */
  get reason(): string | undefined {
    return this.up ? undefined : this.#reachability.reason;
  }

  /** Milliseconds for which the collector has been away; 0 while it is there. */
  get awayFor(): number {
    return this.#reachability.awayFor;
  }

  /** Whether a watch connection shows the end of its process: see {@link Collector}. */
  get watched(): boolean {
    return this.#watch !== undefined;
  }

  /** Whether a new connection may be used only once it has lasted for a moment, since it may be closed at once. */
  get mayCloseAtOnce(): boolean {
    return !this.#datagrams && this.condition === "away";
  }

  /** How to dial it has changed, such as a certificate: sessions that wait to dial do so now. */
  redirect(watch: Dial | undefined): void {
    if (watch !== undefined) this.#watch?.redirect(watch);
    this.#hurry();
  }

  /**
   * Begins an epoch because the cluster's API shows a new process, for a collector over udp. Every session starts
   * again with its templates. Has no effect if connections show the process.
   */
  announceEpoch(reason: string): void {
    if (!this.#alive || !this.#datagrams || this.watched) return;
    this.#end(reason);
    this.#begin();
    this.#rise();
  }

  /** @throws Error over udp, while the watch connection shows no process to send to */
  assertThere(): void {
    if (this.#datagrams && this.watched && !this.#alive) {
      throw new Error(this.#reachability.reason ?? "it has not been seen yet");
    }
  }

  /** A session has made a connection and not written to it yet. Begins an epoch if there was no process. */
  opened(connection: CollectorConnection): void {
    this.#connections.add(connection);
    if (!this.#alive) this.#begin();
    if (this.condition === "idle") this.#rise();
    this.#cancelBlock?.();
  }

  /** Something was written on a session's connection. A bound function, shared by thousands of sessions. */
  readonly taken = (): void => {
    this.#usedAt ??= this.#parts.clock.now();
    if (this.#alive && !this.up && this.#cancelProof === undefined) this.#prove();
  };

  /** A session's connection has ended. */
  ended(connection: CollectorConnection, reason: string | undefined): void {
    if (!this.#connections.delete(connection) || this.#datagrams || !this.#alive) return;
    if (reason !== undefined) this.#lastLossAt = this.#parts.clock.now();
    if (this.#watchStands) return reason === undefined ? undefined : this.#suspect(connection);
    if (this.#doubt !== undefined) return this.#stands(this.#doubt.since) ? undefined : this.#end(reason);
    // A connection that the proxy ended shows nothing about the collector.
    if (this.#connections.size === 0 && reason !== undefined) this.#end(reason);
  }

  /**
   * A session's attempt to connect has failed.
   *
   * @returns whether the collector is away for all sessions, and the reason is reported here
   */
  failed(reason: string): boolean {
    if (this.#watchStands && this.#alive) return this.#blocks(reason);
    if (this.watched) return true;
    if (this.#connections.size > 0) return false;
    this.unreachable(reason);
    return true;
  }

  /** Waits before the next attempt to connect, at most until the collector is reached. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const abort = () => waiting.abort();
    this.#waiting.add(waiting);
    signal.addEventListener("abort", abort);
    if (!signal.aborted) await pause(this.#parts.clock, milliseconds, waiting.signal);
    signal.removeEventListener("abort", abort);
    this.#waiting.delete(waiting);
  }

  /** Resolves once it is clear to which process a connection that replaced a lost one leads. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.#watchStands && !this.#datagrams) await pause(this.#parts.clock, CONFIRMED_AFTER, signal);
    await this.#doubt?.resolved;
  }

  /** The expected profile has changed: what was written before does not test the new one. */
  forgetUse(): void {
    this.#usedAt = undefined;
  }

  /** Milliseconds since the first write for the current expectation in this epoch. */
  get usedFor(): number {
    return this.#usedAt === undefined ? 0 : this.#parts.clock.now() - this.#usedAt;
  }

  reached(): void {
    this.#watchStands = true;
    this.#reject();
    this.#doubt?.resolve();
    if (this.#alive) return;
    if (this.condition === "idle") {
      this.#begin();
      return this.#rise();
    }
    this.#cancelBeginning = this.#parts.clock.after(ACCEPTED_AFTER, () => {
      if (!this.#alive) this.#begin();
    });
    // Sessions find out for themselves whether their connections last.
    if (!this.#datagrams) this.#hurry();
  }

  stood(): void {
    if (!this.up && this.#probing === undefined) this.#rise();
  }

  watchLost(reason: string, stood: boolean): void {
    this.#watchStands = false;
    this.#cancelBeginning?.();
    if (!this.#alive) return this.unreachable(`it ended the connection at once: ${reason}`);
    const since = this.#parts.clock.now();
    this.#reachability.doubted(reason);
    // Over udp, where the next attempt may wait for longer than the process takes to start.
    const isOver = this.#datagrams ? !stood : !this.#stands(since);
    if (isOver) return this.#end(reason);
    const { promise: resolved, resolve } = Promise.withResolvers<void>();
    let cancel = () => {};
    const doubt = {
      since,
      resolved,
      resolve: () => {
        cancel();
        if (this.#doubt === doubt) this.#doubt = undefined;
        resolve();
      },
    };
    this.#doubt = doubt;
    // Over udp the next attempt decides, which is made at once.
    if (this.#datagrams) return;
    cancel = this.#parts.clock.after(ENDS_WITHIN, () => {
      if (!this.#stands(since)) return this.#end(reason);
      doubt.resolve();
      this.#reachability.confirmed(reason);
    });
  }

  unreachable(reason: string): void {
    if (this.#closed) return;
    // Sessions' connections that stand show that it is there.
    if (!this.#datagrams && this.#connections.size > 0) return;
    if (this.#alive) this.#end(reason);
    if (this.condition === "idle") this.#reachability.leave();
    // Only a host that answers shows that the process has ended, and not the network. A process that is just ending
    // resets what its kernel has accepted.
    if (/refused|reset/i.test(reason)) this.#reject();
    this.#rejection = undefined;
    this.#reachability.failed(reason);
  }

  /**
   * Whether a session's connection stands that led, at that time, to the process of this epoch: see {@link Collector}.
   */
  #stands(at: number): boolean {
    const age = at - this.#lastLossAt > STOOD_AFTER ? ENDS_WITHIN : STOOD_AFTER;
    for (const connection of this.#connections) {
      if (!connection.lost && at - connection.openedAt >= age) return true;
    }
    return false;
  }

  /**
   * A session's attempt has failed, though the watch connection stands. Another may have succeeded in a moment, or the
   * watch connection have ended.
   *
   * @returns whether that is reported here
   */
  #blocks(reason: string): boolean {
    if (this.#datagrams || this.#connections.size > 0) return false;
    if (this.#probing !== undefined) {
      this.#reachability.failed(reason);
      return true;
    }
    this.#cancelBlock?.();
    const { epoch } = this;
    this.#cancelBlock = this.#parts.clock.after(ENDS_WITHIN, () => {
      if (this.#stillLives(epoch) && this.#connections.size === 0) void this.#block(reason);
    });
    return false;
  }

  async #block(reason: string): Promise<void> {
    if (this.#closed || this.#watch === undefined) return;
    this.#reachability.leave();
    this.#reachability.failed(reason);
    const probing = this.#probing = new AbortController();
    const found = await this.#watch.probe(probing.signal, (reason) => this.#reachability.failed(reason));
    if (!found) return;
    this.#rise();
    this.#hurry();
  }

  #unblock(): void {
    this.#cancelBlock?.();
    this.#probing?.abort();
    this.#probing = undefined;
  }

  /** Whether the watch connection shows that this epoch goes on. A new one begins only once that has lasted. */
  #stillLives(epoch: number): boolean {
    return !this.#closed && this.#watchStands && this.#alive && this.epoch === epoch;
  }

  /** The collector has closed a session's connection, if the watch connection still stands in a moment. */
  #suspect({ usedAt }: CollectorConnection): void {
    const { clock, onRejection } = this.#parts;
    if (usedAt === undefined || onRejection === undefined) return;
    const { epoch } = this;
    const endedAt = clock.now();
    clock.after(ENDS_WITHIN, () => {
      if (this.#stillLives(epoch)) onRejection({ how: "closed", usedAt, endedAt });
    });
  }

  #reject(): void {
    const rejection = this.#rejection;
    this.#rejection = undefined;
    if (rejection !== undefined) this.#parts.onRejection?.(rejection);
  }

  #begin(): void {
    // Sessions that were dialling it may reach a collector that has been replaced.
    if (this.#closed) return;
    this.#alive = true;
    this.epoch++;
    this.#parts.onEpoch();
    this.#hurry();
  }

  /** The collector is there again if a connection that has taken something has lasted; looks again if one may yet. */
  #prove(): void {
    const { clock } = this.#parts;
    let isYoung = false;
    for (const { lost, usedAt, openedAt } of this.#connections) {
      if (lost || usedAt === undefined) continue;
      if (clock.now() - openedAt >= ACCEPTED_AFTER) return this.#rise();
      isYoung = true;
    }
    if (!isYoung) return;
    this.#cancelProof = clock.after(ACCEPTED_AFTER, () => {
      this.#cancelProof = undefined;
      if (this.#alive && !this.up) this.#prove();
    });
  }

  #hurry(): void {
    for (const waiting of this.#waiting) waiting.abort();
  }

  #end(reason = "it closed the connection"): void {
    this.#alive = false;
    this.#reachability.gone(reason, this.epoch);
    if (this.watched && this.#usedAt !== undefined) {
      this.#rejection = { how: "ended", usedAt: this.#usedAt, endedAt: this.#parts.clock.now() };
    }
    this.#usedAt = undefined;
    this.#cancelProof?.();
    this.#cancelProof = undefined;
    this.#unblock();
    this.#doubt?.resolve();
    if (!this.#datagrams) return;
    for (const connection of this.#connections) connection.fail(reason);
  }

  #rise(): void {
    this.#reachability.found(this.epoch);
    this.#unblock();
  }
}
