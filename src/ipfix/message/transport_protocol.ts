/**
 * The protocols that carry messages (RFC 7011 §10), as configurations, logs and metrics name them. `tls` is TLS over
 * TCP (§11.1).
 */
export const TRANSPORT_PROTOCOLS = ["tcp", "tls", "udp", "grpc"] as const;

/** One of {@link TRANSPORT_PROTOCOLS}. */
export type TransportProtocol = (typeof TRANSPORT_PROTOCOLS)[number];

/** Whether it is carried by TLS, so that it needs certificates. */
export function usesTls(transport: TransportProtocol): boolean {
  return transport === "tls" || transport === "grpc";
}
