import { formatAddress, isIPv4Mapped, parseAddress } from "../../ipfix/types/address.ts";
import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import { isIPv4 } from "node:net";
import { formatSocketAddress, type SocketAddress } from "../yaml/socket_address.ts";

/** An address to bind or to dial, and its transport. */
export interface Endpoint {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
}

/** tcp, tls and grpc share their ports; udp has its own. */
function samePorts(one: TransportProtocol, other: TransportProtocol): boolean {
  return (one === "udp") === (other === "udp");
}

/**
 * Whether two listeners need the same socket: the same port, and one address covers the other (`0.0.0.0` covers IPv4,
 * `::` covers both families). Port 0 is any free port.
 */
export function conflicts(one: Endpoint, other: Endpoint): boolean {
  const { port } = one.address;
  if (port === 0 || port !== other.address.port || !samePorts(one.transport, other.transport)) return false;
  const [host, otherHost] = [canonical(one.address), canonical(other.address)];
  return host === otherHost || covers(host, otherHost) || covers(otherHost, host);
}

function covers(wide: string, narrow: string): boolean {
  return wide === "::" || (wide === "0.0.0.0" && (narrow === "::" || isIPv4(narrow)));
}

/** Whether what is dialled is what this process has bound. */
export function leadsBack(dialled: Endpoint, bound: Endpoint): boolean {
  if (dialled.address.port !== bound.address.port || !samePorts(dialled.transport, bound.transport)) return false;
  const [host, ownHost] = [canonical(dialled.address), canonical(bound.address)];
  // A connection to no address in particular goes to the loopback address of its family.
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  if (ownHost === "0.0.0.0" || ownHost === "::") return isLoopback(reached);
  const isNamed = reached === "localhost" || ownHost === "localhost";
  return reached === ownHost || isNamed && LOCALHOST.has(reached) && LOCALHOST.has(ownHost);
}

/** The name, and the addresses that it stands for. */
const LOCALHOST: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);

function isLoopback(host: string): boolean {
  return LOCALHOST.has(host) || host.startsWith("127.");
}

/** The same text for each spelling of an address or name. */
function canonical({ hostname }: SocketAddress): string {
  const octets = parseAddress(hostname);
  if (octets === undefined) return hostname.toLowerCase().replace(/\.$/, "");
  return formatAddress(isIPv4Mapped(octets) ? octets.subarray(12) : octets);
}

/** `tcp 127.0.0.1:4739` */
export function describeEndpoint({ transport, address }: Endpoint): string {
  return `${transport} ${formatSocketAddress(address)}`;
}
