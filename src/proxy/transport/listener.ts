import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { Address } from "./address.ts";
import type { Connection } from "./connection.ts";
import type { TlsListenerOptions } from "./tls/tls_options.ts";

/** Where exporters are awaited. */
export interface ListenerOptions {
  readonly transport: TransportProtocol;
  /** Port 0: one that is free. */
  readonly address: Address;
  /** For `tls`, and needed there. */
  readonly tls?: TlsListenerOptions;
}

/** Whatever yields exporters' transport sessions. */
export interface Listener {
  readonly transport: TransportProtocol;
  /** Where it is bound; the port that was given where 0 was asked for. */
  readonly address: Address;
  /** What never came to a session, where the listener sees it. */
  readonly counters?: Counters;
  /** Hands over every new transport session until the listener is closed. Called once. */
  accept(handle: (connection: Connection) => void): Promise<void>;
  /** Takes over what may change without binding anew: certificates, and whether exporters need one. */
  adopt?(options: ListenerOptions): void;
  /** Accepts no more; what was accepted lives on. */
  close(): void;
}
