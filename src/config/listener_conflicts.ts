import type { TransportProtocol } from "../ipfix/transport_protocol.ts";
import { isIPv4 } from "node:net";
import type { CollectorSettings, ListenerSettings } from "./configuration.ts";
import { formatSocketAddress, type SocketAddress } from "./yaml/socket_address.ts";

/** A bound address, and how the file calls it. */
interface Bound {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
}

/** tcp and tls share their ports; udp has its own. */
function samePorts(one: TransportProtocol, other: TransportProtocol): boolean {
  return (one === "udp") === (other === "udp");
}

/**
 * Whether two listeners want the same socket: the same port, and addresses of which one covers the other (`0.0.0.0` all of IPv4, `::`
 * both families). Port 0 is any free one.
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

/** Whether the collector's address is the listener's own, so that every message would come back. */
export function isLoop(collector: CollectorSettings, listener: ListenerSettings): boolean {
  const { hostname, port } = collector.address;
  if (port !== listener.address.port || !samePorts(collector.transport, listener.transport)) return false;
  const bound = listener.address.hostname.toLowerCase();
  const dialled = hostname.toLowerCase();
  if (bound === dialled) return true;
  const isLoopback = dialled === "localhost" || dialled === "::1" || dialled.startsWith("127.");
  const isEverywhere = bound === "0.0.0.0" || bound === "::";
  return isEverywhere && (isLoopback || dialled === "0.0.0.0" || dialled === "::");
}

/** `tcp 127.0.0.1:4739` */
export function describeEndpoint({ transport, address }: Bound): string {
  return `${transport} ${formatSocketAddress(address)}`;
}
