import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import type { Address } from "../transport/address.ts";
import type { TlsDialOptions } from "../transport/tls/tls_options.ts";

/** Where the collector is. */
export interface CollectorOptions {
  readonly transport: TransportProtocol;
  readonly address: Address;
  /** For `tls`, and needed there. */
  readonly tls?: TlsDialOptions;
  /** Octets of the longest message that may go there; over UDP the dialect's `maxDatagram`. */
  readonly maxMessageLength?: number;
  /** Octets that both kernels together can hold of one connection; see `loss_bound.ts`. */
  readonly inFlight?: number;
}

/** Whether it is the same collector, reached and verified in the same way. */
export function sameCollector(one: CollectorOptions, other: CollectorOptions): boolean {
  return collectorFingerprint(one) === collectorFingerprint(other);
}

function collectorFingerprint({ transport, address, tls, maxMessageLength, inFlight }: CollectorOptions): string {
  const { certificate, key, ca } = tls?.credentials.material ?? {};
  return JSON.stringify([
    [transport, address.hostname, address.port, maxMessageLength, inFlight],
    [tls?.serverName, certificate, key, ca],
  ]);
}
