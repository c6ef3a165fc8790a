import { connect, type TLSSocket } from "node:tls";
import { type Address, peerAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import type { TlsCredentials } from "./tls_credentials.ts";

/**
 * Octets of one write. When a connection dies in the middle of a write, nobody can tell what TLS had sent of it; the less a
 * write holds, the less that is.
 */
const WRITE_OCTETS = 64 * 1024;

/** Either side may go on sending after the other has said that it is done. The types of node:tls do not know of it. */
const HALF_OPEN = { allowHalfOpen: true };

/** A TLS connection on a socket whose handshake is done and whose peer is verified. */
export class TlsConnection implements Connection {
  readonly transport = "tls";
  readonly remoteAddress: Address;
  readonly certificateName?: string;
  readonly #socket: TLSSocket;
  /** What the socket gave and no read has taken yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.remoteAddress = peerAddress({ hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
    const name = certificateName(socket);
    if (name !== undefined) this.certificateName = name;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on("readable", () => this.#wake());
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error: Error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection is closed")));
  }

  async read(view: Uint8Array): Promise<number | null> {
    while (this.#rest.length === 0) {
      const chunk: Uint8Array | null = this.#failure === undefined ? this.#socket.read() : null;
      if (chunk !== null) this.#rest = chunk;
      else if (this.#ended) return null;
      else if (this.#failure !== undefined) throw this.#failure;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const length = Math.min(view.length, this.#rest.length);
    view.set(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    return length;
  }

  /** What a write that fails on its way had sent is not known: it counts as taken, since nothing may be sent twice. */
  write(octets: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const part = octets.length > WRITE_OCTETS ? octets.subarray(0, WRITE_OCTETS) : octets;
    return new Promise((resolve) => {
      this.#socket.write(part, (error) => {
        if (error instanceof Error) this.#fail(error);
        resolve(part.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#failure !== undefined) return resolve();
      this.#socket.once("close", resolve);
      this.#socket.end(() => resolve());
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#fail(new Error("the connection is closed"));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/** The name in a peer's certificate: its subject's common name, else its first alternative name. */
export function certificateName(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerCertificate();
  const name: unknown = certificate?.subject?.CN;
  if (typeof name === "string" && name !== "") return name;
  const alternative = /(?:DNS|URI|IP Address):([^,]+)/.exec(certificate?.subjectaltname ?? "");
  return alternative?.[1];
}

/** How the collector is verified, and how it verifies this side. */
export interface TlsDialOptions {
  readonly credentials: TlsCredentials;
  /** The name that its certificate must carry; the dialled address where it is missing. */
  readonly serverName?: string;
}

/**
 * Dials over TLS 1.2 or later. There is no way to reach a collector that does not show a certificate which goes back to the CA and
 * carries the name.
 *
 * @throws when it is not reached, not verified, or the signal comes first
 */
export function dialTls(
  { hostname, port }: Address,
  options: TlsDialOptions,
  signal: AbortSignal,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const { certificate, key, ca } = options.credentials.material;
    const socket = connect({
      host: hostname,
      port,
      minVersion: "TLSv1.2",
      rejectUnauthorized: true,
      ...HALF_OPEN,
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
    });
    const fail = (error: Error) => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      reject(error);
    };
    const abort = () => fail(signal.reason instanceof Error ? signal.reason : new Error("gave up"));
    const close = () => fail(new Error("closed during the handshake"));
    socket.on("error", fail);
    socket.on("close", close);
    socket.once("secureConnect", () => {
      if (!socket.authorized) {
        return fail(new Error(`the collector's certificate is refused: ${socket.authorizationError}`));
      }
      signal.removeEventListener("abort", abort);
      const connection = new TlsConnection(socket);
      socket.off("error", fail);
      socket.off("close", close);
      resolve(connection);
    });
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
  });
}
