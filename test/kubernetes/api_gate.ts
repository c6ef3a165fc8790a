import { freePort } from "../support/free_port.ts";

/** A port in front of an API server that can refuse, stay silent, or cut what goes through it. */
export class ApiGate implements AsyncDisposable {
  /** Connections are taken, and nothing is ever answered. */
  #silent = false;
  #listener: Deno.TcpListener | undefined;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #hanging = new Set<Deno.TcpConn>();
  readonly port: number;

  /** @param target the port behind it, on loopback */
  constructor(readonly target: number) {
    this.port = this.#listen(freePort());
  }

  /** Lets everything through. */
  open(): void {
    this.#silent = false;
    this.cut();
    if (this.#listener === undefined) this.#listen(this.port);
  }

  /** Refuses connections, and cuts those there are. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
    this.cut();
  }

  /** Takes connections without an answer, and cuts those there are. */
  silence(): void {
    this.#silent = true;
    this.cut();
  }

  /** Nothing goes through the connections that there are any more, and neither end sees them closed. New ones work. */
  hang(): void {
    for (const connection of this.#connections) this.#hanging.add(connection);
  }

  /** Cuts all connections, in the middle of whatever they carry. */
  cut(): void {
    for (const connection of [...this.#connections]) this.#close(connection);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    return Promise.resolve();
  }

  #listen(port: number): number {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#listener = listener;
    void this.#accept(listener);
    return listener.addr.port;
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    try {
      for await (const connection of listener) {
        this.#connections.add(connection);
        if (!this.#silent) void this.#join(connection);
      }
    } catch {
      // Closed.
    }
  }

  async #join(near: Deno.TcpConn): Promise<void> {
    const far = await Deno.connect({ hostname: "127.0.0.1", port: this.target }).catch(() => undefined);
    if (far === undefined) return this.#close(near);
    this.#connections.add(far);
    // Cut while it was being joined.
    if (!this.#connections.has(near)) return this.#close(far);
    await Promise.allSettled([this.#pass(near, far), this.#pass(far, near)]);
    for (const connection of [near, far]) this.#close(connection);
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    for await (const chunk of from.readable) {
      if (this.#hanging.has(from)) continue;
      for (let written = 0; written < chunk.length;) written += await to.write(chunk.subarray(written));
    }
    if (!this.#hanging.has(from)) await to.closeWrite();
  }

  #close(connection: Deno.TcpConn): void {
    this.#hanging.delete(connection);
    if (!this.#connections.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // The stream that was piped has closed it.
    }
  }
}
