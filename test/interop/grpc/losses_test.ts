/** What is lost when one side stalls, dies or ends, with gRPC on either side of the proxy. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { EXPORT } from "../../../src/proxy/transport/grpc/flow/export_service.ts";
import { ExportRequestSchema } from "../../../src/proxy/transport/grpc/flow/flow_export_pb.ts";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import { allArrive, Collector } from "../peers/peers.ts";
import { type RunningProxy, startProxy } from "../proxy.ts";
import { line } from "../peers/releases.ts";
import { agentFlow } from "./agent_flows.ts";
import { FlowCollector, FlowExporter } from "./peer.ts";
import { freePort } from "../../support/free_port.ts";
import { PATIENCE } from "../../support/time/until.ts";

const identities = await issueIdentities();
addEventListener("unload", () => Deno.removeSync(identities.folder, { recursive: true }));

const FLOW = agentFlow(line("v2.7"), "ipv4", 1, "typical");

async function metric({ admin }: RunningProxy, name: string): Promise<number> {
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? 0);
}

/** Waits until a number no longer changes. */
async function still(value: () => Promise<number>): Promise<number> {
  for (let before = await value();;) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const now = await value();
    if (now === before) return now;
    before = now;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

interopTest("a collector that stalls slows Agents that speak gRPC; once it goes on, all arrives", async () => {
  await using collector = await Collector.start("v0.13.0");
  const proxy = await startProxy(collector.address, "antrea/v2.3", { listen: ["grpc"], identity: identities.proxy });
  try {
    await using exporter = await FlowExporter.start(proxy.address, identities.exporter);
    await exporter.ask({ flows: [FLOW] });
    await collector.process.until(() => collector.count === 3, PATIENCE);
    collector.process.signal("SIGSTOP");
    const count = 60_000;
    const sending = exporter.begin({ flows: [FLOW], times: count });
    await sending.written;
    const taken = await still(() => metric(proxy, 'ipfix_proxy_records_total\\{direction="received"\\}'));
    assert.ok(taken < count - 5_000, `${taken} records were taken though the collector stalls`);
    assert.ok(await metric(proxy, "process_resident_memory_bytes") < 300 * 1024 * 1024);
    collector.process.signal("SIGCONT");
    await allArrive(collector, count + 3);
    assert.equal((await sending.done()).sent, count);
  } finally {
    await proxy.close();
  }
});

interopTest(
  "a collector that dies and comes back: streams of Agents live on, and losses stay within the bound",
  async () => {
    let collector = await Collector.start("v0.13.0", { address: `127.0.0.1:${freePort()}` });
    const proxy = await startProxy(collector.address, "antrea/v2.3", { listen: ["grpc"], identity: identities.proxy });
    try {
      await using exporter = await FlowExporter.start(proxy.address, identities.exporter);
      for (let sent = 0; sent < 50; sent++) await exporter.ask({ flows: [FLOW] });
      await collector.process.until(() => collector.count === 52, PATIENCE);
      await collector.process.kill();
      const arrived = collector.count - 2;
      for (let sent = 0; sent < 50; sent++) assert.equal((await exporter.ask({ flows: [FLOW] })).error, undefined);
      collector = await Collector.start("v0.13.0", { address: collector.address });
      await collector.process.until(() => collector.count >= 51, PATIENCE);
      await collector.process.until(() => collector.count >= 52, 2_000);
      const lost = 100 - arrived - (collector.count - 2);
      assert.ok(lost <= await metric(proxy, "ipfix_proxy_collector_possibly_lost_records_total"), `${lost} lost`);
      assert.ok(lost <= 1, `${lost} lost: those that a dead collector's kernel had taken`);
      assert.equal(await metric(proxy, 'ipfix_proxy_sessions\\{transport="grpc"\\}'), 1);
    } finally {
      await proxy.close();
      await collector.process.kill();
    }
  },
);

interopTest(
  "a collector of flows that dies and comes back: losses stay within the bound, and what is held goes to the next",
  async () => {
    let collector = await FlowCollector.start(identities.collector, { address: `127.0.0.1:${freePort()}` });
    const proxy = await startProxy(collector.address, "antrea/v2.7", {
      transport: "grpc",
      listen: ["grpc"],
      identity: identities.proxy,
    });
    try {
      await using exporter = await FlowExporter.start(proxy.address, identities.exporter);
      for (let sent = 0; sent < 50; sent++) await exporter.ask({ flows: [FLOW] });
      await collector.process.until(() => collector.count === 50, PATIENCE);
      const sending = exporter.begin({ flows: [FLOW], times: 20_000 });
      await sending.written;
      await collector.process.until(() => collector.count > 2_000, PATIENCE);
      await collector.process.kill();
      const arrived = collector.count;
      collector = await FlowCollector.start(identities.collector, { address: collector.address });
      assert.equal((await sending.done()).error, undefined);
      await exporter.ask({ end: true });
      const isClosed = () => proxy.process.stderr.some((text) => text.includes('"session_closed"'));
      assert.ok(await proxy.process.until(isClosed, PATIENCE));
      const all = 20_050;
      const bound = await metric(proxy, "ipfix_proxy_collector_possibly_lost_records_total");
      const lost = () => all - arrived - collector.count;
      await collector.process.until(() => lost() <= bound, PATIENCE);
      assert.ok(lost() >= 0 && lost() <= bound, `${lost()} lost, at most ${bound} said`);
      assert.ok(bound <= all, "never more than were sent");
      assert.equal(await metric(proxy, 'ipfix_proxy_records_total\\{direction="received"\\}'), all);
    } finally {
      await proxy.close();
      await collector.process.kill();
    }
  },
);

interopTest(
  "a drain ends streams with a status; all that an Agent had sent before arrives, and it can come back",
  async () => {
    await using collector = await Collector.start("v0.13.0");
    const options = { listen: ["grpc"], identity: identities.proxy, configuration: "limits: { drain: 3s }" } as const;
    const proxy = await startProxy(collector.address, "antrea/v2.3", options);
    await using quiet = await FlowExporter.start(proxy.address, identities.exporter);
    await using busy = await FlowExporter.start(proxy.address, identities.exporter);
    for (let flows = 0; flows < 20; flows++) await quiet.ask({ flows: [FLOW] });
    await busy.ask({ flows: [FLOW] });
    // Each session announces two templates.
    await collector.process.until(() => collector.count === 25, PATIENCE);
    const begin = performance.now();
    proxy.process.signal("SIGTERM");
    const told = quiet.ask({ wait: true });
    let sent = 21;
    let answer;
    for (; (answer = await busy.ask({ flows: [FLOW] })).error === undefined; sent++) await pause(20);
    for (const { status, message } of [answer, await told]) {
      assert.equal(status, "Unavailable");
      assert.match(message ?? "", /the stream ends here: open another one/);
    }
    const took = performance.now() - begin;
    assert.ok(took > 1_500, `${took} ms: who still sends is read for most of the time that a drain may take`);
    assert.ok(sent > 21, "and its flows are taken");
    await proxy.process.until(() => false, PATIENCE);
    assert.equal(proxy.process.ending?.code, 0, proxy.process.stderr.join("\n"));
    await proxy.close();
    await collector.process.until(() => collector.count >= sent + 3, PATIENCE);
    await collector.process.until(() => collector.count >= sent + 4, 1_000);
    const lost = sent - (collector.count - 4);
    assert.ok(lost <= 1, `${lost} of ${sent} are lost: at most the one on its way while the stream ended`);
    const again = await startProxy(collector.address, "antrea/v2.3", options);
    await using back = await FlowExporter.start(again.address, identities.exporter);
    assert.equal((await back.ask({ flows: [FLOW], end: true })).status, "OK");
    await again.close();
  },
);

interopTest("keepalives are answered: a connection with an idle stream lives on", async () => {
  await using collector = await Collector.start("v0.13.0");
  const proxy = await startProxy(collector.address, "antrea/v2.3", { listen: ["grpc"], identity: identities.proxy });
  try {
    await using exporter = await FlowExporter.start(proxy.address, identities.exporter);
    await exporter.ask({ flows: [FLOW] });
    // The client asks after 10 s of silence, and gives up 2 s later.
    await pause(13_000);
    assert.equal((await exporter.ask({ flows: [FLOW] })).error, undefined);
    await collector.process.until(() => collector.count === 4, PATIENCE);
    assert.equal(collector.count, 4);
    assert.equal(await metric(proxy, "ipfix_proxy_sessions_total\\{.*\\}"), 0, "no session has ended");
  } finally {
    await proxy.close();
  }
});

/**
 * Sends flows over a connection of its own, breaks the stream off and leaves, which @grpc/grpc-js announces with
 * GOAWAY.
 */
async function sendAndLeave(address: string, count: number): Promise<void> {
  const [ca, key, certificate] = await Promise.all(
    [identities.exporter.ca, identities.exporter.key, identities.exporter.certificate].map((file) => readFile(file)),
  );
  const secure = credentials.createSsl(ca, key, certificate, { checkServerIdentity: () => undefined });
  const client = new Client(address, secure, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.ssl_target_name_override": "proxy.invalid",
  });
  const { path, requestSerialize, responseDeserialize } = EXPORT;
  const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, () => {});
  call.on("error", () => {});
  const request = toBinary(ExportRequestSchema, create(ExportRequestSchema, { flows: [FLOW] }));
  for (let sent = 0; sent < count; sent++) {
    await new Promise<void>((resolve) => call.write(request, () => resolve()));
    if (sent % 50 === 0) await pause(400);
  }
  call.cancel();
  client.close();
}

interopTest("Agents that leave with GOAWAY harm nobody", async () => {
  await using collector = await Collector.start("v0.13.0");
  const proxy = await startProxy(collector.address, "antrea/v2.3", { listen: ["grpc"], identity: identities.proxy });
  try {
    await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      await pause(30 * index);
      await sendAndLeave(proxy.address, 500);
    }));
    await proxy.process.until(() => false, 2_500);
    assert.equal(proxy.process.ending, undefined, proxy.process.stderr.slice(-5).join("\n"));
  } finally {
    await proxy.close();
  }
});
