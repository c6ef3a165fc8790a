import { concatenate } from "../../ipfix/octets/concatenate.ts";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Milliseconds of parsing in one turn of the event loop, of all connections together. */
const BUDGET = 2;

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

/**
 * Shares the time for parsing among connections: one slice of each after the other, a little in each turn of the event
 * loop. What a client sends is parsed at once otherwise, be it 64 KiB of the smallest chunks.
 */
class ParseTurns {
  /** When the first of this turn was parsed; undefined: nothing was. */
  #began: number | undefined;
  #waiting: (() => void)[] = [];

  /** Whether the present turn has taken long enough. */
  get over(): boolean {
    const now = performance.now();
    if (this.#began === undefined) this.#begin(now);
    return now - (this.#began ?? now) > BUDGET;
  }

  /** Calls back in a later turn, after those who wait already. */
  wait(resume: () => void): void {
    this.#waiting.push(resume);
  }

  #begin(now: number): void {
    this.#began = now;
    // Only a timer lets Deno 2.9.6 serve sockets before it goes on.
    setTimeout(() => {
      this.#began = undefined;
      const waiting = this.#waiting;
      this.#waiting = [];
      let next = 0;
      while (next < waiting.length && !this.over) waiting[next++]?.();
      // Those who have had theirs come after the others.
      this.#waiting = [...waiting.slice(next), ...this.#waiting];
    }, 1);
  }
}

const turns = new ParseTurns();

/** A client's connection, read in slices. */
export class SlicedConnection extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #socket: Socket;
  /** What was read of the socket and not parsed yet. */
  #rest: Uint8Array = new Uint8Array();
  /** Whether the client has ended its side. */
  #ended = false;
  /** Whether it waits for a turn. */
  #waits = false;

  constructor(socket: Socket) {
    super({ highWaterMark: socket.writableHighWaterMark });
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    socket.on("data", (octets: Uint8Array) => {
      this.#rest = concatenate([this.#rest, octets]);
      this._read();
    });
    socket.on("end", () => {
      this.#ended = true;
      this._read();
    });
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
    while (this.#rest.length > 0 && !this.destroyed && !this.#waits) {
      if (turns.over) this.#wait();
      else if (!this.#parse()) break;
    }
    if (this.#rest.length > 0) this.#socket.pause();
    else if (this.#ended) this.push(null);
    else this.#socket.resume();
  }

  /** Returns whether there is room for more. */
  #parse(): boolean {
    const slice = this.#rest.subarray(0, SLICE);
    this.#rest = this.#rest.subarray(SLICE);
    return this.push(slice);
  }

  /** Goes on in a later turn, with one slice before others have theirs. */
  #wait(): void {
    this.#waits = true;
    turns.wait(() => {
      this.#waits = false;
      if (this.destroyed) return;
      if (this.#parse() && this.#rest.length > 0) this.#wait();
      else this._read();
    });
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
