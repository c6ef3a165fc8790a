import type { Address } from "../address.ts";
import type { Clock } from "../../time/clock.ts";
import { pause } from "../../time/clock.ts";
import type { Turns } from "../../time/turns.ts";
import type { Connection } from "../connection.ts";
import type { Listener } from "../listener.ts";
import { TcpConnection } from "./tcp_connection.ts";

/**
 * Pauses in milliseconds after accepting failed. Without file descriptors, trying again at once would only use up the
 * CPU.
 */
const FIRST_PAUSE = 100;
const LARGEST_PAUSE = 1_000;

/** The part of a listening socket that is used here. */
export interface AcceptingSocket {
  readonly addr: Deno.NetAddr;
  accept(): Promise<Deno.TcpConn>;
  close(): void;
}

/** Listens for exporters over TCP. */
export class TcpListener implements Listener {
  readonly transport = "tcp";
  readonly address: Address;
  readonly #socket: AcceptingSocket;
  readonly #clock: Clock;
  readonly #turns: Pick<Turns, "costly" | "spend">;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();

  /**
   * @param onError called when accepting begins to fail; it is retried after a pause
   * @throws if the address cannot be bound
   */
  constructor(
    { hostname, port }: Address,
    { clock, turns }: { readonly clock: Clock; readonly turns: Pick<Turns, "costly" | "spend"> },
    onError: (error: unknown) => void,
    listen: (options: { hostname: string; port: number }) => AcceptingSocket = Deno.listen,
  ) {
    this.#socket = listen({ hostname, port });
    this.address = { hostname: this.#socket.addr.hostname, port: this.#socket.addr.port };
    this.#clock = clock;
    this.#turns = turns;
    this.#onError = onError;
  }

  /** @param pauseBeforeNext returns what is awaited before the next connection is accepted, if anything is */
  async accept(
    handle: (connection: Connection) => void,
    pauseBeforeNext: () => Promise<void> | undefined = () => undefined,
  ): Promise<void> {
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      let connection: Connection;
      try {
        connection = new TcpConnection(await this.#socket.accept());
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isOfOneConnection(error)) continue;
        if (failures === 0) this.#onError(error);
        await pause(this.#clock, Math.min(FIRST_PAUSE * 2 ** failures++, LARGEST_PAUSE), signal);
        continue;
      }
      // Thousands may come at once: what it takes to let them in is bounded like other costly work.
      await this.#turns.costly();
      if (signal.aborted) return connection.close();
      this.#turns.spend(undefined, () => handle(connection));
      const pausing = pauseBeforeNext();
      if (pausing !== undefined) await pausing;
    }
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#socket.close();
  }
}

/** Whether only the connection to be accepted has failed, since its peer reset it while it was queued. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
