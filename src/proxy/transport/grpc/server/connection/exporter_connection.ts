import type { Address } from "../../../address.ts";
import type { Connection } from "../../../connection.ts";
import { foreignProtocol } from "../../../../../ipfix/message/foreign_protocol.ts";
import { IPFIX_VERSION } from "../../../../../ipfix/message/message_header.ts";
import { ConnectionStream } from "../../../tls/connection_stream.ts";
import { HandshakeError } from "../../../tls/handshake_failure.ts";
import { Allowance } from "../../../../time/allowance.ts";
import type { Clock } from "../../../../time/clock.ts";
import type { Turns } from "../../../../time/turns.ts";
import { HeadersTooLong, Http2Frames } from "./http2_frames.ts";
import type { RequestHolder, RequestMemory } from "./request_memory.ts";
import { RequestPortions } from "./request_portions.ts";
import { RequestsInHand } from "./requests_in_hand.ts";
import type { TurnQueue } from "../../turn_queue.ts";
import type { WorkBudget } from "./work_budget.ts";

const PREFACE = new TextEncoder().encode("PRI");

/**
 * Streams that a connection may begin in a second, and at once; past them it is not read. Each is a session with a
 * connection of its own to the collector: a millisecond of work. Agents begin one when they connect.
 */
const STREAMS_PER_SECOND = 64;

/** What a connection needs from its listener. */
export interface ExporterConnectionParts {
  readonly turns: Turns;
  readonly queue: TurnQueue;
  readonly budget: WorkBudget;
  readonly clock: Clock;
  readonly memory: Pick<RequestMemory<ExporterConnection>, "mustPause">;
  /** Called after requests have arrived, with what they have added in octets. */
  readonly onArrival: (octets: number) => void;
  /** Called when what comes is not HTTP/2. */
  readonly onForeign: (reason: HandshakeError) => void;
  /** Called with the reason when it is closed because it would take too much memory. */
  readonly onOverrun: (reason: string) => void;
  /** Called when the exporter has closed its side of the connection. */
  readonly onEnd: () => void;
  readonly onClose: () => void;
}

/** One exporter's connection, whose streams are transport sessions. */
export class ExporterConnection implements RequestHolder {
  readonly connection: Connection;
  /** The stream that carries HTTP/2. */
  readonly stream: ConnectionStream;
  /** The peer, as calls name it. */
  readonly name: string;
  streams = 0;
  /** Whether it is about to be closed. */
  isEnding = false;
  /** Requests that have arrived and are not processed. */
  readonly inHand: RequestsInHand = new RequestsInHand();
  /** Cancels the deadline for its next stream. */
  cancel: () => void = () => {};
  readonly #parts: ExporterConnectionParts;
  readonly #frames = new Http2Frames({
    data: (stream, octets, start, end) => this.inHand.arrive(stream, octets, start, end),
    headers: (stream) => this.#begin(stream),
  });
  readonly #begun: Allowance;
  #lastStream = 0;
  /** Milliseconds until it may begin another stream. */
  #wait = 0;
  #resume: () => void = () => {};

  constructor(connection: Connection, parts: ExporterConnectionParts) {
    const { hostname, port } = connection.remoteAddress;
    this.connection = connection;
    this.#parts = parts;
    this.#begun = new Allowance(STREAMS_PER_SECOND, parts.clock.now());
    this.name = `${hostname}:${port}`;
    this.stream = new PeerStream(this.#counted(), connection.remoteAddress);
    this.stream.on("error", (error) => {
      if (error instanceof HandshakeError) parts.onForeign(error);
      else if (error instanceof HeadersTooLong) parts.onOverrun(error.message);
    });
    this.stream.once("end", parts.onEnd);
    this.stream.once("close", parts.onClose);
  }

  /** Whether the exporter is gone and all its complete requests have been taken. */
  get isOver(): boolean {
    return this.stream.readableEnded && this.inHand.waiting === 0;
  }

  /** Waits for a turn, for one of its streams. */
  nextTurn(): Promise<void> {
    return this.#parts.queue.next(this);
  }

  resume(): void {
    this.#resume();
  }

  #begin(stream: number): void {
    this.inHand.begin(stream);
    // Trailers come in a stream that has begun.
    if (stream <= this.#lastStream) return;
    this.#lastStream = stream;
    this.#wait = this.#begun.use(1, STREAMS_PER_SECOND, this.#parts.clock.now());
  }

  /** The connection, with its requests counted as they are read. */
  #counted(): Connection {
    const { connection, inHand } = this;
    const { turns, memory, budget, clock, onArrival } = this.#parts;
    const portions = new RequestPortions(connection, this.#frames, inHand, budget, onArrival);
    const mustPause = () => memory.mustPause(this);
    const waited = async () => {
      if (this.#wait === 0) return;
      await new Promise<void>((resolve) => void clock.after(this.#wait, resolve));
      this.#wait = 0;
    };
    const resumed = () => new Promise<void>((resolve) => this.#resume = resolve);
    return {
      transport: connection.transport,
      remoteAddress: connection.remoteAddress,
      async read(view) {
        while (mustPause()) await resumed();
        await waited();
        if (turns.over) await turns.next(false);
        return await portions.read(view);
      },
      write: (octets) => connection.write(octets),
      closeWrite: () => connection.closeWrite(),
      close: () => connection.close(),
    };
  }
}

/** Exposes the peer's address as a socket does. The address links a call to its connection. */
class PeerStream extends ConnectionStream {
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(connection: Connection, { hostname, port }: Address) {
    super(connection, refuseForeign);
    this.remoteAddress = hostname;
    this.remotePort = port;
  }

  /**
   * When a connection ends, node:http2 of Deno 2.9.6 still writes a frame for each of its streams, which would be as
   * many errors with a stack trace: a quarter of a second for a thousand streams.
   */
  override write(chunk: unknown, ...rest: unknown[]): boolean {
    if (!this.destroyed) return Reflect.apply(super.write, this, [chunk, ...rest]);
    const done = rest.at(-1);
    if (typeof done === "function") queueMicrotask(() => done());
    return true;
  }
}

/** An HTTP/2 client begins with a preface (RFC 9113 §3.4), no other client with its first letters. */
function refuseForeign(first: Uint8Array): Error | undefined {
  if (PREFACE.every((octet, index) => index >= first.length || octet === first[index])) return undefined;
  const isIpfix = first[0] === 0 && (first.length === 1 || first[1] === IPFIX_VERSION);
  const spoken = isIpfix ? "IPFIX over TLS, which takes a listener with transport tls" : foreignProtocol(first);
  return new HandshakeError(
    "no_common_version",
    `what came over TLS is not gRPC: it looks like ${spoken ?? "nothing known"}`,
  );
}
