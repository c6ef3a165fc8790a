import type { RejectReason } from "../../../ipfix/octets/decode_error.ts";
import { Counters, increment } from "../../../mediation/templates/counters.ts";
import type { DropReason } from "../../../mediation/templates/event.ts";
import { type Address, formatAddress, peerAddress } from "../address.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { Clock } from "../../time/clock.ts";
import type { Turns } from "../../time/turns.ts";
import { pause } from "../../time/clock.ts";
import type { Connection } from "../connection.ts";
import { datagramFault } from "../../../ipfix/message/framing.ts";
import type { Listener, ListenerOptions, TemplateSharing } from "../listener.ts";
import type { Recall } from "./cached_exporter.ts";
import { UdpSource } from "./udp_source.ts";
import type { OctetBudget } from "./waiting_sets.ts";

/** The longest possible datagram. A smaller buffer would truncate datagrams silently. */
const LONGEST_DATAGRAM = 65535;
/** Octets of data sets that wait for their template, over all sources, which bounds what forged ones can take. */
const HELD_OCTETS = 4 * 1024 * 1024;
/** Sources without a valid template. */
const UNPROVEN_SOURCES = 1024;
/**
 * Sessions of sources without a valid template, by which the losses of such an exporter have a name. Above that,
 * newcomers are counted without one until earlier ones fall silent, so that a flood of forged sources opens no more.
 */
const UNPROVEN_SESSIONS = 64;
const TICK_MILLISECONDS = 1_000;
const REPORT_AGAIN_MILLISECONDS = 60_000;
const RECEIVE_PAUSE_MILLISECONDS = 100;

/** Dependencies of a UDP listener. */
export interface UdpListenerParts {
  readonly clock: Clock;
  readonly pool: BufferPool;
  /** Octets of datagrams queued for a slow collector, over all sources. */
  readonly queued: OctetBudget;
  readonly turns: Turns;
  /** Maximum number of sources. Above that, the one that has been silent longest is evicted. */
  readonly sources: () => number;
  /** Returns what an exporter announced before the start. Called when it is first heard. */
  readonly recall?: Recall;
  readonly onError: (error: unknown) => void;
  /** Called with a datagram that is not a message, at most once a minute per reason. */
  readonly onRejected: (reason: RejectReason, peer: string, datagram: Uint8Array) => void;
  /**
   * Called when something was dropped before a session read it: at most once a minute per reason, for each source that
   * has a session and for all others together.
   */
  readonly onDropped: (reason: DropReason, peer: string) => void;
}

/**
 * Listens for exporters over UDP. A session is a source address and port (RFC 7011 §8.4), or all ports of one address
 * for exporters that send templates from one port and data from another. It opens with the first valid template, so
 * that datagrams with forged sources cost next to nothing. A source that sends data alone gets a session too once its
 * data has waited in vain, so that its losses are reported under its name.
 */
export class UdpListener implements Listener {
  readonly transport = "udp";
  readonly address: Address;
  /** Counts datagrams that belong to no session. */
  readonly counters = new Counters();
  readonly #socket: Deno.DatagramConn;
  readonly #parts: UdpListenerParts;
  /** Sources that have sent a valid template and more, by `address port`, the one silent longest first. */
  readonly #sources = new Map<string, UdpSource>();
  /** Sources that have sent one datagram only, with a valid template. They are the first to make room. */
  readonly #onceHeard = new Map<string, UdpSource>();
  /** Sources that have not yet, in the same order. Forged sources evict only these. */
  readonly #unproven = new Map<string, UdpSource>();
  /** How many of the latter have a session. */
  #unprovenSessions = 0;
  #templates: TemplateSharing;
  readonly #held: OctetBudget = { octets: 0, limit: HELD_OCTETS };
  /** When each reason was last reported of sources without a session, in milliseconds of the clock. */
  readonly #reportedAt = new Map<RejectReason | DropReason, number>();
  readonly #closing = new AbortController();
  readonly #cancelTick: () => void;
  #handle: (connection: Connection) => void = (connection) => connection.close();
  #socketClosed = false;

  /** @throws if the address cannot be bound */
  constructor({ hostname, port }: Address, parts: UdpListenerParts, templates: TemplateSharing = "port") {
    this.#templates = templates;
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    const { addr } = this.#socket;
    this.address = { hostname, port: addr.transport === "udp" ? addr.port : port };
    this.#parts = parts;
    this.#cancelTick = parts.clock.every(TICK_MILLISECONDS, () => this.#expire());
  }

  async accept(handle: (connection: Connection) => void): Promise<void> {
    this.#handle = handle;
    const octets = new Uint8Array(LONGEST_DATAGRAM);
    while (!this.#socketClosed) {
      try {
        const [datagram, from] = await this.#socket.receive(octets);
        if (from.transport === "udp") this.#receive(datagram, from);
        if (this.#parts.turns.over) await this.#parts.turns.next(true);
      } catch (error) {
        if (this.#socketClosed) return;
        this.#parts.onError(error);
        await pause(this.#parts.clock, RECEIVE_PAUSE_MILLISECONDS, this.#closing.signal);
      }
    }
  }

  /** Sources heard from now on share templates in this way. */
  adopt({ templates = "port" }: ListenerOptions): void {
    this.#templates = templates;
  }

  /** Accepts no new sources. The socket stays open until the last session ends, for datagrams that are on their way. */
  close(): void {
    this.#closing.abort();
    for (const source of [...this.#unproven.values()]) source.close();
    this.#closeSocket();
  }

  #receive(datagram: Uint8Array, { hostname, port }: Address): void {
    const now = this.#parts.clock.now();
    const fault = datagramFault(datagram);
    if (fault !== undefined) return this.#reject(fault, formatAddress({ hostname, port }), datagram);
    const key = this.#templates === "port" ? `${hostname} ${port}` : hostname;
    const source = this.#sources.get(key) ?? this.#onceHeard.get(key) ?? this.#unproven.get(key) ??
      this.#newSource(key, { hostname, port });
    if (source === undefined) return;
    const { opened, proven } = source;
    source.receive(datagram, now, port);
    // Inserted again, so that it is the last in its map.
    for (const sources of this.#all) sources.delete(key);
    if (!source.proven) {
      evict(this.#unproven, this.#unproven.size + 1 - UNPROVEN_SOURCES);
      this.#unproven.set(key, source);
      return;
    }
    if (opened && !proven) this.#unprovenSessions--;
    const limit = this.#parts.sources();
    evict(this.#onceHeard, this.#proven + 1 - limit);
    evict(this.#sources, this.#proven + 1 - limit);
    (source.onceHeard ? this.#onceHeard : this.#sources).set(key, source);
    if (!opened) this.#handle(source);
  }

  get #all(): readonly Map<string, UdpSource>[] {
    return [this.#unproven, this.#onceHeard, this.#sources];
  }

  /** Sources that have a place. */
  get #proven(): number {
    return this.#onceHeard.size + this.#sources.size;
  }

  #newSource(key: string, address: Address): UdpSource | undefined {
    if (this.#closing.signal.aborted) return undefined;
    const peer = peerAddress(address);
    const reportedAt = new Map<DropReason, number>();
    const source = new UdpSource(peer, {
      pool: this.#parts.pool,
      held: this.#held,
      queued: this.#parts.queued,
      onDrop: (reason, datagrams) => {
        // Their records are not told apart: each datagram counts as one, received and dropped.
        this.counters.recordsReceived += datagrams;
        increment(this.counters.recordsDropped, reason, datagrams);
        if (!this.#isNews(source.opened ? reportedAt : this.#reportedAt, reason)) return;
        this.#parts.onDropped(reason, formatAddress(peer));
      },
      listener: formatAddress(this.address),
      time: () => this.#parts.clock.date().getTime(),
      onClose: (closed) => {
        for (const sources of this.#all) if (sources.get(key) === closed) sources.delete(key);
        if (closed.opened && !closed.proven) this.#unprovenSessions--;
        this.#closeSocket();
      },
    }, this.#templates === "address");
    const recalled = this.#parts.recall?.(this.address, peer);
    if (recalled !== undefined) source.recall(recalled);
    return source;
  }

  #reject(reason: RejectReason, peer: string, datagram: Uint8Array): void {
    increment(this.counters.messagesRejected, reason);
    if (this.#isNews(this.#reportedAt, reason)) this.#parts.onRejected(reason, peer, datagram);
  }

  /** Whether this reason was not reported within the last minute. Then it counts as reported now. */
  #isNews<Reason>(reportedAt: Map<Reason, number>, reason: Reason): boolean {
    const now = this.#parts.clock.now();
    if (now - (reportedAt.get(reason) ?? -Infinity) < REPORT_AGAIN_MILLISECONDS) return false;
    reportedAt.set(reason, now);
    return true;
  }

  #expire(): void {
    const now = this.#parts.clock.now();
    for (const source of this.#onceHeard.values()) source.expire(now);
    for (const source of this.#sources.values()) source.expire(now);
    for (const source of [...this.#unproven.values()]) {
      const { opened } = source;
      source.expire(now, this.#unprovenSessions < UNPROVEN_SESSIONS && !this.#closing.signal.aborted);
      if (opened || !source.opened) continue;
      this.#unprovenSessions++;
      this.#handle(source);
    }
  }

  #closeSocket(): void {
    if (!this.#closing.signal.aborted || this.#proven > 0 || this.#socketClosed) return;
    this.#socketClosed = true;
    this.#cancelTick();
    this.#socket.close();
  }
}

/** Closes this many sources, those silent longest first; several if the limit has been lowered. */
function evict(sources: Map<string, UdpSource>, count: number): void {
  for (const [oldest, one] of sources) {
    if (count-- <= 0) return;
    sources.delete(oldest);
    one.close();
  }
}
