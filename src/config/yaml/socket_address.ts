import { isIPv4, isIPv6 } from "node:net";

/** Where a socket is bound or connected to. */
export interface SocketAddress {
  /** An IPv4 address, an IPv6 address without brackets, or a host name. */
  readonly hostname: string;
  readonly port: number;
}

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/**
 * Parses `host:port` or `[v6]:port`; undefined for anything else. A host of digits and dots must be an IPv4 address.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseSocketAddress("[::1]:4739"), { hostname: "::1", port: 4739 });
 * assert.equal(parseSocketAddress("::1:4739"), undefined);
 * assert.equal(parseSocketAddress("10.0.0.256:4739"), undefined);
 * ```
 */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) return undefined;
  const [, bracketed, plain] = match;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { hostname: bracketed, port } : undefined;
  if (plain === undefined) return undefined;
  const named = /^[\d.]+$/.test(plain) ? isIPv4(plain) : HOST_NAME.test(plain);
  return named ? { hostname: plain, port } : undefined;
}

/** Formats an address as {@link parseSocketAddress} reads it. */
export function formatSocketAddress({ hostname, port }: SocketAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
