import assert from "node:assert/strict";
import { Authority, type Issued } from "../../../../test/support/certificates.ts";
import { send } from "../../../../test/support/proxy/sockets.ts";
import { TestProxy } from "../../../../test/support/proxy/test_proxy.ts";
import { TestTlsCollector } from "../../../../test/support/proxy/test_tls_collector.ts";
import { until } from "../../../../test/support/time/until.ts";
import { dataMessage, join, templateMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { Credentials } from "../../../../test/support/tls_credentials.ts";
import type { TlsFiles } from "../../../certificates/tls_material.ts";

const authority = await Authority.create("cluster");
const stranger = await Authority.create("stranger");
const aggregator = await authority.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] });
const agent = await authority.issue({ name: "agent-1", usage: ["client"] });

/** A plain exporter, a proxy that dials a TLS collector. */
async function withTlsCollector(
  server: Issued,
  tls: { files: TlsFiles; serverName?: string },
  run: (parts: { collector: TestTlsCollector; proxy: TestProxy; exporter: Deno.TcpConn }) => Promise<void>,
): Promise<void> {
  const collector = await TestTlsCollector.listen({ ...server, ca: authority.pem });
  const { files, ...names } = tls;
  const proxy = new TestProxy(0, {
    collector: {
      transport: "tls",
      address: { hostname: "127.0.0.1", port: collector.port },
      tls: { credentials: new Credentials(files), ...names },
    },
    limits: { hold: 1_000 },
  });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  try {
    await run({ collector, proxy, exporter });
  } finally {
    exporter.close();
    await proxy.proxy.close();
    await collector.close();
  }
}

Deno.test("plain in, mutual TLS out: verified by a name that is not the dialled address; half-close passes through", () =>
  withTlsCollector(
    aggregator,
    { files: { ...agent, ca: authority.pem }, serverName: "flow-aggregator.svc" },
    async ({ collector, proxy, exporter }) => {
      const count = 3000;
      await send(
        exporter,
        join(templateMessage(), ...Array.from({ length: count }, (_, number) => dataMessage(number, 400))),
      );
      await exporter.closeWrite();
      await until("the session is closed", () => proxy.happened("session_closed").length === 1);
      assert.deepEqual(collector.records(), Array.from({ length: count }, (_, number) => number));
      assert.equal(proxy.outcome(), "closed");
      assert.deepEqual(collector.names, ["agent-1"]);
    },
  ));

const badCollectors: readonly [string, () => Promise<Issued>][] = [
  ["another name", () => authority.issue({ name: "aggregator", dns: ["someone-else.svc"], usage: ["server"] })],
  [
    "a foreign certificate",
    () => stranger.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] }),
  ],
  [
    "an expired certificate",
    () => authority.issue({ name: "a", dns: ["flow-aggregator.svc"], usage: ["server"], days: -1 }),
  ],
  ["a client's certificate", () => authority.issue({ name: "a", dns: ["flow-aggregator.svc"], usage: ["client"] })],
];
for (const [what, certificate] of badCollectors) {
  Deno.test(`a collector with ${what} gets no octet`, async () =>
    await withTlsCollector(
      await certificate(),
      { files: { ...agent, ca: authority.pem }, serverName: "flow-aggregator.svc" },
      async ({ collector, proxy, exporter }) => {
        await send(exporter, join(templateMessage(), dataMessage(0)));
        await until("the session is closed", () => proxy.happened("session_closed").length === 1);
        assert.equal(proxy.outcome(), "collector_unavailable");
        assert.equal(collector.received, 0);
        assert.equal(proxy.happened("collector_unreachable").length, 1);
        const reason = String(proxy.happened("collector_unreachable")[0]?.fields["reason"]);
        assert.match(reason, what === "another name" ? /does not match/ : /certificate is refused.*a server's/);
      },
    ));
}

Deno.test("a collector that refuses this side's certificate gets no octet either, although TLS 1.3 let it connect", () =>
  withTlsCollector(
    aggregator,
    { files: { ca: authority.pem }, serverName: "flow-aggregator.svc" },
    async ({ proxy, exporter }) => {
      await send(exporter, join(templateMessage(), dataMessage(0)));
      await until("the session is closed", () => proxy.happened("session_closed").length === 1);
      assert.equal(proxy.outcome(), "collector_unavailable");
      assert.equal(proxy.proxy.counters.recordsPossiblyLost, 0);
    },
  ));
