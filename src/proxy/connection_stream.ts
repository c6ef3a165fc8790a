import { Duplex } from "node:stream";
import type { Connection } from "./connection.ts";

const SMALLEST_READ = 4 * 1024;
/** Four TLS records. */
const LARGEST_READ = 64 * 1024;
const GROWTH = 4;

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
  #size = SMALLEST_READ;

  /** @param refuse looks at the first octets; where it gives an error the stream ends with that */
  constructor(connection: Connection, refuse: (first: Uint8Array) => Error | undefined = () => undefined) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.#refuse = refuse;
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
    done(error);
  }

  async #readOnce(): Promise<void> {
    const view = new Uint8Array(this.#size);
    try {
      const length = await this.#connection.read(view);
      if (length === null) return void this.push(null);
      if (length === view.length) this.#size = Math.min(LARGEST_READ, this.#size * GROWTH);
      else if (length < view.length / GROWTH) this.#size = Math.max(SMALLEST_READ, this.#size / GROWTH);
      const octets = view.subarray(0, length);
      const refusal = this.#first ? this.#refuse(octets) : undefined;
      this.#first = false;
      if (refusal !== undefined) this.destroy(refusal);
      else this.push(octets);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #writeAll(octets: Uint8Array): Promise<void> {
    for (let written = 0; written < octets.length;) written += await this.#connection.write(octets.subarray(written));
  }
}
