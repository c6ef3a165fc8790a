/**
 * A program that stands in for a Flow Aggregator up to v2.5.0 in its Pod: at its start it makes a CA, writes ConfigMap
 * and Secret through the API with its service account, and takes IPFIX over mutual TLS. The octets of each connection
 * go into a file of their own, as they come. It ends on SIGTERM.
 */
import { createServer } from "node:tls";
import {
  aggregatorObjectsOf,
  BUNDLE_PATH,
  CLIENT_PATH,
  makeAggregatorCertificates,
} from "../../support/kubernetes/aggregator_trust.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const FOLDER = "/var/log/antrea/flow-aggregator";

/** Creates an object, or replaces it. */
async function write(path: string, object: Record<string, unknown>): Promise<void> {
  const [host, port] = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"].map((name) => Deno.env.get(name));
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${ACCOUNT}/ca.crt`)] });
  const token = await Deno.readTextFile(`${ACCOUNT}/token`);
  const call = async (method: string, to: string) => {
    const slash = path.lastIndexOf("/");
    const body = JSON.stringify({ ...object, metadata: { name: path.slice(slash + 1), namespace: "flow-aggregator" } });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`https://${host}:${port}${to}`, { method, client, headers, body });
    const text = await response.text();
    if (!response.ok && response.status !== 404) throw new Error(`${method} ${to}: ${text}`);
    return response.ok;
  };
  if (!await call("PUT", path)) await call("POST", path.slice(0, path.lastIndexOf("/")));
}

Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
const certificates = await makeAggregatorCertificates();
const objects = aggregatorObjectsOf(certificates);
for (const path of [BUNDLE_PATH, CLIENT_PATH]) await write(path, objects.get(path) ?? {});
const { ca, server: { certificate, key } } = certificates;
createServer({ cert: certificate, key, ca: ca.certificate, requestCert: true, rejectUnauthorized: true }, (socket) => {
  const file = Deno.openSync(`${FOLDER}/${crypto.randomUUID()}.ipfix`, { create: true, append: true });
  socket.on("data", (octets: Uint8Array) => {
    for (let written = 0; written < octets.length;) written += file.writeSync(octets.subarray(written));
  });
  // Its end follows.
  socket.on("error", () => {});
  socket.on("close", () => file.close());
}).listen(4739, "0.0.0.0");
