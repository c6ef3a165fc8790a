import type { Address } from "../../address.ts";
import type { Connection } from "../../connection.ts";
import { ConnectionStream } from "../../tls/connection_stream.ts";
import type { Turns } from "../../../time/turns.ts";
import { Http2Frames } from "./http2_frames.ts";
import { RequestPortions } from "./request_portions.ts";
import { RequestsInHand } from "./requests_in_hand.ts";

/** What a connection needs from its listener. */
export interface ExporterConnectionParts {
  readonly turns: Turns;
  /** Called after requests have arrived, with what they have added in octets. */
  readonly onArrival: (octets: number) => void;
  /** Called when the exporter has closed its side of the connection. */
  readonly onEnd: () => void;
  readonly onClose: () => void;
}

/** One exporter's connection, whose streams are transport sessions. */
export class ExporterConnection {
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
  readonly #frames = new Http2Frames((stream, octets, start, end) => this.inHand.arrive(stream, octets, start, end));
  /** Resolves when the last of its streams that waits for a turn has it. */
  #turn: Promise<void> = Promise.resolve();

  constructor(connection: Connection, parts: ExporterConnectionParts) {
    const { hostname, port } = connection.remoteAddress;
    this.connection = connection;
    this.#parts = parts;
    this.name = `${hostname}:${port}`;
    this.stream = new PeerStream(this.#counted(), connection.remoteAddress);
    this.stream.on("error", () => {});
    this.stream.once("end", parts.onEnd);
    this.stream.once("close", parts.onClose);
  }

  /** Whether the exporter is gone and all its complete requests have been taken. */
  get isOver(): boolean {
    return this.stream.readableEnded && this.inHand.waiting === 0;
  }

  /**
   * Waits for a turn. Its streams wait one behind the other, so that a thousand of them get no more turns than one: what one of them
   * leaves of a turn is the next one's.
   */
  nextTurn(): Promise<void> {
    const { turns } = this.#parts;
    return this.#turn = this.#turn.then(() => turns.over ? turns.next(false) : undefined);
  }

  /** The connection, with its requests counted as they are read. */
  #counted(): Connection {
    const { connection, inHand } = this;
    const { turns, onArrival } = this.#parts;
    const portions = new RequestPortions(connection, this.#frames, inHand, onArrival);
    return {
      transport: connection.transport,
      remoteAddress: connection.remoteAddress,
      async read(view) {
        // A full portion takes a turn of its own.
        if (portions.isFull || turns.over) await turns.next(false);
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
    super(connection);
    this.remoteAddress = hostname;
    this.remotePort = port;
  }
}
