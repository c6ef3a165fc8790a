/**
 * The least that a relay can do on Deno: what is read is written. To be measured beside the proxy.
 *
 * Usage: relay.ts LISTEN_PORT COLLECTOR_PORT
 *
 * @module
 */
import { endWithParent } from "../../support/processes/end_with_parent.ts";
import { connections } from "../load/connections.ts";
import { BLOCK_LENGTH } from "../load/workload.ts";

void endWithParent();
const [listenPort, collectorPort] = Deno.args.map(Number);
if (listenPort === undefined || collectorPort === undefined) {
  throw new Error("usage: relay.ts LISTEN_PORT COLLECTOR_PORT");
}

async function relay(exporter: Deno.TcpConn, hostname: string, port: number): Promise<void> {
  const collector = await Deno.connect({ hostname, port });
  exporter.setNoDelay(true);
  collector.setNoDelay(true);
  const octets = new Uint8Array(BLOCK_LENGTH);
  for (let length; (length = await exporter.read(octets)) !== null;) {
    for (let written = 0; written < length;) written += await collector.write(octets.subarray(written, length));
  }
  collector.close();
  exporter.close();
}

for await (const exporter of connections(Deno.listen({ hostname: "127.0.0.1", port: listenPort }))) {
  relay(exporter, "127.0.0.1", collectorPort).catch(() => exporter.close());
}
