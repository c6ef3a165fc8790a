import { connect, createServer, type Server, TLSSocket } from "node:tls";
import { foreignProtocol } from "../../../ipfix/message/foreign_protocol.ts";
import { IPFIX_VERSION } from "../../../ipfix/message/message_header.ts";
import type { Address } from "../address.ts";
import type { Clock } from "../../time/clock.ts";
import type { Turns } from "../../time/turns.ts";
import type { Connection } from "../connection.ts";
import { ConnectionStream } from "./connection_stream.ts";
import { HandshakeError, type HandshakeFailure, handshakeFailure } from "./handshake_failure.ts";
import type { Listener } from "../listener.ts";
import { connectionPair } from "./memory_connection.ts";
import { type PlaceHolder, Places } from "../places.ts";
import { TcpListener } from "../tcp/tcp_listener.ts";
import type { ListenerOptions } from "../listener.ts";
import { certificateName, HALF_OPEN, refusal, TlsConnection } from "./tls_connection.ts";
import type { TlsCredentials } from "./tls_credentials.ts";
import type { TlsListenerOptions } from "./tls_options.ts";

/** Handshakes at a time; past that, the oldest of the address that has most makes room for a newcomer. */
const HANDSHAKES = 1024;
/**
 * From this many on, those that are under way go first: when thousands of exporters come back at once, all would be
 * begun, few ended in time, and most of the work done twice.
 */
const MANY_HANDSHAKES = 64;
const HANDSHAKE_RECORD = 0x16;
/**
 * As `handshakeTimeout`, it keeps a tls.Server from starting a timer of its own for each handshake ({@link
 * TlsListenerParts} has the limit). On Deno 2.9.6 a failed handshake does not cancel that timer, which holds all that
 * is left of the connection, some 20 KB, for two minutes. 0 stands for two minutes too.
 */
const NO_TIMER = -1;
/** The first Deno whose node:tls was seen to refuse missing, foreign, expired and wrong-purpose certificates. */
const OLDEST_DENO = [2, 9] as const;

/** Dependencies of a TLS listener. */
export interface TlsListenerParts {
  readonly clock: Clock;
  readonly turns: Turns;
  /** How many milliseconds a handshake that begins now may take; 0: as long as it likes. */
  readonly handshake: () => number;
  /** The protocol to agree on (ALPN, RFC 7301): `h2`. Missing: none is negotiated. */
  readonly applicationProtocol?: string;
  /** Handshakes at a time; missing: 1024. */
  readonly handshakes?: number;
  /** Called with the reason when an exporter is not let in. */
  readonly onFailure: (failure: HandshakeFailure, peer: Address) => void;
  /** Called when no exporter can connect. */
  readonly onError: (error: unknown) => void;
}

/** A handshake that is under way. */
class Handshake implements PlaceHolder {
  readonly heard = false;
  readonly unheard = false;
  readonly quiet = 0;
  /** Ends it. */
  fail: (reason: Error) => void = () => {};

  constructor(readonly remoteAddress: Address) {}
}

/** Listens for exporters over TLS 1.2 or later. An exporter that is not verified gets no session. */
export class TlsListener implements Listener {
  readonly transport = "tls";
  readonly address: Address;
  readonly #tcp: TcpListener;
  /** Never listens itself: it is handed connections, so that reading them stays in our hands. */
  #server: Server;
  #required: boolean;
  readonly #parts: TlsListenerParts;
  #forget: () => void;
  #handle: (connection: Connection) => void = (connection) => connection.close();
  readonly #handshakes = new Places<Handshake>();
  #closed = false;

  /**
   * @throws when the address cannot be bound, when this Deno is known not to verify certificates, or when the listener
   *   lets itself in without a certificate
   */
  static async listen(address: Address, options: TlsListenerOptions, parts: TlsListenerParts): Promise<TlsListener> {
    requireDeno(Deno.version.deno);
    const listener = new TlsListener(address, options, parts);
    if (listener.#required) await listener.#testRefusal();
    return listener;
  }

  private constructor(address: Address, options: TlsListenerOptions, parts: TlsListenerParts) {
    ({ server: this.#server, required: this.#required, forget: this.#forget } = createTlsServer(
      options,
      parts.applicationProtocol,
    ));
    this.#tcp = new TcpListener(address, parts, parts.onError);
    this.address = this.#tcp.address;
    this.#parts = parts;
  }

  adopt({ tls }: ListenerOptions): void {
    if (tls === undefined) return;
    const { server, required, forget } = createTlsServer(tls, this.#parts.applicationProtocol);
    this.#forget();
    this.#server = server;
    this.#required = required;
    this.#forget = forget;
  }

  accept(handle: (connection: Connection) => void): Promise<void> {
    this.#handle = handle;
    return this.#tcp.accept((connection) => {
      const { handshakes = HANDSHAKES } = this.#parts;
      if (this.#handshakes.taken >= handshakes) this.#makeRoom(handshakes);
      void this.#admit(connection);
    }, () => {
      if (this.#handshakes.taken < MANY_HANDSHAKES) return undefined;
      // Sockets are served before a timer that is due: what has arrived of the handshakes under way is worked off.
      return new Promise<void>((resolve) => this.#parts.clock.after(0, resolve));
    });
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    this.#tcp.close();
  }

  #makeRoom(handshakes: number): void {
    const oldest = this.#handshakes.oldestOfLargestShare();
    if (oldest === undefined) return;
    this.#handshakes.free(oldest);
    oldest.fail(
      new HandshakeError("limit", `${handshakes} handshakes are under way, and this one made room for a newer one`),
    );
  }

  async #admit(connection: Connection): Promise<void> {
    const handshake = new Handshake(connection.remoteAddress);
    this.#handshakes.take(handshake);
    const stream = new ConnectionStream(connection, refusePlaintext);
    try {
      const session = await this.#shakeHands(connection, stream, handshake);
      if (this.#closed) session.close();
      else this.#handle(session);
    } catch (error) {
      // A client that connects and leaves silently is a port probe, which is not reported.
      if (!stream.untouched || !stream.readableEnded) {
        this.#parts.onFailure(handshakeFailure(error), connection.remoteAddress);
      }
    } finally {
      this.#handshakes.free(handshake);
    }
  }

  /** @throws when the exporter is not verified, or not in time; its connection is closed then */
  async #shakeHands(
    connection: Connection,
    stream: ConnectionStream,
    handshake?: Handshake,
  ): Promise<TlsConnection> {
    // Both as they stand now: a change in the middle of the handshake is for the next one.
    const [base, required] = [this.#server, this.#required];
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    if (handshake !== undefined) handshake.fail = reject;
    stream.on("error", reject);
    stream.once("end", () => reject(new HandshakeError("closed", "it left during the handshake")));
    const limit = this.#parts.handshake();
    const tooLong = () => reject(new HandshakeError("timeout", `the handshake takes too long: more than ${limit} ms`));
    const cancel = limit === 0 ? () => {} : this.#parts.clock.after(limit, tooLong);
    // The connection listener of a tls.Server creates the TLS socket, verifies the client's certificate and reports the
    // outcome to the server it is called on, without saying for which stream. A server object per connection, whose
    // emit settles this promise, tells the connections apart. The plain way does not work: on Deno 2.9.6, a socket made
    // by `new TLSSocket(stream, { isServer: true, requestCert: true })` finishes the handshake with `authorized` false
    // for a client certificate of the right CA, since only the server's listener verifies.
    const server: Server = Object.create(base, {
      emit: {
        value: (event: string, first: unknown, socket?: TLSSocket) => {
          if (event === "secureConnection" && first instanceof TLSSocket) resolve(first);
          else if (event === "tlsClientError") reject(clientRefusal(socket?.authorizationError) ?? first);
          return true;
        },
      },
    });
    try {
      for (const listener of base.listeners("connection")) Reflect.apply(listener, server, [stream]);
      const socket = await promise;
      // Checks again what the handshake should have: that the peer is verified, by a certificate with a name.
      if (required && (socket.authorized !== true || certificateName(socket) === undefined)) {
        socket.on("error", () => {});
        socket.destroy();
        throw new HandshakeError("certificate_refused", "no verified client certificate");
      }
      return new TlsConnection(socket, stream, connection.remoteAddress);
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      cancel();
    }
  }

  /** Connects to itself without a certificate: a listener that would let that in is not started. */
  async #testRefusal(): Promise<void> {
    const [exporter, own] = connectionPair();
    const stream = new ConnectionStream(exporter);
    const socket = connect({ socket: stream, rejectUnauthorized: false });
    for (const end of [socket, stream]) end.on("error", () => {});
    const refused = await this.#shakeHands(own, new ConnectionStream(own)).then(
      (session) => (session.close(), false),
      () => true,
    );
    socket.destroy();
    stream.destroy();
    if (refused) return;
    this.close();
    throw new Error("exporters without a certificate are let in: this runtime does not verify them");
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

/**
 * Whether client certificates are required, by what the options say or their CA implies.
 *
 * @throws Error that says what the options lack
 */
export function checkTlsListener({ credentials: { material }, requireClientCertificate }: TlsListenerOptions): boolean {
  const required = requireClientCertificate ?? material.ca !== undefined;
  if (material.certificate === undefined) throw new Error("a listener needs a certificate and a key");
  if (required && material.ca === undefined) {
    throw new Error("client certificates are required, and no CA says which ones are good");
  }
  return required;
}

function createTlsServer(options: TlsListenerOptions, applicationProtocol?: string) {
  const required = checkTlsListener(options);
  const { credentials } = options;
  const server = createServer({
    ...secureContext(credentials),
    requestCert: required,
    rejectUnauthorized: required,
    ...(applicationProtocol === undefined ? {} : { ALPNProtocols: [applicationProtocol] }),
    handshakeTimeout: NO_TIMER,
    ...HALF_OPEN,
  });
  return { server, required, forget: credentials.onChange(() => server.setSecureContext(secureContext(credentials))) };
}

function secureContext({ material: { certificate, key, ca } }: TlsCredentials) {
  return {
    minVersion: "TLSv1.2" as const,
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** A TLS client's first record has type handshake. */
function refusePlaintext(first: Uint8Array): Error | undefined {
  if (first[0] === HANDSHAKE_RECORD) return undefined;
  const isIpfix = first[0] === 0 && first[1] === IPFIX_VERSION;
  const spoken = isIpfix ? "plain IPFIX" : foreignProtocol(first) ?? "nothing known";
  return new HandshakeError(isIpfix ? "plain_ipfix" : "not_tls", `what came is not TLS: it looks like ${spoken}`);
}

function clientRefusal(code: unknown): HandshakeError | undefined {
  const error = refusal("client", code);
  return error === undefined ? undefined : new HandshakeError("certificate_refused", error.message);
}
