import { type Address, peerAddress } from "../address.ts";
import type { Connection } from "../connection.ts";

/** A TCP connection on Deno's own socket, accepted or dialled. Messages leave as they are written (TCP_NODELAY). */
export class TcpConnection implements Connection {
  readonly transport = "tcp";
  readonly #socket: Deno.TcpConn;
  #closed = false;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    // Setting options fails on a socket that its peer has already reset; the first read reports that.
    try {
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
    } catch { /* see above */ }
  }

  /** Not stored, since the socket has it. */
  get remoteAddress(): Address {
    return peerAddress(this.#socket.remoteAddr);
  }

  read(view: Uint8Array): Promise<number | null> {
    return this.#socket.read(view);
  }

  write(octets: Uint8Array): Promise<number> {
    return this.#socket.write(octets);
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#socket.closeWrite();
    } catch { /* The peer is gone. */ }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/**
 * Dials over TCP.
 *
 * @param signal aborts the attempt
 * @throws if the name does not resolve, the peer refuses, or the signal is aborted
 */
export async function dialTcp({ hostname, port }: Address, signal: AbortSignal): Promise<Connection> {
  return new TcpConnection(await Deno.connect({ hostname, port, signal }));
}
