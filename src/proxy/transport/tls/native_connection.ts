import { type Address, peerAddress } from "../address.ts";
import type { Connection } from "../connection.ts";
import { describeAlert } from "./handshake_failure.ts";

/** Octets of one write: what Deno's TLS takes at a time, in four full records. */
const WRITE_OCTETS = 64 * 1024;

/** A TLS connection to the collector on Deno's own socket, after its handshake, with its peer verified. */
export class NativeTlsConnection implements Connection {
  readonly transport = "tls";
  endedInOrder = false;
  readonly #socket: Deno.TlsConn;
  #failure: Error | undefined;
  #closed = false;

  constructor(socket: Deno.TlsConn) {
    this.#socket = socket;
  }

  get remoteAddress(): Address {
    return peerAddress(this.#socket.remoteAddr);
  }

  async read(view: Uint8Array): Promise<number | null> {
    try {
      const length = await this.#socket.read(view);
      if (length === null) this.endedInOrder = true;
      return length;
    } catch (error) {
      // The end of TCP without the end that TLS has of its own.
      if (error instanceof Deno.errors.UnexpectedEof) this.endedInOrder = true;
      const words = describeAlert(error, "the collector", "the proxy's certificate");
      throw words === undefined ? error : new Error(words, { cause: error });
    }
  }

  /**
   * How much a failed write has sent is unknown. It counts as taken completely, so that nothing is sent twice; not one
   * that began after the peer's end.
   */
  async write(octets: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    const part = octets.length > WRITE_OCTETS ? octets.subarray(0, WRITE_OCTETS) : octets;
    const { endedInOrder } = this;
    try {
      return await this.#socket.write(part);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      if (endedInOrder) throw this.#failure;
      return part.length;
    }
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#socket.closeWrite();
    } catch { /* The peer is gone. */ }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure ??= new Error("the connection is closed");
    this.#socket.close();
  }
}
