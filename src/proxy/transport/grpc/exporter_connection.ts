import type { Address } from "../address.ts";
import type { Connection } from "../connection.ts";
import { ConnectionStream } from "../tls/connection_stream.ts";
import { Http2Frames } from "./http2_frames.ts";

/** What becomes of a connection. */
export interface ExporterConnectionEvents {
  /** So many octets of requests have come. */
  readonly onData: (octets: number) => void;
  readonly onClose: () => void;
}

/** One exporter's connection, whose streams are transport sessions. */
export class ExporterConnection {
  readonly connection: Connection;
  /** What HTTP/2 is spoken over. */
  readonly stream: ConnectionStream;
  /** As calls name their peer. */
  readonly name: string;
  streams = 0;
  /** Octets of requests that have come and were not taken. */
  inHand = 0;
  /** Forgets the time until it must have a stream. */
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

/** A connection as a socket that knows its peer: by that, a call is found to be of this connection. */
class PeerStream extends ConnectionStream {
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(connection: Connection, { hostname, port }: Address) {
    super(connection);
    this.remoteAddress = hostname;
    this.remotePort = port;
  }
}

/** The same connection; octets of requests are counted as they are read. */
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
