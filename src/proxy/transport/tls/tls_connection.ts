import { connect, type TLSSocket } from "node:tls";
import type { Address } from "../address.ts";
import type { Connection } from "../connection.ts";
import { ConnectionStream } from "./connection_stream.ts";
import { dialTcp } from "../tcp/tcp_connection.ts";
import { describeAlert } from "./handshake_failure.ts";
import { dialNative } from "./native_dial.ts";
import type { TlsMaterial } from "../../../certificates/tls_material.ts";
import type { TlsDialOptions } from "./tls_options.ts";

/**
 * Octets of one write. How much of a write TLS had sent when the connection broke is unknown, so that smaller writes
 * leave less in doubt.
 */
const WRITE_OCTETS = 64 * 1024;

/** Lets either side send on after the other has ended. The types of node:tls do not declare the option. */
export const HALF_OPEN = { allowHalfOpen: true };

/** A TLS connection after its handshake, with its peer verified. */
export class TlsConnection implements Connection {
  readonly transport = "tls";
  readonly remoteAddress: Address;
  readonly certificateName?: string;
  readonly #socket: TLSSocket;
  readonly #stream: ConnectionStream;
  /** Plaintext that no read has taken yet. */
  readonly #chunks: Uint8Array[] = [];
  /** Octets already taken from the first chunk. */
  #taken = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  /**
   * @param socket a TLS socket over the stream
   * @param stream the stream that carries its ciphertext
   * @param explain says more about an error, where it can
   */
  constructor(
    socket: TLSSocket,
    stream: ConnectionStream,
    remoteAddress: Address,
    explain: (error: Error) => Error | undefined = () => undefined,
  ) {
    this.#socket = socket;
    this.#stream = stream;
    this.remoteAddress = remoteAddress;
    const name = certificateName(socket);
    if (name !== undefined) this.certificateName = name;
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      stream.hold();
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error: Error) => this.#fail(explain(error) ?? error));
    stream.on("error", (error: Error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection is closed")));
  }

  get endedInOrder(): boolean {
    return this.#stream.endedInOrder;
  }

  async read(view: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#ended) return null;
      if (this.#failure !== undefined) throw this.#failure;
      this.#stream.release();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    let length = 0;
    for (let chunk; length < view.length && (chunk = this.#chunks[0]) !== undefined;) {
      const part = chunk.subarray(this.#taken, this.#taken + view.length - length);
      view.set(part, length);
      length += part.length;
      this.#taken += part.length;
      if (this.#taken < chunk.length) continue;
      this.#chunks.shift();
      this.#taken = 0;
      free(chunk);
    }
    return length;
  }

  /**
   * How much a failed write has sent is unknown. It counts as taken completely, so that nothing is sent twice; not one
   * that began after the peer's end.
   */
  write(octets: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const part = octets.length > WRITE_OCTETS ? octets.subarray(0, WRITE_OCTETS) : octets;
    const { endedInOrder } = this;
    return new Promise((resolve, reject) => {
      this.#socket.write(part, (error) => {
        if (error instanceof Error) {
          this.#fail(error);
          if (endedInOrder) return reject(error);
        }
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
    this.#stream.destroy();
    this.#fail(new Error("the connection is closed"));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/**
 * Frees the memory of octets that are no longer used, if they are all there is in their buffer. The garbage collector
 * sees only small objects here and would let hundreds of megabytes accumulate, with every new chunk in memory that is
 * in no CPU cache.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** Returns the name in a peer's certificate: its subject's common name, or else its first alternative name. */
export function certificateName(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerCertificate();
  const name: unknown = certificate?.subject?.CN;
  if (typeof name === "string" && name !== "") return name;
  const alternative = /(?:DNS|URI|IP Address):([^,]+)/.exec(certificate?.subjectaltname ?? "");
  return alternative?.[1];
}

/**
 * Returns an error that names the possible faults of a rejected certificate, or undefined if the code stands for
 * something else. The runtime reports all of these faults with the same codes; only a name that does not match has one
 * of its own.
 *
 * @param code the code of the runtime's error, or the socket's `authorizationError`
 */
export function refusal(purpose: "client" | "server", code: unknown): Error | undefined {
  if (!/^(UNABLE_TO_|SELF_SIGNED_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT)/.test(String(code))) return undefined;
  return new PeerRefused(
    `its certificate is refused: it does not go back to the CA, is not valid today, or is not a ${purpose}'s`,
  );
}

/** A peer was not verified. */
class PeerRefused extends Error {}

/** An error that says that the collector refused this side, if that is what it did. */
function peerRefusal(error: Error): Error | undefined {
  const words = describeAlert(error, "the collector", "the proxy's certificate");
  return words === undefined ? undefined : new Error(words, { cause: error });
}

/**
 * Dials over TLS 1.2 or later. The collector's certificate must be issued by the CA and contain the name; this cannot
 * be disabled.
 *
 * @param signal aborts the attempt
 * @throws if the collector cannot be reached or verified, or the signal is aborted
 */
export async function dialTls(address: Address, options: TlsDialOptions, signal: AbortSignal): Promise<Connection> {
  const { material, previous } = options.credentials;
  try {
    return await dialWith(material, address, options, signal);
  } catch (error) {
    if (previous === undefined || !(error instanceof PeerRefused)) throw error;
    return await dialWith(previous, address, options, signal).catch(() => {
      throw error;
    });
  }
}

async function dialWith(
  material: TlsMaterial,
  address: Address,
  options: TlsDialOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const { certificate, key, ca } = material;
  const native = await dialNative(address, options.serverName ?? address.hostname, material, signal);
  if (native !== undefined) return native;
  const connection = await dialTcp(address, signal);
  const stream = new ConnectionStream(connection);
  const socket = connect({
    socket: stream,
    // Node checks the name in the certificate against this where there is no server name.
    host: address.hostname,
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
    ...HALF_OPEN,
    ...(options.serverName === undefined ? {} : { servername: options.serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  });
  const failures = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on(
        "error",
        (error: Error) =>
          reject(refusal("server", "code" in error ? error.code : undefined) ?? peerRefusal(error) ?? error),
      );
      stream.on("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
      signal.addEventListener("abort", () => reject(signal.reason), { signal: failures.signal });
      socket.once("secureConnect", () => {
        if (socket.authorized) resolve();
        else reject(new Error(`the collector's certificate is refused: ${socket.authorizationError}`));
      });
    });
    return new TlsConnection(socket, stream, connection.remoteAddress, peerRefusal);
  } catch (error) {
    socket.destroy();
    stream.destroy();
    throw error;
  } finally {
    failures.abort();
  }
}
