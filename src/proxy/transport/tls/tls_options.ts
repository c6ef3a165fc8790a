import type { TlsCredentials } from "./tls_credentials.ts";

/** How exporters are verified. */
export interface TlsListenerOptions {
  readonly credentials: TlsCredentials;
  /** Default: true where the credentials name a CA. */
  readonly requireClientCertificate?: boolean;
}

/** How the collector is verified, and how it verifies this side. */
export interface TlsDialOptions {
  readonly credentials: TlsCredentials;
  /** The name that its certificate must carry; the dialled address where it is missing. */
  readonly serverName?: string;
}
