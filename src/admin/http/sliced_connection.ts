import type { Server } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Octets that are parsed at once: ten of the shortest requests, where a whole read of 64 KiB has 2,500. */
const SLICE = 256;

/**
 * Has an HTTP server parse what its clients send little by little, and nothing more of a connection once it is closed.
 * By itself it parses all that it has read, and announces each request in it, whatever becomes of the first ones.
 *
 * @param admit is shown each connection, and what the server takes for it as the `socket` of requests
 */
export function parseInSlices(server: Server, admit: (connection: SlicedConnection) => void): void {
  // Documented to take any Duplex.
  const parsers = server.listeners("connection") as ((connection: Duplex) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const connection = new SlicedConnection(socket);
    admit(connection);
    if (connection.destroyed) return;
    for (const parse of parsers) parse.call(server, connection);
  });
}

/** A client's connection, read in slices. */
export class SlicedConnection extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #socket: Socket;
  /** What was read of the socket and not parsed yet. */
  #rest: Uint8Array = new Uint8Array();

  constructor(socket: Socket) {
    super({ highWaterMark: socket.writableHighWaterMark });
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    socket.on("data", (octets: Uint8Array) => {
      this.#rest = octets;
      this._read();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("timeout", () => this.emit("timeout"));
    socket.on("close", () => this.destroy());
  }

  /** As of a socket: the server closes connections that wait for their next request too long. */
  setTimeout(milliseconds: number): this {
    this.#socket.setTimeout(milliseconds);
    return this;
  }

  /** As of a socket: closes the connection once everything is written, whether or not the client closes its side. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  override _read(): void {
    while (this.#rest.length > 0 && !this.destroyed) {
      const slice = this.#rest.subarray(0, SLICE);
      this.#rest = this.#rest.subarray(SLICE);
      if (!this.push(slice)) break;
    }
    if (this.#rest.length > 0) this.#socket.pause();
    else this.#socket.resume();
  }

  override _write(octets: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(octets, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#rest = new Uint8Array();
    this.#socket.destroy();
    done(error);
  }
}
