import type { Connection } from "../connection.ts";

/** One end of a connection within the process. */
class MemoryConnection implements Connection {
  readonly transport = "tcp";
  readonly remoteAddress = { hostname: "memory", port: 0 };
  other: MemoryConnection | undefined;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #wake = () => {};

  async read(view: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks.shift() ?? new Uint8Array(0);
    const length = Math.min(view.length, chunk.length);
    view.set(chunk.subarray(0, length));
    if (length < chunk.length) this.#chunks.unshift(chunk.subarray(length));
    return length;
  }

  write(octets: Uint8Array): Promise<number> {
    if (this.#ended || this.other === undefined) return Promise.reject(new Error("closed"));
    this.other.#chunks.push(octets.slice());
    this.other.#wake();
    return Promise.resolve(octets.length);
  }

  closeWrite(): Promise<void> {
    this.other?.end();
    return Promise.resolve();
  }

  close(): void {
    this.end();
    this.other?.end();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}

/**
 * Returns the two ends of a connection within the process. It queues without bound, and is meant for handshakes and
 * tests.
 */
export function connectionPair(): readonly [Connection, Connection] {
  const [one, other] = [new MemoryConnection(), new MemoryConnection()];
  one.other = other;
  other.other = one;
  return [one, other];
}
