import type { Address } from "../../address.ts";
import type { Connection } from "../../connection.ts";
import { ConnectionStream } from "../../tls/connection_stream.ts";
import { Http2Frames } from "./http2_frames.ts";

/** Callbacks of a connection. */
export interface ExporterConnectionEvents {
  /** Called with the number of octets of requests that have arrived. */
  readonly onData: (octets: number) => void;
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
  /** Octets of requests that have arrived and are not processed. */
  inHand = 0;
  /** Cancels the deadline for its next stream. */
  cancel: () => void = () => {};

  constructor(connection: Connection, { onData, onClose }: ExporterConnectionEvents) {
    const { hostname, port } = connection.remoteAddress;
    this.connection = connection;
    this.name = `${hostname}:${port}`;
    this.stream = new PeerStream(counted(connection, onData), connection.remoteAddress);
    this.stream.on("error", () => {});
    this.stream.once("close", onClose);
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

/** Wraps a connection to count octets of requests as they are read. */
function counted(connection: Connection, onData: (octets: number) => void): Connection {
  const frames = new Http2Frames();
  return {
    transport: connection.transport,
    remoteAddress: connection.remoteAddress,
    async read(view) {
      const length = await connection.read(view);
      const before = frames.data;
      frames.pass(view.subarray(0, length ?? 0));
      if (frames.data > before) onData(frames.data - before);
      return length;
    },
    write: (octets) => connection.write(octets),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
  };
}
