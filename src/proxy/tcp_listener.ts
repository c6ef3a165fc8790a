import type { Address } from "./address.ts";
import type { Clock } from "./clock.ts";
import { pause } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Listener } from "./listener.ts";
import { TcpConnection } from "./tcp_connection.ts";

/** How long nothing is accepted after accepting failed: out of descriptors, trying at once would only burn the core. */
const ACCEPT_PAUSE_MILLISECONDS = 100;

/** Listens for exporters over TCP. */
export class TcpListener implements Listener {
  readonly transport = "tcp";
  readonly address: Address;
  readonly #socket: Deno.TcpListener;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();

  /**
   * @param onError is told when accepting fails; it goes on after a moment
   * @throws when the address cannot be bound
   */
  constructor({ hostname, port }: Address, clock: Clock, onError: (error: unknown) => void) {
    this.#socket = Deno.listen({ hostname, port });
    this.address = { hostname: this.#socket.addr.hostname, port: this.#socket.addr.port };
    this.#clock = clock;
    this.#onError = onError;
  }

  async accept(handle: (connection: Connection) => void): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        handle(new TcpConnection(await this.#socket.accept()));
      } catch (error) {
        if (signal.aborted) return;
        this.#onError(error);
        await pause(this.#clock, ACCEPT_PAUSE_MILLISECONDS, signal);
      }
    }
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#socket.close();
  }
}
