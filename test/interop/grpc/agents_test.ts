/**
 * Agents that speak gRPC in front of collectors that know only IPFIX: real peers of other implementations on both
 * sides.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { ExportRequestSchema } from "../../../src/proxy/transport/grpc/flow/flow_export_pb.ts";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import { judge } from "../measure/judge.ts";
import { Collector } from "../peers/peers.ts";
import { type RunningProxy, startProxy } from "../proxy.ts";
import { line } from "../peers/releases.ts";
import { agentFlow, agentFlows, flowValueOf } from "./agent_flows.ts";
import { FlowExporter } from "./peer.ts";
import { PATIENCE } from "../../support/time/until.ts";

const identities = await issueIdentities();
addEventListener("unload", () => Deno.removeSync(identities.folder, { recursive: true }));

/** A collector of an Antrea line behind a proxy that listens for gRPC. */
async function withCollector(
  name: string,
  run: (side: { collector: Collector; proxy: RunningProxy; address: string }) => Promise<void>,
): Promise<void> {
  await using collector = await Collector.start(line(name).goIpfix);
  const options = { listen: ["grpc"], identity: identities.proxy } as const;
  const proxy = await startProxy(collector.address, `antrea/${name}`, options);
  try {
    await run({ collector, proxy, address: proxy.address });
  } finally {
    await proxy.close();
  }
  assert.equal(collector.panic, undefined);
  assert.equal(collector.refused, 0, collector.process.stderr.join("\n"));
}

/** Data records that the collector has delivered. */
function records(collector: Collector): number {
  return collector.received.flatMap((message) => message.records ?? []).length;
}

/** Waits for so many records, each in a message of its own, beside the two templates of each exporter. */
async function arrive(collector: Collector, count: number, exporters = 1): Promise<void> {
  await collector.process.until(() => collector.count >= count + 2 * exporters, PATIENCE);
}

for (const name of ["v1.15", "v2.0", "v2.3"]) {
  interopTest(
    `flows of v2.4, v2.6 and v2.7 arrive at a collector of ${name} in its own list, every value right`,
    () =>
      withCollector(name, async ({ collector, address }) => {
        const count = 60;
        const agents = ["v2.4", "v2.6", "v2.7"].map(line);
        for (const [index, agent] of agents.entries()) {
          await using exporter = await FlowExporter.start(address, identities.exporter);
          const flows = agentFlows(agent, count, "extreme").map((flow) => {
            if (flow.ipfix !== undefined) flow.ipfix.observationDomainId = 100 + index;
            return flow;
          });
          // As Agents do today, and as they may do tomorrow.
          for (const flow of flows.slice(0, count / 2)) assert.equal((await exporter.ask({ flows: [flow] })).sent, 1);
          assert.equal((await exporter.ask({ flows: flows.slice(count / 2) })).sent, 1);
          await arrive(collector, count * (index + 1), index + 1);
        }
        for (const [index, agent] of agents.entries()) {
          const received = collector.received.filter(({ observationDomain }) => observationDomain === 100 + index);
          const judgement = judge({ agent, collector: line(name) }, received, "extreme", flowValueOf);
          assert.deepEqual(judgement, { delivered: count, exact: count, correct: count }, agent.name);
          const data = received.filter(({ records }) => records !== undefined);
          assert.deepEqual(data.map(({ sequence }) => sequence), data.map((_, record) => record), "counted from 0");
          assert.ok(data.every(({ exportTime }) => exportTime === 1_700_000_000));
        }
      }),
  );
}

interopTest(
  "a request of 4 MiB is taken, a longer one refused; the streams beside it feel nothing",
  () =>
    withCollector("v2.0", async ({ collector, address }) => {
      await using exporter = await FlowExporter.start(address, identities.exporter);
      const agent = line("v2.7");
      const flows = agentFlows(agent, 4000, "extreme");
      const octets = (count: number) =>
        toBinary(ExportRequestSchema, create(ExportRequestSchema, { flows: flows.slice(0, count) })).length;
      let count = flows.length;
      while (octets(count) > 4 * 1024 * 1024) count -= 10;
      assert.ok(octets(count) > 3.5 * 1024 * 1024, `${octets(count)} octets`);
      assert.equal((await exporter.ask({ flows: flows.slice(0, count) })).sent, 1);
      await arrive(collector, count);
      const judgement = judge({ agent, collector: line("v2.0") }, collector.received, "extreme", flowValueOf);
      assert.deepEqual(judgement, { delivered: count, exact: count, correct: count });
      const long = await exporter.ask({ stream: 1, request: new Uint8Array(4 * 1024 * 1024 + 1), wait: true });
      assert.equal(long.status, "ResourceExhausted", JSON.stringify(long));
      await exporter.ask({ flows: [agentFlow(agent, "ipv4", count, "typical")] });
      await arrive(collector, count + 1);
      assert.equal(records(collector), count + 1);
    }),
);

interopTest(
  "empty requests and flows are no trouble; a malformed one ends its own stream, and what came before arrives",
  () =>
    withCollector("v1.15", async ({ collector, proxy, address }) => {
      await using exporter = await FlowExporter.start(address, identities.exporter);
      const good = agentFlow(line("v2.7"), "ipv4", 1, "typical");
      assert.equal((await exporter.ask({ flows: [] })).sent, 1);
      assert.equal((await exporter.ask({ flows: [good] })).sent, 1);
      await exporter.ask({ stream: 1, flows: [good] });
      const broken = await exporter.ask({ stream: 1, request: Uint8Array.of(0x0a, 99, 1), wait: true });
      assert.equal(broken.status, "InvalidArgument", JSON.stringify(broken));
      assert.match(broken.message ?? "", /a request is no ExportRequest/);
      assert.equal((await exporter.ask({ flows: [good, good], end: true })).status, "OK");
      await arrive(collector, 4, 2);
      assert.equal(records(collector), 4);
      const rejected = () => proxy.process.stderr.filter((text) => text.includes('"message_rejected"'));
      await proxy.process.until(() => rejected().length > 0, PATIENCE);
      assert.equal(rejected().length, 1);
      assert.match(rejected()[0] ?? "", /"reason":"request_malformed"/);
      assert.match(
        await (await fetch(`${proxy.admin}/metrics`)).text(),
        /messages_rejected_total\{reason="request_malformed"\} 1\n/,
      );
    }),
);

for (const [name, isConverted] of [["v2.3", true], ["v2.4", false]] as const) {
  interopTest(
    `before an Aggregator ${name}, the same templates by gRPC ${isConverted ? "need the proxy" : "need none"}`,
    () =>
      withCollector(name, async ({ collector, proxy, address }) => {
        await using exporter = await FlowExporter.start(address, identities.exporter);
        await exporter.ask({ flows: [agentFlow(line("v2.4"), "ipv4", 1, "typical")] });
        await arrive(collector, 1);
        const { verdict, skew } = z.object({
          verdict: z.object({ verdict: z.string(), reason: z.string() }),
          skew: z.object({ sessions: z.number() }),
        }).parse(await proxy.status());
        assert.equal(skew.sessions, 0);
        const converted =
          "1 of 1 session is converted between gRPC and IPFIX, because the collector accepts only the other one";
        if (isConverted) assert.deepEqual(verdict, { verdict: "needed", reason: converted });
        else assert.notEqual(verdict.verdict, "needed", verdict.reason);
      }),
  );
}

interopTest("compressed requests are understood", () =>
  withCollector("v2.0", async ({ collector, address }) => {
    await using exporter = await FlowExporter.start(address, identities.exporter);
    await exporter.ask({ gzip: true, flows: agentFlows(line("v2.7"), 50, "typical") });
    await arrive(collector, 50);
    const judgement = judge(
      { agent: line("v2.7"), collector: line("v2.0") },
      collector.received,
      "typical",
      flowValueOf,
    );
    assert.deepEqual(judgement, { delivered: 50, exact: 50, correct: 50 });
  }));

interopTest(
  "a stream that is cut delivers what it had sent, and its session ends; the connection goes on",
  () =>
    withCollector("v2.0", async ({ collector, proxy, address }) => {
      await using exporter = await FlowExporter.start(address, identities.exporter);
      const flow = agentFlow(line("v2.7"), "ipv6", 1, "typical");
      await exporter.ask({ stream: 1, flows: [flow], times: 10 });
      await arrive(collector, 10);
      await exporter.ask({ stream: 1, cancel: true });
      const isCut = (text: string) => text.includes('"session_closed"') && text.includes('"outcome":"reset"');
      assert.ok(await proxy.process.until(() => proxy.process.stderr.some(isCut), PATIENCE));
      await exporter.ask({ stream: 2, flows: [flow] });
      await arrive(collector, 11, 2);
      assert.equal(records(collector), 11);
    }),
);

interopTest(
  "a thousand streams on one connection are a thousand sessions",
  () =>
    withCollector("v2.3", async ({ collector, proxy, address }) => {
      await using exporter = await FlowExporter.start(address, identities.exporter);
      assert.equal((await exporter.ask({ stream: 0, open: 1000 })).error, undefined);
      const flow = agentFlow(line("v2.7"), "ipv4", 1, "typical");
      for (const stream of [0, 500, 999]) await exporter.ask({ stream, flows: [flow] });
      await arrive(collector, 3, 3);
      const sessions = await (await fetch(`${proxy.admin}/metrics`)).text();
      assert.match(sessions, /^ipfix_proxy_sessions\{transport="grpc"\} 1000$/m);
    }),
);

interopTest(
  "an Agent without a certificate, or with one of another CA, gets no stream, and the log says why",
  async () => {
    await using others = await issueIdentities();
    await withCollector("v2.0", async ({ collector, proxy, address }) => {
      const flow = agentFlow(line("v2.7"), "ipv4", 1, "typical");
      const { ca } = identities.exporter;
      for (const identity of [{ ca }, { ...others.exporter, ca }]) {
        await using exporter = await FlowExporter.start(address, identity);
        const answer = await exporter.ask({ flows: [flow], wait: true });
        assert.match(`${answer.error} ${answer.status}`, /Unavailable|certificate|handshake/i, JSON.stringify(answer));
      }
      const failures = () => proxy.process.stderr.filter((text) => text.includes('"handshake_failed"'));
      assert.ok(await proxy.process.until(() => failures().length >= 2, PATIENCE));
      assert.match(failures().join("\n"), /it shows no certificate/);
      assert.match(failures().join("\n"), /its certificate is refused/);
      await using exporter = await FlowExporter.start(address, identities.exporter);
      await exporter.ask({ flows: [flow] });
      await arrive(collector, 1);
      assert.equal(records(collector), 1);
      const sessions = await (await fetch(`${proxy.admin}/api/sessions`)).json();
      assert.equal(sessions[0].certificateName, "exporter");
    });
  },
);
