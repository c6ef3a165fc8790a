import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import type { Address } from "./address.ts";
import { formatAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import type { Listener } from "./listener.ts";
import { certificateName, TlsConnection } from "./tls_connection.ts";
import type { TlsCredentials } from "./tls_credentials.ts";

const HANDSHAKE_MILLISECONDS = 10_000;
const SELF_TEST_MILLISECONDS = 5_000;
/** The first Deno whose node:tls was seen to refuse missing, foreign, expired and wrong-purpose certificates. */
const OLDEST_DENO = [2, 9] as const;

/** How exporters are verified. */
export interface TlsListenerOptions {
  readonly credentials: TlsCredentials;
  /** Default: true where the credentials name a CA. */
  readonly requireClientCertificate?: boolean;
}

/** Why an exporter did not get in. `peer` is missing where the socket no longer says. */
export type OnHandshakeFailure = (reason: string, peer: string | undefined) => void;

/** Listens for exporters over TLS 1.2 or later. Whoever is not verified never becomes a session. */
export class TlsListener implements Listener {
  readonly transport = "tls";
  readonly address: Address;
  readonly #server: Server;
  readonly #required: boolean;
  readonly #onFailure: OnHandshakeFailure;
  readonly #forget: () => void;
  #handle: (connection: Connection) => void = (connection) => connection.close();
  #closed: () => void = () => {};
  /** While the listener tests itself: the port it dials from. */
  #testing: number | undefined;
  #letIn = false;

  /**
   * @throws when the address cannot be bound, when this Deno is known not to verify certificates, or when the listener lets
   *   itself in without one
   */
  static async listen(
    address: Address,
    options: TlsListenerOptions,
    onFailure: OnHandshakeFailure,
  ): Promise<TlsListener> {
    const required = options.requireClientCertificate ?? options.credentials.material.ca !== undefined;
    requireDeno(Deno.version.deno);
    if (required && options.credentials.material.ca === undefined) {
      throw new Error("client certificates are required, and no CA says which ones are good");
    }
    if (options.credentials.material.certificate === undefined) {
      throw new Error("a listener needs a certificate and a key");
    }
    const server = createServer({
      ...secureContext(options.credentials),
      requestCert: required,
      rejectUnauthorized: required,
      handshakeTimeout: HANDSHAKE_MILLISECONDS,
      allowHalfOpen: true,
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(address.port, address.hostname, () => {
        server.off("error", reject);
        resolve();
      });
    });
    const listener = new TlsListener(server, address.hostname, options.credentials, required, onFailure);
    if (required) await listener.#testRefusal();
    return listener;
  }

  private constructor(
    server: Server,
    hostname: string,
    credentials: TlsCredentials,
    required: boolean,
    onFailure: OnHandshakeFailure,
  ) {
    const bound = server.address();
    this.address = { hostname, port: typeof bound === "object" && bound !== null ? bound.port : 0 };
    this.#server = server;
    this.#required = required;
    this.#onFailure = onFailure;
    this.#forget = credentials.onChange(() => server.setSecureContext(secureContext(credentials)));
    server.on("secureConnection", (socket: TLSSocket) => this.#verify(socket));
    server.on("error", (error: Error) => onFailure(error.message, undefined));
    server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      const peer = peerOf(socket);
      // Also where the handshake took too long: Deno only tells, and leaves the socket open.
      socket.destroy();
      if (this.#testing === undefined) onFailure(describeFailure(error), peer);
    });
  }

  accept(handle: (connection: Connection) => void): Promise<void> {
    this.#handle = handle;
    return new Promise((resolve) => this.#closed = resolve);
  }

  close(): void {
    this.#forget();
    this.#server.close();
    this.#closed();
  }

  /** Looks again at what the handshake should have seen to: verified, and by a certificate that names somebody. */
  #verify(socket: TLSSocket): void {
    const verified = !this.#required || (socket.authorized === true && certificateName(socket) !== undefined);
    if (this.#testing !== undefined) {
      this.#letIn ||= verified && socket.remotePort === this.#testing;
      socket.on("error", () => {});
      socket.destroy();
    } else if (verified) this.#handle(new TlsConnection(socket));
    else {
      socket.on("error", () => {});
      const peer = peerOf(socket);
      socket.destroy();
      this.#onFailure("no verified client certificate", peer);
    }
  }

  /** Dials itself without a certificate. */
  async #testRefusal(): Promise<void> {
    this.#testing = 0;
    const tested = await new Promise<boolean>((resolve) => {
      const { hostname, port } = this.address;
      const socket = connect({ host: hostname, port, rejectUnauthorized: false });
      const timer = setTimeout(() => finish(false), SELF_TEST_MILLISECONDS);
      let shaken = false;
      socket.once("connect", () => this.#testing = socket.localPort ?? 0);
      const finish = (tested: boolean) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(tested);
      };
      socket.once("secureConnect", () => {
        shaken = true;
        socket.write("x");
      });
      socket.on(
        "error",
        (error: Error & { code?: string }) => finish(shaken || error.code?.startsWith("ERR_SSL") === true),
      );
      socket.on("close", () => finish(shaken));
      socket.on("data", () => finish(false));
      socket.on("end", () => finish(true));
    });
    this.#testing = undefined;
    if (tested && !this.#letIn) return;
    this.close();
    throw new Error(
      this.#letIn
        ? `${formatAddress(this.address)} lets in whoever shows no certificate; this runtime does not verify them`
        : `${
          formatAddress(this.address)
        } cannot be shown to refuse whoever shows no certificate: it does not reach itself`,
    );
  }
}

/** @throws Error for a Deno that is known to let in exporters without a good certificate */
export function requireDeno(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST_DENO[0] || (major === OLDEST_DENO[0] && minor >= OLDEST_DENO[1])) return;
  throw new Error(
    `TLS needs Deno ${OLDEST_DENO.join(".")} or later, this is ${version}: it does not verify client certificates`,
  );
}

function secureContext({ material: { certificate, key, ca } }: TlsCredentials) {
  return {
    minVersion: "TLSv1.2" as const,
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
}

function peerOf({ remoteAddress, remotePort }: TLSSocket): string | undefined {
  return remoteAddress === undefined ? undefined : formatAddress({ hostname: remoteAddress, port: remotePort ?? 0 });
}

function describeFailure(error: Error & { code?: string }): string {
  switch (error.code) {
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return "what came is not TLS: an exporter that speaks plaintext?";
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return "it shows no certificate";
    case "ECONNRESET":
      return "it hung up during the handshake, or its certificate is refused";
    default:
      return error.message;
  }
}
