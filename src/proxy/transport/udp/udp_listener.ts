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

/** A datagram cannot be longer; into a smaller buffer it would be cut without a word. */
const LONGEST_DATAGRAM = 65535;
/** Octets of datagrams that wait for a template, over all sources: spoofed ones cannot take more. */
const HELD_OCTETS = 4 * 1024 * 1024;
/** Octets of datagrams that wait for a slow collector, over all sources. */
const QUEUED_OCTETS = 64 * 1024 * 1024;
const STRANGERS = 1024;
const TICK_MILLISECONDS = 1_000;
const SAY_AGAIN_MILLISECONDS = 60_000;
const RECEIVE_PAUSE_MILLISECONDS = 100;

/** What a UDP listener needs beside its address. */
export interface UdpListenerParts {
  readonly clock: Clock;
  readonly pool: BufferPool;
  /** Sources at a time; past it the least recently heard one goes. */
  readonly sources: () => number;
  /** What an exporter that is heard for the first time announced before the start. */
  readonly recall?: Recall;
  readonly onError: (error: unknown) => void;
  /** A datagram that is no message; told once a minute for each reason. */
  readonly onRejected: (reason: RejectReason, peer: string, datagram: Uint8Array) => void;
}

/**
 * Listens for exporters over UDP. A session is a source address and port (RFC 7011 §8.4); it begins with the first good template,
 * so that datagrams with forged sources cost next to nothing.
 */
export class UdpListener implements Listener {
  readonly transport = "udp";
  readonly address: Address;
  /** Datagrams that never came to a session. */
  readonly counters = new Counters();
  readonly #socket: Deno.DatagramConn;
  readonly #parts: UdpListenerParts;
  /** Those that have sent a good template, by `address port`, the least recently heard first. */
  readonly #sources = new Map<string, UdpSource>();
  /** Those that have not yet, the same way: whoever forges sources pushes out these only. */
  readonly #strangers = new Map<string, UdpSource>();
  readonly #held: OctetBudget = { octets: 0, limit: HELD_OCTETS };
  readonly #queued: OctetBudget = { octets: 0, limit: QUEUED_OCTETS };
  readonly #saidAt = new Map<RejectReason, number>();
  readonly #closing = new AbortController();
  readonly #cancelTick: () => void;
  #handle: (connection: Connection) => void = (connection) => connection.close();
  #socketClosed = false;

  /** @throws when the address cannot be bound */
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

  /** No new source gets in; the socket stays open while there are sessions, for what is on its way to them. */
  close(): void {
    this.#closing.abort();
    for (const source of [...this.#strangers.values()]) source.close();
    this.#closeSocket();
  }

  #receive(datagram: Uint8Array, { hostname, port }: Address): void {
    const now = this.#parts.clock.now();
    const fault = datagramFault(datagram);
    if (fault !== undefined) return this.#reject(fault, formatAddress({ hostname, port }), datagram, now);
    const key = `${hostname} ${port}`;
    const source = this.#sources.get(key) ?? this.#strangers.get(key) ?? this.#newSource(key, { hostname, port });
    if (source === undefined) return;
    const stranger = !this.#sources.has(key);
    source.receive(datagram, now);
    // The last in a map is the one that was heard last.
    this.#strangers.delete(key);
    this.#sources.delete(key);
    if (!source.opened) return this.#keep(this.#strangers, STRANGERS, key, source);
    this.#keep(this.#sources, this.#parts.sources(), key, source);
    if (stranger) this.#handle(source);
  }

  #keep(sources: Map<string, UdpSource>, limit: number, key: string, source: UdpSource): void {
    // More than one where the cap has become smaller.
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
        if (this.#strangers.get(key) === closed) this.#strangers.delete(key);
        this.#closeSocket();
      },
    });
    const recalled = this.#parts.recall?.(this.address, peer);
    if (recalled !== undefined) source.recall(recalled);
    return source;
  }

  #reject(reason: RejectReason, peer: string, datagram: Uint8Array, now: number): void {
    increment(this.counters.messagesRejected, reason);
    if (now - (this.#saidAt.get(reason) ?? -Infinity) < SAY_AGAIN_MILLISECONDS) return;
    this.#saidAt.set(reason, now);
    this.#parts.onRejected(reason, peer, datagram);
  }

  #expire(): void {
    const now = this.#parts.clock.now();
    for (const source of [...this.#sources.values(), ...this.#strangers.values()]) source.expire(now);
  }

  #closeSocket(): void {
    if (!this.#closing.signal.aborted || this.#sources.size > 0 || this.#socketClosed) return;
    this.#socketClosed = true;
    this.#cancelTick();
    this.#socket.close();
  }
}
