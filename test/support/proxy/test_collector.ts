import { freePort } from "../free_port.ts";
import { join, type Received, receivedMessages } from "./proxy_messages.ts";
import { closeQuietly } from "./sockets.ts";

/** One transport session that a collector got. */
class CollectedConnection {
  readonly chunks: Uint8Array[] = [];
  length = 0;
  ended = false;

  constructor(readonly socket: Deno.TcpConn) {}

  get octets(): Uint8Array {
    const octets = join(...this.chunks);
    this.chunks.splice(0, Infinity, octets);
    return octets;
  }
}

/** A collector that keeps all it receives, one connection at a time or many. */
export class TestCollector {
  readonly connections: CollectedConnection[] = [];
  readonly port: number;
  /** False: what comes stays in the kernel. */
  reading = true;
  #listener: Deno.TcpListener;

  /** @param port a free one that it can have again, after it has been away */
  constructor(port = freePort()) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** The messages of one connection. */
  messages(connection = 0): Received[] {
    return receivedMessages(this.connections[connection]?.octets ?? new Uint8Array(0)).messages;
  }

  /** The numbers of the records over all connections. */
  records(): number[] {
    return this.connections.flatMap((_, index) => this.messages(index))
      .flatMap(({ record }) => record === "template" ? [] : [record]);
  }

  /** Ends all connections and accepts no more. */
  close(): void {
    this.#listener.close();
    for (const { socket } of this.connections) closeQuietly(socket);
  }

  async #accept(): Promise<void> {
    try {
      for await (const socket of this.#listener) void this.#read(socket);
    } catch { /* closed */ }
  }

  async #read(socket: Deno.TcpConn): Promise<void> {
    const connection = new CollectedConnection(socket);
    this.connections.push(connection);
    const view = new Uint8Array(65536);
    try {
      for (;;) {
        if (!this.reading) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          continue;
        }
        const length = await socket.read(view);
        if (length === null) break;
        connection.chunks.push(view.slice(0, length));
        connection.length += length;
      }
    } catch { /* closed here, or reset */ }
    connection.ended = true;
    closeQuietly(socket);
  }
}
