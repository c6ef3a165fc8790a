/** Agents that know only IPFIX in front of a collector that takes only gRPC; and gRPC on both sides. */
import assert from "node:assert/strict";
import type { Flow } from "../../../src/proxy/transport/grpc/flow/flow_export_pb.ts";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import { allArrive, Exporter } from "../peers/peers.ts";
import { type RunningProxy, startProxy } from "../proxy.ts";
import { line, templateOf } from "../peers/releases.ts";
import { valueOf } from "../peers/values.ts";
import { agentFlow, agentFlows, flowValueOf } from "./agent_flows.ts";
import { FlowCollector, FlowExporter } from "./peer.ts";
import { PATIENCE } from "../../support/time/until.ts";

const identities = await issueIdentities();
addEventListener("unload", () => Deno.removeSync(identities.folder, { recursive: true }));

interface Sides {
  readonly collector: FlowCollector;
  readonly proxy: RunningProxy;
}

/** A collector of flows, which expects what a line of Antrea does, behind a proxy. */
async function withAggregator(
  profile: string,
  listen: "tcp" | "tls" | "grpc",
  run: (sides: Sides) => Promise<void>,
): Promise<void> {
  await using collector = await FlowCollector.start(identities.collector);
  const proxy = await startProxy(collector.address, profile, {
    transport: "grpc",
    listen: [listen],
    identity: identities.proxy,
  });
  try {
    await run({ collector, proxy });
  } finally {
    await proxy.close();
  }
  assert.equal(collector.process.ending, undefined, collector.process.stderr.join("\n"));
}

async function arrive({ process }: FlowCollector, count: number): Promise<void> {
  await process.until(() => process.stdout.length - 1 >= count, PATIENCE);
}

/** As {@link agentFlow}, as it comes out: with what is empty for zeros, and a Service's address in both its fields. */
function expected(flow: Flow): Flow {
  const { k8s } = flow;
  if (k8s !== undefined) {
    if (k8s.destinationClusterIp.every((octet) => octet === 0)) k8s.destinationClusterIp = new Uint8Array(0);
    if (k8s.destinationServiceIp.every((octet) => octet === 0)) k8s.destinationServiceIp = k8s.destinationClusterIp;
  }
  if (flow.proxySnatIp.every((octet) => octet === 0)) flow.proxySnatIp = new Uint8Array(0);
  // What the collector notes itself.
  if (flow.ipfix !== undefined) flow.ipfix.exporterIp = "127.0.0.1";
  return flow;
}

for (const agent of ["v0.12", "v1.1", "v1.15", "v2.0", "v2.7"].map(line)) {
  interopTest(
    `records of a ${agent.name} Agent arrive at an Aggregator that takes only gRPC, every value right`,
    () =>
      withAggregator("antrea/v2.7", "tls", async ({ collector, proxy }) => {
        const count = 40;
        const options = { transport: "tls", identity: identities.exporter, serverName: "127.0.0.1" } as const;
        {
          await using exporter = await Exporter.start(agent.goIpfix, proxy.address, options);
          const templates = [];
          for (const family of ["ipv4", "ipv6"] as const) {
            const names = templateOf(agent, family);
            templates.push({ family, names, id: (await exporter.announce(names)).template ?? 0 });
          }
          for (let number = 0; number < count; number++) {
            const { names, id } = templates[number % 2] ?? assert.fail();
            const answer = await exporter.send(id, names.map((name) => flowValueOf(name, number, "extreme")));
            assert.equal(answer.error, undefined);
          }
          await arrive(collector, count);
        }
        const flows = collector.received;
        assert.equal(flows.length, count);
        for (const [number, { flow, certificate }] of flows.entries()) {
          const sent = expected(agentFlow(agent, number % 2 === 0 ? "ipv4" : "ipv6", number, "extreme", 1));
          // The proxy's profile knows no app: it is of v2.7. go-ipfix says itself when it exports.
          delete sent.app;
          if (sent.ipfix !== undefined) sent.ipfix.exportTime = flow.ipfix?.exportTime;
          assert.deepEqual(flow, sent, `record ${number}`);
          assert.equal(certificate, "proxy");
        }
      }),
  );
}

interopTest(
  "an Aggregator of v2.4 gets the app of a flow, even if empty, and its cluster address",
  () =>
    withAggregator("antrea/v2.4", "tcp", async ({ collector, proxy }) => {
      const agent = line("v1.15");
      await using exporter = await Exporter.start(agent.goIpfix, proxy.address);
      const names = templateOf(agent, "ipv4");
      const { template = 0 } = await exporter.announce(names);
      await exporter.send(template, names.map((name) => valueOf(name, 3, "typical")));
      await exporter.send(template, names.map((name) => /app|http/.test(name) ? "" : valueOf(name, 4, "typical")));
      await arrive(collector, 2);
      const [full, empty] = collector.received.map(({ flow }) => flow);
      assert.equal(full?.app?.protocolName, valueOf("appProtocolName", 3, "typical"));
      assert.equal(new TextDecoder().decode(full?.app?.httpVals), valueOf("httpVals", 3, "typical"));
      assert.ok(empty?.app !== undefined, "an Aggregator of v2.4 dies of a flow without one");
      assert.equal(full?.k8s?.destinationClusterIp.join("."), valueOf("destinationClusterIPv4", 3, "typical"));
    }),
);

interopTest(
  "gRPC in and gRPC out: flows arrive as they were sent, less what IPFIX has no element for",
  () =>
    withAggregator("antrea/v2.7", "grpc", async ({ collector, proxy }) => {
      const count = 60;
      await using exporter = await FlowExporter.start(proxy.address, identities.exporter);
      const flows = agentFlows(line("v2.7"), count, "extreme");
      const first = flows[0]?.k8s ?? assert.fail();
      first.sourcePodUid = "5f0c7a0e";
      await exporter.ask({ flows: flows.slice(0, 30) });
      for (const flow of flows.slice(30)) await exporter.ask({ flows: [flow] });
      await arrive(collector, count);
      first.sourcePodUid = "";
      assert.deepEqual(collector.received.map(({ flow }) => flow), flows.map(expected));
      const metrics = await (await fetch(`${proxy.admin}/metrics`)).text();
      assert.match(metrics, /information_lost_records_total\{element="k8s.source_pod_uid"\} 1\n/);
    }),
);

interopTest(
  "a collector that stalls slows the exporter, and nothing is lost once it goes on",
  () =>
    withAggregator("antrea/v2.7", "grpc", async ({ collector, proxy }) => {
      await using exporter = await FlowExporter.start(proxy.address, identities.exporter);
      const flow = agentFlow(line("v2.7"), "ipv4", 1, "typical");
      await exporter.ask({ flows: [flow] });
      await arrive(collector, 1);
      await collector.pause(true);
      const count = 40_000;
      const sending = exporter.begin({ flows: [flow], times: count });
      await sending.written;
      const memory = async () => {
        const metrics = await (await fetch(`${proxy.admin}/metrics`)).text();
        return Number(/^process_resident_memory_bytes (\d+)$/m.exec(metrics)?.[1]);
      };
      // It stands once nothing more is taken.
      const received = async () => {
        const metrics = await (await fetch(`${proxy.admin}/metrics`)).text();
        return Number(/^ipfix_proxy_records_total\{direction="received"\} (\d+)$/m.exec(metrics)?.[1]);
      };
      let before = -1;
      for (let now = await received(); now !== before; now = await received()) {
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      assert.ok(before < count / 2, `${before} records are taken though the collector stalls`);
      assert.ok(await memory() < 400 * 1024 * 1024);
      await collector.pause(false);
      await allArrive(collector, count + 1);
      assert.equal((await sending.done()).sent, count);
    }),
);
