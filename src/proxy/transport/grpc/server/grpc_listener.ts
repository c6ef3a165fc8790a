import { type ConnectionInjector, type sendUnaryData, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { Address } from "../../address.ts";
import type { Connection } from "../../connection.ts";
import type { Listener, ListenerOptions } from "../../listener.ts";
import { handshakeFailure } from "../../tls/handshake_failure.ts";
import { TlsListener, type TlsListenerParts } from "../../tls/tls_listener.ts";
import type { TlsListenerOptions } from "../../tls/tls_options.ts";
import type { Turns } from "../../../time/turns.ts";
import { ExporterConnection } from "./connection/exporter_connection.ts";
import { EXPORT_SERVICE, LARGEST_REQUEST } from "../flow/export_service.ts";
import { type ExportCall, FlowStream } from "./flow_stream.ts";
import type { FlowRelease } from "../../flow_release.ts";
import { FlowReleases } from "./flow_releases.ts";
import { requestIntake } from "./request_intake.ts";
import { MOST_IN_WORDS, RequestMemory } from "./connection/request_memory.ts";
import type { RequestsInHand } from "./connection/requests_in_hand.ts";
import { TurnQueue } from "../turn_queue.ts";
import { WorkBudget } from "./connection/work_budget.ts";

/** Maximum number of concurrent streams of a connection. */
const STREAMS = 1024;
/** Milliseconds after which a connection without a stream is closed. Agents open one stream, at once. */
const WITHOUT_STREAM = 10_000;
/** The same once the listener is closed. */
const AFTER_LAST_STREAM = 1_000;
/** Milliseconds from the last request of an exporter that is gone, in which its streams may end in order. */
const AFTER_LAST_REQUEST = 1_000;
/** Milliseconds of silence before a ping, and then until the peer is taken to be gone. */
const KEEPALIVE_TIME = 60_000;
const KEEPALIVE_TIMEOUT = 20_000;

/** Dependencies of a gRPC listener. */
export interface GrpcListenerParts extends TlsListenerParts {
  /** The releases whose Agents use gRPC, oldest first. */
  readonly releases: readonly FlowRelease[];
  readonly turns: Turns;
  /** Called with the reason when a connection is closed because its requests take too much memory. */
  readonly onOverrun: (reason: string, peer: Address) => void;
}

/** Listens for exporters over gRPC: each stream of flows is a transport session. */
export class GrpcListener implements Listener {
  readonly transport = "grpc";
  readonly address: Address;
  readonly #tls: TlsListener;
  readonly #parts: GrpcListenerParts;
  readonly #releases: FlowReleases;
  readonly #injector: ConnectionInjector;
  /** Connections by address and port of the peer. */
  readonly #connections = new Map<string, ExporterConnection>();
  #handle: (connection: Connection) => void = (connection) => connection.close();
  readonly #memory = new RequestMemory<ExporterConnection>();
  readonly #queue: TurnQueue;
  readonly #budget: WorkBudget;
  #closed = false;

  /** @throws as {@link TlsListener.listen} */
  static async listen(address: Address, options: TlsListenerOptions, parts: GrpcListenerParts): Promise<GrpcListener> {
    return new GrpcListener(await TlsListener.listen(address, options, { ...parts, applicationProtocol: "h2" }), parts);
  }

  private constructor(tls: TlsListener, parts: GrpcListenerParts) {
    this.#tls = tls;
    this.#parts = parts;
    this.address = tls.address;
    this.#releases = new FlowReleases(parts.releases);
    this.#queue = new TurnQueue(parts.turns, parts.clock);
    this.#budget = new WorkBudget(parts.clock);
    const server = new Server({
      "grpc.max_concurrent_streams": STREAMS,
      "grpc.max_receive_message_length": LARGEST_REQUEST,
      "grpc.keepalive_time_ms": KEEPALIVE_TIME,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT,
      "grpc.enable_channelz": 0,
      interceptors: [
        requestIntake({
          turn: (peer) => this.#connections.get(peer)?.nextTurn() ?? Promise.resolve(),
          taken: (peer, stream) => this.#settle(peer, (inHand) => inHand.taken(stream)),
          ended: (peer, stream) => this.#settle(peer, (inHand) => inHand.end(stream)),
        }),
      ],
    });
    server.addService(EXPORT_SERVICE, { export: this.#accept.bind(this) });
    // Connections arrive decrypted, and their exporters verified, from the TLS listener.
    this.#injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  adopt(options: ListenerOptions): void {
    this.#tls.adopt(options);
  }

  accept(handle: (connection: Connection) => void): Promise<void> {
    this.#handle = handle;
    return this.#tls.accept((connection) => {
      const exporter: ExporterConnection = new ExporterConnection(connection, {
        turns: this.#parts.turns,
        queue: this.#queue,
        budget: this.#budget,
        clock: this.#parts.clock,
        memory: this.#memory,
        onArrival: (octets) => this.#hold(exporter, octets),
        onOverrun: (reason) => this.#parts.onOverrun(reason, connection.remoteAddress),
        onForeign: (reason) => this.#parts.onFailure(handshakeFailure(reason), connection.remoteAddress),
        onEnd: () => this.#endSoon(exporter),
        onClose: () => this.#forget(exporter),
      });
      this.#connections.set(exporter.name, exporter);
      this.#memory.add(exporter);
      this.#expect(exporter, WITHOUT_STREAM);
      this.#injector.injectConnection(exporter.stream);
    });
  }

  /**
   * Open streams stay open; a connection is closed after its last one has ended. No GOAWAY is sent, because Deno sends
   * it with last stream 0, upon which exporters abandon their open streams and the flows on their way.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tls.close();
    for (const exporter of this.#connections.values()) {
      if (exporter.streams === 0) this.#expect(exporter, AFTER_LAST_STREAM);
    }
  }

  #accept(call: ExportCall, respond: sendUnaryData<Uint8Array>): void {
    const exporter = this.#connections.get(call.getPeer());
    if (exporter === undefined) return respond({ code: status.UNAVAILABLE, details: "the connection is closed" });
    exporter.streams++;
    const { certificateName } = exporter.connection;
    const stream = new FlowStream(call, respond, {
      remoteAddress: exporter.connection.remoteAddress,
      ...(certificateName === undefined ? {} : { certificateName }),
      releases: this.#releases,
      turns: {
        isOver: () => this.#parts.turns.over,
        next: () => exporter.nextTurn(),
      },
      time: () => Math.floor(this.#parts.clock.date().getTime() / 1000),
      onClose: () => {
        exporter.streams--;
        if (exporter.streams === 0) this.#expect(exporter, this.#closed ? AFTER_LAST_STREAM : WITHOUT_STREAM);
      },
    });
    this.#handle(stream);
  }

  /** Closes the connection if it has no stream after this time, unless it is closed already. */
  #expect(exporter: ExporterConnection, milliseconds: number): void {
    if (this.#connections.get(exporter.name) !== exporter) return;
    exporter.cancel();
    exporter.cancel = this.#parts.clock.after(milliseconds, () => {
      if (exporter.streams === 0) exporter.stream.destroy();
    });
  }

  #hold(exporter: ExporterConnection, octets: number): void {
    const leaving = this.#memory.arrive(exporter, octets);
    if (leaving === undefined) return;
    const reason = `${leaving.inHand.octets} octets of requests were incomplete or not yet processed: ${MOST_IN_WORDS}`;
    this.#parts.onOverrun(reason, leaving.connection.remoteAddress);
    this.#memory.remove(leaving);
    leaving.stream.destroy();
  }

  /** Requests of a peer have been taken, or their stream has ended. */
  #settle(peer: string, change: (inHand: RequestsInHand) => void): void {
    const exporter = this.#connections.get(peer);
    if (exporter === undefined) return;
    this.#memory.settle(exporter, change);
    if (exporter.isOver) this.#endSoon(exporter);
  }

  /**
   * Closes the connection of an exporter that is gone, once its requests have been taken. node:http2 of Deno 2.9.6 does
   * not always notice that its connection has ended while streams were paused, and streams would wait for more until a
   * keep-alive fails.
   */
  #endSoon(exporter: ExporterConnection): void {
    if (!exporter.isOver || exporter.isEnding) return;
    exporter.isEnding = true;
    this.#parts.clock.after(AFTER_LAST_REQUEST, () => exporter.stream.destroy());
  }

  #forget(exporter: ExporterConnection): void {
    exporter.cancel();
    if (this.#connections.get(exporter.name) === exporter) this.#connections.delete(exporter.name);
    this.#memory.remove(exporter);
  }
}
