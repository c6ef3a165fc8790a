import { lookup } from "node:dns/promises";
import type { Address } from "../address.ts";
import type { Connection, Dial } from "../connection.ts";
import { messageLength } from "../message_walk.ts";

/** A collector over UDP. Every message is sent in a datagram of its own; whether anything receives it is unknown. */
class UdpConnection implements Connection {
  readonly transport = "udp";
  readonly remoteAddress: Address;
  readonly #socket: Deno.DatagramConn;
  readonly #to: Deno.NetAddr;
  #closed = false;

  constructor(socket: Deno.DatagramConn, to: Address) {
    this.#socket = socket;
    this.remoteAddress = to;
    this.#to = { transport: "udp", hostname: to.hostname, port: to.port };
  }

  async read(view: Uint8Array): Promise<number | null> {
    const [datagram] = await this.#socket.receive(view);
    return datagram.length;
  }

  /** Takes whole messages. Returns the octets of those sent before one failed. */
  async write(messages: Uint8Array): Promise<number> {
    let sent = 0;
    try {
      while (sent < messages.length) {
        const end = sent + messageLength(messages, sent);
        await this.#socket.send(messages.subarray(sent, end), this.#to);
        sent = end;
      }
    } catch (error) {
      if (sent === 0) throw error;
    }
    return sent;
  }

  closeWrite(): Promise<void> {
    // There is no peer to wait for.
    this.close();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/**
 * Returns a function that dials over UDP, from the same port every time if nobody has taken it meanwhile: collectors
 * identify an exporter by its port.
 */
export function udpDialer({ hostname, port }: Address): Dial {
  let ownPort = 0;
  return async (signal) => {
    const { address, family } = await lookup(hostname);
    signal.throwIfAborted();
    const socket = bind(family === 6 ? "::" : "0.0.0.0", ownPort);
    if (socket.addr.transport === "udp") ownPort = socket.addr.port;
    return new UdpConnection(socket, { hostname: address, port });
  };
}

/** Binds this port, or any if it is taken. */
function bind(hostname: string, port: number): Deno.DatagramConn {
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port });
  } catch (error) {
    if (port === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
    return bind(hostname, 0);
  }
}
