/**
 * The least that a relay of datagrams can do on Deno: what is received is sent. To be measured beside the proxy.
 *
 * Usage: datagram_relay.ts LISTEN_PORT COLLECTOR_PORT
 *
 * @module
 */
import { endWithParent } from "../../support/processes/end_with_parent.ts";

void endWithParent();
const [listenPort, collectorPort] = Deno.args.map(Number);
if (listenPort === undefined || collectorPort === undefined) {
  throw new Error("usage: datagram_relay.ts LISTEN_PORT COLLECTOR_PORT");
}
const local = { hostname: "127.0.0.1", transport: "udp" } as const;
const exporters = Deno.listenDatagram({ ...local, port: listenPort });
const collector = Deno.listenDatagram({ ...local, port: 0 });
const octets = new Uint8Array(65535);
while (true) {
  const [datagram] = await exporters.receive(octets);
  await collector.send(datagram, { ...local, port: collectorPort });
}
