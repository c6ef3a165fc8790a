import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import type { Address } from "./address.ts";

/** For how long the templates of an exporter over UDP hold (RFC 7011 §8.4). */
export interface TemplateLife {
  /** Where it sends to: `0.0.0.0:4739`, as the listener is bound. */
  readonly listener: string;
  /** Milliseconds since 1970. */
  readonly announcedAt: number;
  /** Milliseconds from then. */
  readonly lifetime: number;
}

/**
 * One transport session's octets in both directions, whatever carries them: the session and the collector's side know this only.
 *
 * Over UDP every read gives whole messages and every write takes whole messages, each of which is a datagram of its own.
 */
export interface Connection {
  readonly transport: TransportProtocol;
  readonly remoteAddress: Address;
  /** Name in the peer's verified certificate. */
  readonly certificateName?: string;
  /** Milliseconds of silence after which the peer is gone, where the transport itself never tells. */
  readonly idleLimit?: number;
  /** Over UDP: when the peer last announced a template, and how long its templates hold. */
  readonly templateLife?: TemplateLife;

  /**
   * Waits for octets and puts them at the start of the view.
   *
   * @returns how many (at least one), or null once the peer has closed its side
   * @throws when the connection is reset or was closed here; a read that waits ends so at once
   */
  read(view: Uint8Array): Promise<number | null>;

  /**
   * Hands octets to the kernel, waiting while it takes none. One system call where there is room for all.
   *
   * @returns how many it took: the first so many, at least one
   * @throws when the connection is gone; then none of these octets were taken
   */
  write(octets: Uint8Array): Promise<number>;

  /** Tells the peer that nothing more comes. What was written before still arrives. */
  closeWrite(): Promise<void>;
  /** Closes both directions now. Any number of times. */
  close(): void;
}

/** Dials the collector once. @throws when it is not reached, or the signal gives the attempt up. */
export type Dial = (signal: AbortSignal) => Promise<Connection>;
