/**
 * The least that a relay can do on Deno that takes TLS from exporters with a certificate: what is deciphered is written.
 *
 * Usage: tls_relay.ts LISTEN_PORT COLLECTOR_PORT CERTIFICATE KEY CA
 *
 * @module
 */
import { createServer, type TLSSocket } from "node:tls";

const [listenPort, collectorPort, certificate = "", key = "", ca = ""] = Deno.args;

async function relay(exporter: TLSSocket): Promise<void> {
  const collector = await Deno.connect({ hostname: "127.0.0.1", port: Number(collectorPort) });
  collector.setNoDelay(true);
  try {
    for await (const chunk of exporter) {
      const octets: Uint8Array = chunk;
      for (let written = 0; written < octets.length;) written += await collector.write(octets.subarray(written));
    }
  } finally {
    collector.close();
    exporter.destroy();
  }
}

const server = createServer({
  cert: await Deno.readTextFile(certificate),
  key: await Deno.readTextFile(key),
  ca: await Deno.readTextFile(ca),
  requestCert: true,
  rejectUnauthorized: true,
}, (exporter) => {
  relay(exporter).catch(() => exporter.destroy());
});
server.listen(Number(listenPort), "127.0.0.1");
