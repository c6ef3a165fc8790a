import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { Address } from "./address.ts";
import type { ListenerOptions } from "../proxy_options.ts";
import type { Connection } from "./connection.ts";

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
