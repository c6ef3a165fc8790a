import type { TlsCredentials } from "./tls_credentials.ts";

/** How a listener identifies itself and verifies exporters. */
export interface TlsListenerOptions {
  readonly credentials: TlsCredentials;
  /** Default: true if the credentials contain a CA. */
  readonly requireClientCertificate?: boolean;
}

/** How the collector is verified, and how the proxy identifies itself to it. */
export interface TlsDialOptions {
  readonly credentials: TlsCredentials;
  /** The name that the collector's certificate must contain. Default: the dialled address. */
  readonly serverName?: string;
}
