/**
 * The protocols over which messages or flows come and go, as configurations, logs and metrics name them: TCP and UDP
 * (RFC 7011 §10), `tls`, which is TLS over TCP (§11.1), and Antrea's flow service over gRPC.
 */
export const TRANSPORT_PROTOCOLS = ["tcp", "tls", "udp", "grpc"] as const;

/** One of {@link TRANSPORT_PROTOCOLS}. */
export type TransportProtocol = (typeof TRANSPORT_PROTOCOLS)[number];

/** Whether it is carried by TLS, so that it needs certificates. */
export function usesTls(transport: TransportProtocol): boolean {
  return transport === "tls" || transport === "grpc";
}
