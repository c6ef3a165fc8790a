import { parseIPv6 } from "../../ipfix/types/address.ts";

/** The address that a socket is bound or connected to. */
export interface Address {
  /** An IP address; also a name, where one is dialled. */
  readonly hostname: string;
  readonly port: number;
}

/** `192.0.2.1:4739`, `[2001:db8::1]:4739`. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Returns the address of a peer. A peer over IPv4 of a socket bound to `::` appears as an IPv4-mapped address (RFC 4291
 * §2.5.5.2), which is turned into the IPv4 address, so that rules for IPv4 networks match it.
 */
export function peerAddress({ hostname, port }: Address): Address {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(hostname);
  return { hostname: mapped?.[1] ?? hostname, port };
}

/** Octets of an IPv6 address that its owner is given, and cannot choose. */
const IPV6_NETWORK = 8;

/**
 * What stands for one owner of addresses: an IPv4 address, or an IPv6 network of 64 bits, out of which a machine may
 * choose any address.
 */
export function ownerOf({ hostname }: Pick<Address, "hostname">): string {
  return parseIPv6(hostname)?.subarray(0, IPV6_NETWORK).toHex() ?? hostname;
}
