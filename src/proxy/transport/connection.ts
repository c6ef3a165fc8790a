import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { Address } from "./address.ts";

/** How long the templates of an exporter over UDP are valid (RFC 7011 §8.4). */
export interface TemplateLife {
  /** The address that the exporter's listener is bound to: `0.0.0.0:4739`. */
  readonly listener: string;
  /** When the exporter last announced a template, in milliseconds since 1970. */
  readonly announcedAt: number;
  /** How long templates stay valid after that, in milliseconds. */
  readonly lifetime: number;
}

/** Returns the port that a message came from; see `SessionFacts.portOf`. */
export type PortOf = (observationDomain: number, sequenceNumber: number, exportTime: number) => number;

/**
 * A transport session with a peer, over any transport protocol.
 *
 * Over UDP, every read returns whole messages and every write takes whole messages, each in a datagram of its own. Over
 * gRPC, every write takes whole messages, whose records become the flows of one request.
 */
export interface Connection {
  readonly transport: TransportProtocol;
  readonly remoteAddress: Address;
  /** The name in the peer's verified certificate. */
  readonly certificateName?: string;
  /**
   * Milliseconds of silence after which the peer is taken to be gone, over a transport that does not signal the end.
   */
  readonly idleLimit?: number;
  /** How long the peer's templates are valid. Only over UDP. */
  readonly templateLife?: TemplateLife;

  /** Present if messages of several ports come over it. Only over UDP. */
  readonly portOf?: PortOf | undefined;

  /**
   * Whether the peer's kernel has closed the TCP connection in order, with or without the end that TLS has of its own.
   */
  readonly endedInOrder?: boolean;

  /** Total octets sent, if they are not the octets passed to {@link write}. */
  readonly wireOctets?: number;

  /** Counts losses in these counters from now on, if the connection converts what it carries. */
  count?(counters: Counters): void;

  /** Waits for a turn among what comes over the same connection. Missing where nothing else does. */
  nextTurn?(): Promise<void>;

  /**
   * Says whether the session lets the peer wait because it changes templates too fast. Only over UDP, where what has no
   * room meanwhile is dropped, under this reason.
   */
  throttle?(waiting: boolean): void;

  /**
   * Waits for octets and stores them at the start of the view.
   *
   * @returns how many (at least one), or null once the peer has closed its side
   * @throws if the connection is reset or closed on this side, also while the read is waiting
   */
  read(view: Uint8Array): Promise<number | null>;

  /**
   * Octets that have arrived and that no read has taken yet. Only over UDP, where the listener reads for all sources.
   */
  readonly available?: number;

  /** Takes what is {@link available}, as {@link read} would. Returns how many octets that was. */
  take?(view: Uint8Array): number;

  /**
   * Passes octets to the kernel, in one system call if it has room for all of them. Waits while it has room for none.
   *
   * @returns how many of the first octets were taken, at least one
   * @throws if the connection is lost; none of these octets were then taken
   */
  write(octets: Uint8Array): Promise<number>;

  /** Half-closes the connection: the peer receives what was written before, then the end. */
  closeWrite(): Promise<void>;
  /** Closes both directions at once. May be called again. */
  close(): void;
}

/**
 * Dials the collector once.
 *
 * @param signal aborts the attempt
 * @throws if the collector cannot be reached or the signal is aborted
 */
export type Dial = (signal: AbortSignal) => Promise<Connection>;
