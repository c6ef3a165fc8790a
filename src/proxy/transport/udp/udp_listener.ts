import type { RejectReason } from "../../../ipfix/decode_error.ts";
import { Counters, increment } from "../../../mediation/templates/counters.ts";
import { type Address, formatAddress, peerAddress } from "../address.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { Clock } from "../../time/clock.ts";
import { pause } from "../../time/clock.ts";
import type { Connection } from "../connection.ts";
import { datagramFault } from "../../../ipfix/framing.ts";
import type { Listener } from "../listener.ts";
import type { Recall } from "./cached_exporter.ts";
import { type OctetBudget, UdpSource } from "./udp_source.ts";

/** The longest possible datagram. A smaller buffer would truncate datagrams silently. */
const LONGEST_DATAGRAM = 65535;
/** Octets of datagrams held for a missing template, over all sources, which bounds what forged ones can take. */
const HELD_OCTETS = 4 * 1024 * 1024;
/** Octets of datagrams queued for a slow collector, over all sources. */
const QUEUED_OCTETS = 64 * 1024 * 1024;
/** Sources without a valid template. */
const UNPROVEN_SOURCES = 1024;
const TICK_MILLISECONDS = 1_000;
const REPORT_AGAIN_MILLISECONDS = 60_000;
const RECEIVE_PAUSE_MILLISECONDS = 100;

/** What a UDP listener needs besides its address. */
export interface UdpListenerParts {
  readonly clock: Clock;
  readonly pool: BufferPool;
  /** Maximum number of sources. Above that, the one that has been silent longest is evicted. */
  readonly sources: () => number;
  /** Returns what an exporter announced before the start. Called when it is first heard. */
  readonly recall?: Recall;
  readonly onError: (error: unknown) => void;
  /** Called with a datagram that is not a message, at most once a minute per reason. */
  readonly onRejected: (reason: RejectReason, peer: string, datagram: Uint8Array) => void;
}

/**
 * Listens for exporters over UDP. A session is a source address and port (RFC 7011 §8.4). It opens with the first valid
 * template, so that datagrams with forged sources cost next to nothing.
 */
export class UdpListener implements Listener {
  readonly transport = "udp";
  readonly address: Address;
  /** Counts datagrams that belong to no session. */
  readonly counters = new Counters();
  readonly #socket: Deno.DatagramConn;
  readonly #parts: UdpListenerParts;
  /** Sources that have sent a valid template, by `address port`, the one silent longest first. */
  readonly #sources = new Map<string, UdpSource>();
  /** Sources that have not yet, in the same order. Forged sources evict only these. */
  readonly #unproven = new Map<string, UdpSource>();
  readonly #held: OctetBudget = { octets: 0, limit: HELD_OCTETS };
  readonly #queued: OctetBudget = { octets: 0, limit: QUEUED_OCTETS };
  readonly #reportedAt = new Map<RejectReason, number>();
  readonly #closing = new AbortController();
  readonly #cancelTick: () => void;
  #handle: (connection: Connection) => void = (connection) => connection.close();
  #socketClosed = false;

  /** @throws if the address cannot be bound */
  constructor({ hostname, port }: Address, parts: UdpListenerParts) {
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
      } catch (error) {
        if (this.#socketClosed) return;
        this.#parts.onError(error);
        await pause(this.#parts.clock, RECEIVE_PAUSE_MILLISECONDS, this.#closing.signal);
      }
    }
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
    if (fault !== undefined) return this.#reject(fault, formatAddress({ hostname, port }), datagram, now);
    const key = `${hostname} ${port}`;
    const source = this.#sources.get(key) ?? this.#unproven.get(key) ?? this.#newSource(key, { hostname, port });
    if (source === undefined) return;
    const isNew = !this.#sources.has(key);
    source.receive(datagram, now);
    // Inserted again, so that it is the last in its map.
    this.#unproven.delete(key);
    this.#sources.delete(key);
    if (!source.opened) return this.#keep(this.#unproven, UNPROVEN_SOURCES, key, source);
    this.#keep(this.#sources, this.#parts.sources(), key, source);
    if (isNew) this.#handle(source);
  }

  #keep(sources: Map<string, UdpSource>, limit: number, key: string, source: UdpSource): void {
    // May evict several if the limit has been lowered.
    for (const [oldest, one] of sources) {
      if (sources.size < limit) break;
      sources.delete(oldest);
      one.close();
    }
    sources.set(key, source);
  }

  #newSource(key: string, address: Address): UdpSource | undefined {
    if (this.#closing.signal.aborted) return undefined;
    const peer = peerAddress(address);
    const source = new UdpSource(peer, {
      pool: this.#parts.pool,
      held: this.#held,
      queued: this.#queued,
      onDrop: (reason, datagrams) => increment(this.counters.recordsDropped, reason, datagrams),
      listener: formatAddress(this.address),
      time: () => this.#parts.clock.date().getTime(),
      onClose: (closed) => {
        if (this.#sources.get(key) === closed) this.#sources.delete(key);
        if (this.#unproven.get(key) === closed) this.#unproven.delete(key);
        this.#closeSocket();
      },
    });
    const recalled = this.#parts.recall?.(this.address, peer);
    if (recalled !== undefined) source.recall(recalled);
    return source;
  }

  #reject(reason: RejectReason, peer: string, datagram: Uint8Array, now: number): void {
    increment(this.counters.messagesRejected, reason);
    if (now - (this.#reportedAt.get(reason) ?? -Infinity) < REPORT_AGAIN_MILLISECONDS) return;
    this.#reportedAt.set(reason, now);
    this.#parts.onRejected(reason, peer, datagram);
  }

  #expire(): void {
    const now = this.#parts.clock.now();
    for (const source of [...this.#sources.values(), ...this.#unproven.values()]) source.expire(now);
  }

  #closeSocket(): void {
    if (!this.#closing.signal.aborted || this.#sources.size > 0 || this.#socketClosed) return;
    this.#socketClosed = true;
    this.#cancelTick();
    this.#socket.close();
  }
}
