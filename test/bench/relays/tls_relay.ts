/**
 * The least that a relay can do on Deno that takes TLS from exporters with a certificate: what is deciphered is
 * written, to a collector over TLS as well.
 *
 * Usage: tls_relay.ts LISTEN_PORT COLLECTOR_PORT CERTIFICATE KEY CA tcp|tls
 *
 * @module
 */
import { endWithParent } from "../../support/processes/end_with_parent.ts";
import { createServer, type TLSSocket } from "node:tls";

void endWithParent();
const [listenPort, collectorPort, certificate = "", keyPath = "", ca = "", out] = Deno.args;
const [cert = "", key = "", authority = ""] = await Promise.all(
  [certificate, keyPath, ca].map((path) => Deno.readTextFile(path)),
);

async function dial(): Promise<Deno.Conn> {
  const address = { hostname: "127.0.0.1", port: Number(collectorPort) };
  if (out === "tls") return await Deno.connectTls({ ...address, cert, key, caCerts: [authority] });
  const collector = await Deno.connect(address);
  collector.setNoDelay(true);
  return collector;
}

async function relay(exporter: TLSSocket): Promise<void> {
  const collector = await dial();
  try {
    for await (const chunk of exporter) {
      const octets: Uint8Array = chunk;
      for (let written = 0; written < octets.length;) written += await collector.write(octets.subarray(written));
    }
    await collector.closeWrite();
  } finally {
    collector.close();
    exporter.destroy();
  }
}

const server = createServer({
  cert,
  key,
  ca: authority,
  requestCert: true,
  rejectUnauthorized: true,
}, (exporter) => {
  relay(exporter).catch(() => exporter.destroy());
});
server.listen(Number(listenPort), "127.0.0.1");
