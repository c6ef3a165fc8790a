import { type Address, peerAddress } from "../../proxy/transport/address.ts";
import type { SlicedConnection } from "./sliced_connection.ts";
import { type PlaceHolder, Places } from "../../proxy/transport/places.ts";

/** Milliseconds that a client has for its first request before its place may go to another. */
const SILENCE = 1_000;

/** A client's connection. */
class Client implements PlaceHolder {
  readonly remoteAddress: Address;
  readonly socket: SlicedConnection;
  heard = false;
  /** When its last request arrived, or it connected. */
  #at = performance.now();

  constructor(socket: SlicedConnection) {
    this.socket = socket;
    this.remoteAddress = peerAddress({ hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
  }

  hear(): void {
    this.heard = true;
    this.#at = performance.now();
  }

  get unheard(): boolean {
    return !this.heard && this.quiet > SILENCE;
  }

  get quiet(): number {
    return performance.now() - this.#at;
  }
}

/**
 * Bounds the connections of clients. Once all places are taken, a newcomer gets that of a client that has requested
 * nothing yet, or of one whose address holds more places than the newcomer's would; otherwise it is turned away.
 */
export class ClientPlaces {
  readonly #most: number;
  readonly #places = new Places<Client>();
  readonly #clients = new WeakMap<object, Client>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Gives a new connection a place, or closes it. */
  admit(socket: SlicedConnection): void {
    const client = new Client(socket);
    if (this.#places.taken >= this.#most) {
      const leaving = this.#places.yieldTo(client.remoteAddress);
      if (leaving === undefined) return void socket.destroy();
      this.#places.free(leaving);
      leaving.socket.destroy();
    }
    this.#places.take(client);
    this.#clients.set(socket, client);
    socket.once("close", () => this.#places.free(client));
  }

  /** A request has arrived. */
  hear(socket: object): void {
    this.#clients.get(socket)?.hear();
  }
}
