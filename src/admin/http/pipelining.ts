import type { Duplex } from "node:stream";

/** Requests of one connection that may wait for the answer before theirs. Clients in use send none ahead. */
const MOST_WAITING = 8;

/**
 * Bounds what a client costs that sends requests ahead of their answers (RFC 9112 §9.3.2): node:http has all of them
 * answered at once, and keeps the answers, whether or not the client takes any.
 */
export class Pipelining {
  readonly #connections = new WeakMap<Duplex, { waiting: number; last: Promise<void> }>();

  /** Answers a request once those before it on its connection are answered. Too many that wait close the connection. */
  async inTurn(socket: Duplex, answer: () => Promise<void>): Promise<void> {
    const connection = this.#connections.get(socket) ?? { waiting: 0, last: Promise.resolve() };
    this.#connections.set(socket, connection);
    if (socket.destroyed || connection.waiting > MOST_WAITING) return void socket.destroy();
    connection.waiting++;
    const before = connection.last;
    connection.last = before.then(() => socket.destroyed ? undefined : answer()).finally(() => connection.waiting--);
    await connection.last;
  }
}
