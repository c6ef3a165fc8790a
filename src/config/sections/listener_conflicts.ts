import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import { isIPv4 } from "node:net";
import type { CollectorSettings, ListenerSettings } from "../configuration.ts";
import { formatSocketAddress, type SocketAddress } from "../yaml/socket_address.ts";

/** An address to bind, and its transport. */
interface Bound {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
}

/** tcp and tls share their ports; udp has its own. */
function samePorts(one: TransportProtocol, other: TransportProtocol): boolean {
  return (one === "udp") === (other === "udp");
}

/**
 * Whether two listeners need the same socket: the same port, and one address covers the other (`0.0.0.0` covers IPv4,
 * `::` covers both families). Port 0 is any free port.
 */
export function conflicts(one: Bound, other: Bound): boolean {
  const { hostname: host, port } = one.address;
  const { hostname: otherHost, port: otherPort } = other.address;
  if (port === 0 || port !== otherPort || !samePorts(one.transport, other.transport)) return false;
  return host.toLowerCase() === otherHost.toLowerCase() || covers(host, otherHost) || covers(otherHost, host);
}

function covers(wide: string, narrow: string): boolean {
  return wide === "::" || (wide === "0.0.0.0" && (narrow === "::" || isIPv4(narrow)));
}

/** Whether the collector's address leads back to the listener, so that every message would return. */
export function isLoop(collector: CollectorSettings, listener: ListenerSettings): boolean {
  const { hostname, port } = collector.address;
  if (port !== listener.address.port || !samePorts(collector.transport, listener.transport)) return false;
  const bound = plainHost(listener.address.hostname);
  const dialled = plainHost(hostname);
  if (bound === dialled) return true;
  const isLoopback = dialled === "::1" || dialled.startsWith("127.");
  const isEverywhere = bound === "0.0.0.0" || bound === "::";
  return isEverywhere && (isLoopback || dialled === "0.0.0.0" || dialled === "::");
}

/** One spelling of a host that has several: `localhost`, IPv6 addresses, IPv4 addresses as IPv6 ones. */
function plainHost(hostname: string): string {
  const host = hostname.toLowerCase();
  if (host === "localhost" || host === "localhost.") return "127.0.0.1";
  if (!host.includes(":")) return host;
  const short = URL.parse(`http://[${host}]`)?.hostname.slice(1, -1) ?? host;
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  return [high, low].flatMap((half) => [parseInt(half, 16) >> 8, parseInt(half, 16) & 0xff]).join(".");
}

/** `tcp 127.0.0.1:4739` */
export function describeEndpoint({ transport, address }: Bound): string {
  return `${transport} ${formatSocketAddress(address)}`;
}
