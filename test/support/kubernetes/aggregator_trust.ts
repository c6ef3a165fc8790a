/** What a Flow Aggregator of a release keeps in its cluster, and a TLS handshake as an Agent does it. */
import { createPrivateKey } from "node:crypto";
import { connect, createServer } from "node:tls";
import { connect as connectTcp, type Socket } from "node:net";
import type { TlsMaterial } from "../../../src/certificates/tls_material.ts";
import { Authority, type Issued } from "../certificates.ts";

export const NAMESPACE = "flow-aggregator";
export const SERVER_NAME = "flow-aggregator.flow-aggregator.svc";
export const BUNDLE_PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps/flow-aggregator-ca`;
export const CLIENT_PATH = `/api/v1/namespaces/${NAMESPACE}/secrets/flow-aggregator-client-tls`;
export const AUTHORITY_PATH = `/api/v1/namespaces/${NAMESPACE}/secrets/flow-aggregator-ca-tls`;

/** The certificates of one Aggregator process, with RSA keys in PKCS#1 PEM as it makes them. */
export interface AggregatorCertificates {
  readonly ca: Issued;
  readonly server: Issued;
  readonly client: Issued;
}

export async function makeAggregatorCertificates(): Promise<AggregatorCertificates> {
  const authority = await Authority.create("flow-aggregator-ca", { rsa: true });
  const ca = { certificate: `${authority.pem}\n`, key: pkcs1(await authority.keyPem()) };
  const issue = async (request: Parameters<Authority["issue"]>[0]) => {
    const { certificate, key } = await authority.issue({ rsa: true, ...request });
    return { certificate: `${certificate}\n`, key: pkcs1(key) };
  };
  return {
    ca,
    server: await issue({ name: "flow-aggregator", dns: [SERVER_NAME], usage: ["server"] }),
    client: await issue({ name: "flow-aggregator-client", usage: ["client"] }),
  };
}

/** RSA keys as PKCS#1; others stay. */
function pkcs1(pem: string): string {
  const key = createPrivateKey(pem);
  return key.asymmetricKeyType === "rsa" ? key.export({ type: "pkcs1", format: "pem" }).toString() : pem;
}

/** The objects that an Aggregator writes at its start; from v2.5.1 on with the CA's own Secret. */
export function aggregatorObjectsOf({ ca, client }: AggregatorCertificates, withAuthority = false) {
  const secret = ({ certificate, key }: Issued) => ({
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    data: { "tls.crt": btoa(certificate), "tls.key": btoa(key) },
  });
  return new Map<string, Record<string, unknown>>([
    [BUNDLE_PATH, { apiVersion: "v1", kind: "ConfigMap", data: { "ca.crt": ca.certificate } }],
    [CLIENT_PATH, secret(client)],
    ...(withAuthority ? [[AUTHORITY_PATH, secret(ca)] as const] : []),
  ]);
}

/** Gives the name that the server saw in the client's certificate. @throws where either side refuses the other */
export async function shakeHands(server: TlsMaterial, client: TlsMaterial): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const listener = createServer({
    cert: server.certificate ?? "",
    key: server.key ?? "",
    ca: server.ca ?? "",
    requestCert: true,
    rejectUnauthorized: true,
  }, (socket) => {
    resolve(String(socket.getPeerCertificate().subject?.CN));
    socket.end();
  });
  listener.on("tlsClientError", reject);
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const tcp: Socket = connectTcp(port, "127.0.0.1");
  const socket = connect({
    socket: tcp,
    servername: SERVER_NAME,
    ca: client.ca ?? "",
    cert: client.certificate ?? "",
    key: client.key ?? "",
  });
  socket.on("error", reject);
  socket.resume();
  try {
    return await promise;
  } finally {
    socket.destroy();
    tcp.destroy();
    await new Promise<void>((closed) => listener.close(() => closed()));
  }
}
