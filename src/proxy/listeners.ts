import type { TransportProtocol } from "../ipfix/message/transport_protocol.ts";
import type { RejectReason } from "../ipfix/octets/decode_error.ts";
import type { Counters } from "../mediation/templates/counters.ts";
import type { DropReason } from "../mediation/templates/event.ts";
import { type Address, formatAddress } from "./transport/address.ts";
import type { BufferPool } from "./memory/buffer_pool.ts";
import type { Clock } from "./time/clock.ts";
import type { MessageMemory } from "./memory/message_memory.ts";
import type { Turns } from "./time/turns.ts";
import type { Connection } from "./transport/connection.ts";
import type { EventName } from "./reporting/event_name.ts";
import type { Listener } from "./transport/listener.ts";
import { describeRejected } from "./transport/message_walk.ts";
import type { ReportEvent } from "./reporting/proxy_event.ts";
import type { ListenerOptions } from "./transport/listener.ts";
import { errorMessage } from "../error_message.ts";
import type { HandshakeFailure } from "./transport/tls/handshake_failure.ts";
import { bind, checkListener } from "./sockets.ts";
import type { Recall } from "./transport/udp/cached_exporter.ts";

/** One listener as it is bound. */
export interface BoundListener {
  readonly transport: TransportProtocol;
  readonly address: Address;
}

/** What all listeners of a proxy have in common. */
export interface ListenersParts {
  readonly clock: Clock;
  readonly pool: BufferPool;
  readonly memory: MessageMemory;
  readonly turns: Turns;
  readonly report: ReportEvent;
  /** Sources at a time over UDP. */
  readonly sources: () => number;
  /** How many milliseconds a TLS handshake may take. */
  readonly handshake: () => number;
  /** What exporters over UDP announced before the start. */
  readonly recall?: Recall;
  /** Receives every new connection of every listener. */
  readonly admit: (connection: Connection, listener: Listener) => void;
  /** Called for each exporter whose TLS handshake failed. */
  readonly onHandshakeFailure: (failure: HandshakeFailure, address: string) => void;
  /** A listener is no longer wanted: it accepts no more, and its sessions should come to an end. */
  readonly onLeft: (listener: Listener) => void;
}

/** A listener under its transport and configured address. */
interface Bound {
  readonly key: string;
  readonly listener: Listener;
}

/** The listeners of a proxy. They change together: all of them, or none. */
export class Listeners {
  readonly #parts: ListenersParts;
  #bound: Bound[] = [];
  /** Counts of listeners that are no longer bound. */
  readonly #left: Counters[] = [];

  constructor(parts: ListenersParts) {
    this.#parts = parts;
  }

  /**
   * Replaces the listeners. Those that are bound already keep their sessions and adopt new certificates, the others are
   * bound, and those that are no longer wanted accept no more exporters.
   *
   * @throws Error that names every address that cannot be bound, a line each; then nothing has changed
   */
  async become(wanted: readonly ListenerOptions[]): Promise<void> {
    for (const options of wanted) checkListener(options);
    const standing = new Map(this.#bound.map((one) => [one.key, one]));
    const fresh: Bound[] = [];
    const bound: Bound[] = [];
    const failures: unknown[] = [];
    for (const options of wanted) {
      const key = `${options.transport} ${formatAddress(options.address)}`;
      let one = standing.get(key);
      if (one === undefined) {
        try {
          one = { key, listener: await this.#bind(options) };
        } catch (error) {
          failures.push(error);
          continue;
        }
        fresh.push(one);
      }
      bound.push(one);
      standing.delete(key);
    }
    if (failures.length > 0) {
      for (const { listener } of fresh) listener.close();
      throw new Error(failures.map(errorMessage).join("\n"), { cause: failures[0] });
    }
    this.#bound = bound;
    for (const { listener } of standing.values()) this.#leave(listener);
    for (const { listener } of fresh) void listener.accept((connection) => this.#parts.admit(connection, listener));
    wanted.forEach((options, index) => bound[index]?.listener.adopt?.(options));
  }

  /** Where it listens, in the order configured. */
  addresses(): BoundListener[] {
    return this.#bound.map(({ listener: { transport, address } }) => ({ transport, address }));
  }

  /** Counters of what never reached a session. */
  counters(): Counters[] {
    return [
      ...this.#left,
      ...this.#bound.flatMap(({ listener: { counters } }) => counters === undefined ? [] : [counters]),
    ];
  }

  /** Accepts no more. */
  close(): void {
    for (const { listener } of this.#bound) listener.close();
  }

  #leave(listener: Listener): void {
    listener.close();
    if (listener.counters !== undefined) this.#left.push(listener.counters);
    this.#parts.onLeft(listener);
  }

  #bind(options: ListenerOptions): Promise<Listener> {
    const { clock, pool, memory, turns, sources, recall, handshake } = this.#parts;
    return bind(options, {
      clock,
      pool,
      memory,
      turns,
      sources,
      handshake,
      ...(recall === undefined ? {} : { recall }),
      onError: (reason) => this.#reportFailure(options, "accept_failed", reason),
      onOverrun: (reason, peer) => this.#reportFailure(options, "connection_overrun", reason, formatAddress(peer)),
      onHandshakeFailure: (failure, peer) => {
        this.#parts.onHandshakeFailure(failure, peer.hostname);
        this.#reportFailure(options, "handshake_failed", failure.words, formatAddress(peer));
      },
      onRejected: (...rejection) => this.#reportRejection(...rejection),
      onDropped: (reason, peer) => this.#reportDrop(reason, peer),
    });
  }

  #reportFailure({ transport, address }: ListenerOptions, event: EventName, reason: string, peer?: string): void {
    const did = event === "connection_overrun" ? "closed the connection of" : "could not let in";
    const message = `${transport} ${formatAddress(address)} ${did} ${peer ?? "an exporter"}`;
    const level = event === "accept_failed" ? "error" : "warning";
    this.#parts.report({ level, event, message, fields: { ...(peer === undefined ? {} : { peer }), reason } });
  }

  /** Reports what came over UDP and was dropped before a session read it. */
  #reportDrop(reason: DropReason, peer: string): void {
    const why = reason === "unknown_template"
      ? "data before its template"
      : reason === "template_changes"
      ? "its exporter changes templates faster than allowed, and datagrams that came meanwhile found no room"
      : "the collector is gone or does not take datagrams fast enough, and those that came meanwhile found no room";
    this.#parts.report({ level: "warning", event: "records_dropped", message: why, fields: { peer, reason } });
  }

  /** Reports a datagram that is no message, whatever its source. */
  #reportRejection(reason: RejectReason, peer: string, datagram: Uint8Array): void {
    const message = "the datagram does not hold exactly one message";
    const fields = { peer, offset: 0, reason, ...describeRejected(datagram) };
    this.#parts.report({ level: "warning", event: "message_rejected", message, fields });
  }
}
