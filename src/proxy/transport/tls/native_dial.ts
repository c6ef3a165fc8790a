import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Address } from "../address.ts";
import type { Connection } from "../connection.ts";
import { orAborted } from "../dial.ts";
import { NativeTlsConnection } from "./native_connection.ts";
import type { TlsMaterial } from "../../../certificates/tls_material.ts";

/** Option by which Deno sends and verifies a name other than the address it dials. Missing from its types. */
const SERVER_NAME = Symbol.for("unstableServerName");
/**
 * Attempts that were given up while Deno goes on connecting, which nothing can stop: the kernel may try for two
 * minutes. Past these, nothing is dialled in this way.
 */
const ABANDONED = 64;

let abandoned = 0;
/** For each CA the certificate of a collector that it was last seen to have issued for a name. */
const issued = new WeakMap<TlsMaterial, { readonly certificate: Uint8Array; readonly name: string }>();
/** Whose collectors were seen to have a certificate that the CA has not issued itself. */
const unsuitable = new WeakSet<TlsMaterial>();

/**
 * Dials over TLS with Deno's own client, which enciphers at half the cost of node:tls. It trusts the public authorities
 * besides the given one, so that a collector's certificate has to come from that one directly.
 *
 * @param name must be in the collector's certificate
 * @returns undefined if this is no way to verify this collector, or if it failed: node:tls then has to decide, and can
 *   say why
 * @throws if the collector cannot be reached, or the signal is aborted
 */
export async function dialNative(
  { hostname, port }: Address,
  name: string,
  material: TlsMaterial,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const { certificate: cert, key, ca } = material;
  if (ca === undefined || unsuitable.has(material) || abandoned >= ABANDONED) return undefined;
  const options = { hostname, port, caCerts: [ca], [SERVER_NAME]: name };
  const connecting = Deno.connectTls(cert === undefined || key === undefined ? options : { ...options, cert, key });
  let connection: Deno.TlsConn;
  try {
    connection = await orAborted(connecting, signal);
  } catch (error) {
    if (signal.aborted) abandon(connecting);
    if (signal.aborted || error instanceof Deno.errors.ConnectionRefused) throw error;
    return undefined;
  }
  try {
    await orAborted(connection.handshake(), signal);
    if (isIssuedFor(connection, name, material, ca)) return new NativeTlsConnection(connection);
    unsuitable.add(material);
  } catch {
    if (signal.aborted) {
      connection.close();
      throw signal.reason;
    }
  }
  connection.close();
  return undefined;
}

function abandon(connecting: Promise<Deno.TlsConn>): void {
  abandoned++;
  connecting.then((connection) => connection.close()).catch(() => {}).finally(() => abandoned--);
}

/**
 * Whether one of the CA's certificates has signed the peer's, and that is for this name. The handshake has verified the
 * rest.
 */
function isIssuedFor(connection: Deno.TlsConn, name: string, material: TlsMaterial, ca: string): boolean {
  const certificate = peerCertificate(connection);
  if (certificate === undefined) return false;
  const last = issued.get(material);
  if (last?.name === name && isEqual(last.certificate, certificate)) return true;
  const leaf = new X509Certificate(certificate);
  if ((isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) === undefined) return false;
  const authorities = (ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [])
    .map((pem) => new X509Certificate(pem));
  if (!authorities.some((authority) => leaf.checkIssued(authority) && leaf.verify(authority.publicKey))) return false;
  issued.set(material, { certificate, name });
  return true;
}

/** The peer's certificate as DER. Deno has it under a symbol that it does not export; undefined: this Deno has not. */
function peerCertificate(connection: Deno.TlsConn): Uint8Array | undefined {
  const prototype: object = Object.getPrototypeOf(connection);
  const symbol = Object.getOwnPropertySymbols(prototype).find(({ description }) =>
    description === "getPeerCertificate"
  );
  if (symbol === undefined) return undefined;
  const get: unknown = Reflect.get(connection, symbol);
  const certificate: unknown = typeof get === "function" ? Reflect.apply(get, connection, [true]) : undefined;
  const raw: unknown = typeof certificate === "object" && certificate !== null && "raw" in certificate
    ? certificate.raw
    : undefined;
  return raw instanceof Uint8Array ? raw : undefined;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, index) => octet === other[index]);
}
