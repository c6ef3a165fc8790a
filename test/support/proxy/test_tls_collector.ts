import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { certificateName } from "../../../src/proxy/transport/tls/tls_connection.ts";
import { join, receivedMessages } from "./proxy_messages.ts";

/** A collector that speaks mutual TLS. */
export class TestTlsCollector {
  /** Names in the certificates of those who connected. */
  readonly names: (string | undefined)[] = [];
  received = 0;
  readonly #chunks: Uint8Array[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(readonly port: number, readonly server: Server) {}

  static async listen(
    { certificate, key, ca }: { certificate: string; key: string; ca: string },
  ): Promise<TestTlsCollector> {
    const halfOpen = { allowHalfOpen: true };
    const server = createServer({
      cert: certificate,
      key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      ...halfOpen,
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const collector = new TestTlsCollector(typeof address === "object" && address !== null ? address.port : 0, server);
    server.on("connection", (socket: Socket) => collector.#sockets.add(socket));
    server.on("secureConnection", (socket: TLSSocket) => collector.#read(socket));
    server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
    return collector;
  }

  records(): number[] {
    const { messages } = receivedMessages(join(...this.#chunks));
    return messages.flatMap(({ record }) => record === "template" ? [] : [record]);
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  #read(socket: TLSSocket): void {
    this.names.push(certificateName(socket));
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Uint8Array) => {
      this.received += chunk.length;
      this.#chunks.push(chunk);
    });
  }
}
