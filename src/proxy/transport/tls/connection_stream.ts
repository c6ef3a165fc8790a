import { Duplex } from "node:stream";
import type { Connection } from "../connection.ts";

/**
 * What a client sends in a handshake at a time, and some messages: sessions that say little wait with a buffer of this
 * size each.
 */
const SMALLEST_READ = 2 * 1024;
/** The least that follows it. */
const SECOND_READ = 16 * 1024;
/** Four TLS records. */
const MODEST_READ = 64 * 1024;
/** Its plaintext fits into a session's largest buffer, behind the beginning of a message. */
const LARGEST_READ = 192 * 1024;
const GROWTH = 4;
/** Octets that all streams together may read at a time. Above that, none grows beyond {@link MODEST_READ}. */
const GENEROUS_OCTETS = 32 * 1024 * 1024;

/** Octets that all streams of the process together read at a time. */
let reading = 0;

/**
 * A connection as the stream that node:tls needs. It implements backpressure itself ({@link hold}), because node:tls of
 * Deno 2.9.6 goes on reading a paused socket, and loses the end of the stream if it arrives while the socket is paused.
 */
export class ConnectionStream extends Duplex {
  readonly #connection: Connection;
  readonly #refuse: (first: Uint8Array) => Error | undefined;
  /** Whether the peer has closed its side of the connection. */
  endedInOrder = false;
  #held = false;
  /** Whether the stream's reader has requested octets while the stream was held. */
  #asked = false;
  #first = true;
  /** Octets of a read. */
  #size = 0;
  /** The buffer of the last read, if nothing refers to it any more. */
  #spare: Uint8Array | undefined;

  /** @param refuse checks the first octets; if it returns an error, the stream ends with that */
  constructor(connection: Connection, refuse: (first: Uint8Array) => Error | undefined = () => undefined) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.#refuse = refuse;
    this.#resize(SMALLEST_READ);
  }

  /** Whether nothing has been read yet. */
  get untouched(): boolean {
    return this.#first;
  }

  /** Stops reading until {@link release}. A read that is under way completes. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    if (this.#asked) this._read();
  }

  override _read(): void {
    this.#asked = this.#held;
    if (!this.#held) void this.#readOnce();
  }

  override _write(octets: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll(octets).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.close();
    this.#resize(0);
    this.#spare = undefined;
    done(error);
  }

  async #readOnce(): Promise<void> {
    const view = this.#spare?.length === this.#size ? this.#spare : new Uint8Array(this.#size);
    this.#spare = undefined;
    try {
      const length = await this.#connection.read(view);
      if (length === null) {
        this.endedInOrder = true;
        return void this.push(null);
      }
      this.#resizeAfter(length, view.length);
      const octets = view.subarray(0, length);
      const refusal = this.#first ? this.#refuse(octets) : undefined;
      this.#first = false;
      if (refusal !== undefined) return void this.destroy(refusal);
      this.push(octets);
      // node:tls copies what it is passed before it returns, so octets that are not queued in this stream are free.
      if (this.readableLength === 0) this.#spare = view;
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Chooses the size of the next read from this one, which returned `length` octets of `size`. */
  #resizeAfter(length: number, size: number): void {
    if (this.destroyed) return;
    if (length === size) {
      const largest = reading < GENEROUS_OCTETS ? LARGEST_READ : MODEST_READ;
      this.#resize(Math.min(largest, Math.max(SECOND_READ, size * GROWTH)));
    } else if (length < size / GROWTH) this.#resize(Math.max(SMALLEST_READ, size / GROWTH));
  }

  #resize(size: number): void {
    reading += size - this.#size;
    this.#size = size;
  }

  async #writeAll(octets: Uint8Array): Promise<void> {
    for (let written = 0; written < octets.length;) written += await this.#connection.write(octets.subarray(written));
  }
}
