/** Exporters with real sockets, of the runtime's own TLS: they share no code with the proxy. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import type { Issued } from "../../support/certificates.ts";
import { FlowMessages } from "./flows.ts";

/** What an exporter sends over. */
export interface ExporterSocket {
  /** `address:port` of this end, as the proxy's log names it. */
  readonly name: string;
  write(octets: Uint8Array): Promise<void>;
  /** Says that nothing more comes. */
  closeWrite(): Promise<void>;
  /** Resolves when the other side has said the same. Rejects where it broke the connection off. */
  ended(): Promise<void>;
  close(): void;
}

/** Who an exporter is over TLS, and whom it trusts. */
export interface ExporterIdentity {
  readonly issued?: Issued;
  readonly ca: string;
}

/** Connects over TCP, or over TLS where there is an identity; resolves once the handshake is done. */
export async function connectExporter(port: number, identity?: ExporterIdentity): Promise<ExporterSocket> {
  const to = { hostname: "127.0.0.1", port };
  if (identity === undefined) {
    const connection = await Deno.connect(to);
    connection.setNoDelay(true);
    return over(connection);
  }
  const { issued, ca } = identity;
  const pem = issued === undefined ? {} : { cert: issued.certificate, key: issued.key };
  const connection = await Deno.connectTls({ ...to, caCerts: [ca], ...pem });
  await connection.handshake();
  return over(connection);
}

function over(connection: Deno.TcpConn | Deno.TlsConn): ExporterSocket {
  const { localAddr } = connection;
  assert.ok(localAddr.transport === "tcp");
  let closed = false;
  return {
    name: `${localAddr.hostname}:${localAddr.port}`,
    async write(octets) {
      for (let written = 0; written < octets.length;) written += await connection.write(octets.subarray(written));
    },
    closeWrite: () => connection.closeWrite(),
    async ended() {
      const octets = new Uint8Array(64);
      while (await connection.read(octets) !== null);
    },
    close() {
      if (!closed) connection.close();
      closed = true;
    },
  };
}

/** Connects over TCP in a way that can be reset: what a machine that loses power, or a firewall, does. */
export function connectToReset(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.setNoDelay(true);
    socket.on("error", reject);
  });
}

/** The same as {@link ExporterSocket}. */
export function overResettable(socket: Socket): ExporterSocket & { reset(): void } {
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  socket.on("error", (error: Error) => ended.reject(error));
  socket.on("close", () => ended.resolve());
  socket.on("end", () => ended.resolve());
  socket.resume();
  return {
    name: `${socket.localAddress}:${socket.localPort}`,
    write: (octets) =>
      new Promise((resolve, reject) => socket.write(octets, (error) => error ? reject(error) : resolve())),
    closeWrite: () => new Promise((resolve) => socket.end(() => resolve())),
    ended: () => ended.promise,
    close: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  };
}

/** A datagram socket that sends to the proxy, from one port of its own. */
export class DatagramExporter {
  readonly #socket: Deno.DatagramConn;
  readonly #to: Deno.NetAddr;

  constructor(port: number, from: { hostname?: string; port?: number } = {}) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0, ...from });
    this.#to = { transport: "udp", hostname: "127.0.0.1", port };
  }

  get port(): number {
    const { addr } = this.#socket;
    return addr.transport === "udp" ? addr.port : 0;
  }

  async send(...datagrams: readonly Uint8Array[]): Promise<void> {
    for (const datagram of datagrams) await this.#socket.send(datagram, this.#to);
  }

  close(): void {
    this.#socket.close();
  }
}

/**
 * An Agent of one release that sends numbered flows for as long as it is wanted, in an even load; slower where they are
 * not taken.
 */
export class Exporter {
  /** Number of the next flow: all before it are with the kernel. */
  next = 0;
  failure: unknown;
  readonly messages: FlowMessages;
  #stop = false;
  /** Whether the next message goes out an octet at a time. */
  #slow = false;
  /** Sends the next message in two parts. */
  #hesitation: (() => Promise<void>) | undefined;
  readonly #done: Promise<void>;

  /** @param perBurst flows every 20 ms */
  constructor(
    readonly socket: ExporterSocket,
    readonly release: string,
    readonly observationDomain: number,
    readonly perBurst = 100,
  ) {
    this.messages = new FlowMessages(release, observationDomain);
    this.#done = this.#send().catch((error) => {
      this.failure = error;
    });
  }

  /** Sends no more than what is under way. */
  async halt(): Promise<void> {
    this.#stop = true;
    await this.#done;
  }

  /** Sends no more than what is under way, and says so. */
  async stop(): Promise<void> {
    await this.halt();
    await this.socket.closeWrite();
  }

  /** Sends half of the next message; resolves with a function that has it go on. */
  hesitate(): Promise<() => void> {
    const half = Promise.withResolvers<() => void>();
    const rest = Promise.withResolvers<void>();
    this.#hesitation = async () => {
      const octets = this.messages.message(this.next);
      const middle = octets.length >> 1;
      await this.socket.write(octets.subarray(0, middle));
      half.resolve(rest.resolve);
      await rest.promise;
      await this.socket.write(octets.subarray(middle));
      this.next++;
    };
    return half.promise;
  }

  /** Sends the next message an octet at a time, over a second or two. */
  dawdle(): void {
    this.#slow = true;
  }

  async #send(): Promise<void> {
    await this.socket.write(this.messages.templates);
    do {
      if (this.#slow) await this.#sendSlowly();
      const hesitation = this.#hesitation;
      this.#hesitation = undefined;
      await hesitation?.();
      await this.socket.write(this.messages.messages(this.next, this.perBurst));
      this.next += this.perBurst;
      await new Promise((resolve) => setTimeout(resolve, 20));
    } while (!this.#stop);
  }

  async #sendSlowly(): Promise<void> {
    this.#slow = false;
    const octets = this.messages.message(this.next);
    for (let sent = 0; sent < octets.length; sent++) {
      await this.socket.write(octets.subarray(sent, sent + 1));
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    this.next++;
  }
}
