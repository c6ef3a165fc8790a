import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { Address } from "./address.ts";
import type { Connection } from "./connection.ts";
import type { FlowRelease } from "./flow_release.ts";
import type { TlsListenerOptions } from "./tls/tls_options.ts";

/**
 * Whose templates apply to data over UDP: those of the same address and port (RFC 7011 §8.4), or those of all ports of
 * the same address.
 */
export type TemplateSharing = "port" | "address";

/** Where to listen for exporters. */
export interface ListenerOptions {
  readonly transport: TransportProtocol;
  /** Port 0 means any free port. */
  readonly address: Address;
  /** Required for `tls` and `grpc`. */
  readonly tls?: TlsListenerOptions;
  /** Required for `grpc`: the exporter releases that send flows, oldest first. */
  readonly releases?: readonly FlowRelease[];
  /** For `udp`; `port` by default. */
  readonly templates?: TemplateSharing;
}

/** Accepts exporters' transport sessions. */
export interface Listener {
  readonly transport: TransportProtocol;
  /** The bound address, with the actual port if port 0 was requested. */
  readonly address: Address;
  /** Counts messages that belong to no session, over UDP. */
  readonly counters?: Counters;
  /** Passes every new transport session to the handler until the listener is closed. Called once. */
  accept(handle: (connection: Connection) => void): Promise<void>;
  /** Adopts the options that can change without binding again: certificates, and whether exporters need one. */
  adopt?(options: ListenerOptions): void;
  /** Stops accepting. Accepted sessions stay open. */
  close(): void;
}
