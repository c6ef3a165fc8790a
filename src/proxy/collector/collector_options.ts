import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { Address } from "../transport/address.ts";
import type { FlowRelease } from "../transport/flow_release.ts";
import type { TlsDialOptions } from "../transport/tls/tls_options.ts";

/** The collector, and the way to it. */
export interface CollectorOptions {
  readonly transport: TransportProtocol;
  readonly address: Address;
  /** Required for `tls` and `grpc`. */
  readonly tls?: TlsDialOptions;
  /** For `udp`: a TCP port of the same process, whose connection shows that it lives. */
  readonly watch?: Address;
  /** Milliseconds after which templates are sent again over `udp`; 30 s if it is missing. */
  readonly templateRefresh?: number;
  /** Required for `grpc`: the exporter releases whose elements have fields in a flow. */
  readonly releases?: readonly FlowRelease[];
  /** Maximum message length in octets; over UDP the dialect's `maxDatagram`. */
  readonly maxMessageLength?: number;
  /** Octets of a connection that both kernels together can hold; see {@link LossBound}. */
  readonly inFlight?: number;
}

/** Whether both describe the same collector, reached and verified in the same way. */
export function sameCollector(one: CollectorOptions, other: CollectorOptions): boolean {
  return collectorFingerprint(one) === collectorFingerprint(other);
}

/** Whether both are reached at the same place, so that the same process answers. */
export function sameProcess(one: CollectorOptions, other: CollectorOptions): boolean {
  return placeOf(one) === placeOf(other);
}

/** Equal places: the same process. */
export function placeOf({ transport, address, watch }: CollectorOptions): string {
  return JSON.stringify([transport, address.hostname, address.port, watch?.hostname, watch?.port]);
}

function collectorFingerprint({ transport, address, tls, maxMessageLength, inFlight }: CollectorOptions): string {
  const { certificate, key, ca } = tls?.credentials.material ?? {};
  return JSON.stringify([
    [transport, address.hostname, address.port, maxMessageLength, inFlight],
    [tls?.serverName, certificate, key, ca],
  ]);
}
