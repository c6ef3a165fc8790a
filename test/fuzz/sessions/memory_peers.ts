import type { Connection } from "../../../src/proxy/transport/connection.ts";
import { join } from "../../support/messages/wire.ts";

/** An exporter's connection within the process, as the proxy sees it. */
export class MemoryExporter implements Connection {
  readonly transport = "tcp";
  #chunks: Uint8Array[] = [];
  #ended = false;
  #failed = false;
  #wake = () => {};

  constructor(readonly remoteAddress: { readonly hostname: string; readonly port: number }) {}

  /** The exporter sends octets. */
  send(octets: Uint8Array): void {
    if (octets.length > 0) this.#chunks.push(octets);
    this.#wake();
  }

  /** The exporter closes its side in order. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The exporter is gone: what was not read is lost. */
  reset(): void {
    this.#failed = true;
    this.#wake();
  }

  async read(view: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#failed) throw new Error("connection reset");
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        const length = Math.min(view.length, chunk.length);
        view.set(chunk.subarray(0, length));
        if (length < chunk.length) this.#chunks.unshift(chunk.subarray(length));
        return length;
      }
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(): Promise<number> {
    return Promise.reject(new Error("nothing is sent to an exporter"));
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.reset();
  }
}

/** A collector's end of one connection: takes octets in pieces, may stall, and may be gone after so many octets. */
export class MemoryCollector implements Connection {
  readonly transport = "tcp";
  readonly remoteAddress = { hostname: "collector", port: 4739 };
  /** Octets that it takes before it is gone. */
  room = Infinity;
  readonly #chunks: Uint8Array[] = [];
  #stalled = false;
  #lost = false;
  #resume = () => {};
  #settle: { resolve: (length: null) => void; reject: (error: Error) => void } | undefined;

  constructor(readonly piece: number) {}

  /** All that it took. */
  get received(): Uint8Array {
    return join(...this.#chunks);
  }

  stall(stalled: boolean): void {
    this.#stalled = stalled;
    if (!stalled) this.#resume();
  }

  /** Its process is gone. */
  lose(): void {
    this.#lost = true;
    this.#settle?.reject(new Error("reset"));
    this.#resume();
  }

  read(): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (this.#lost) reject(new Error("reset"));
    });
  }

  async write(octets: Uint8Array): Promise<number> {
    while (this.#stalled && !this.#lost) await new Promise<void>((resolve) => this.#resume = resolve);
    const taken = Math.min(octets.length, this.piece, this.room);
    if (this.#lost || taken === 0) {
      this.lose();
      throw new Error("reset");
    }
    this.#chunks.push(octets.slice(0, taken));
    this.room -= taken;
    return taken;
  }

  closeWrite(): Promise<void> {
    this.#settle?.resolve(null);
    return Promise.resolve();
  }

  close(): void {
    this.lose();
  }
}
