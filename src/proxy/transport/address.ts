/** Where a socket is bound or connected to. */
export interface Address {
  /** A textual IP address, or a name where one is dialled. */
  readonly hostname: string;
  readonly port: number;
}

/** `192.0.2.1:4739`, `[2001:db8::1]:4739`. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * The address of a peer. One that came in over IPv4 to a socket that listens on `::` is given as the IPv4 address it is
 * (RFC 4291 §2.5.5.2), so that rules for IPv4 networks see it.
 */
export function peerAddress({ hostname, port }: Address): Address {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(hostname);
  return { hostname: mapped?.[1] ?? hostname, port };
}
