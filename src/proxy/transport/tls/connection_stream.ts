import { Duplex } from "node:stream";
import type { Connection } from "../connection.ts";

const SMALLEST_READ = 4 * 1024;
/** Four TLS records. */
const MODEST_READ = 64 * 1024;
/** What is deciphered of it fits a session's largest buffer, behind the beginning of a message. */
const LARGEST_READ = 192 * 1024;
const GROWTH = 4;
/** While all streams together read so many octets at a time, none grows beyond what is modest. */
const GENEROUS_OCTETS = 32 * 1024 * 1024;

/** Octets that all streams together read at a time. */
let reading = 0;

/**
 * A connection as node:tls wants it. It reads only while it is let: node:tls of Deno goes on reading a socket that is paused, and loses
 * its end when that comes meanwhile, so backpressure has to be here.
 */
export class ConnectionStream extends Duplex {
  readonly #connection: Connection;
  readonly #refuse: (first: Uint8Array) => Error | undefined;
  #held = false;
  /** Whether the stream's reader has asked for octets that are not being read yet. */
  #asked = false;
  #first = true;
  /** Octets of a read. */
  #size = 0;
  /** What was read into before, where nobody holds on to it. */
  #spare: Uint8Array | undefined;

  /** @param refuse looks at the first octets; where it gives an error the stream ends with that */
  constructor(connection: Connection, refuse: (first: Uint8Array) => Error | undefined = () => undefined) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.#refuse = refuse;
    this.#resize(SMALLEST_READ);
  }

  /** Whether nothing was ever read. */
  get untouched(): boolean {
    return this.#first;
  }

  /** Reads no more than what is being read already, until {@link release}. */
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
      if (length === null) return void this.push(null);
      this.#follow(length, view.length);
      const octets = view.subarray(0, length);
      const refusal = this.#first ? this.#refuse(octets) : undefined;
      this.#first = false;
      if (refusal !== undefined) return void this.destroy(refusal);
      this.push(octets);
      // node:tls copies what it is handed before it returns: what does not wait in this stream is nobody's any more.
      if (this.readableLength === 0) this.#spare = view;
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The next read is as large as this one recommends, which brought so many octets of so many. */
  #follow(length: number, size: number): void {
    if (this.destroyed) return;
    if (length === size) this.#resize(Math.min(reading < GENEROUS_OCTETS ? LARGEST_READ : MODEST_READ, size * GROWTH));
    else if (length < size / GROWTH) this.#resize(Math.max(SMALLEST_READ, size / GROWTH));
  }

  #resize(size: number): void {
    reading += size - this.#size;
    this.#size = size;
  }

  async #writeAll(octets: Uint8Array): Promise<void> {
    for (let written = 0; written < octets.length;) written += await this.#connection.write(octets.subarray(written));
  }
}
