import assert from "node:assert/strict";
import {
  aggregatorObjectsOf,
  BUNDLE_PATH,
  makeAggregatorCertificates,
} from "../../test/support/kubernetes/aggregator_trust.ts";
import { FakeApiServer } from "../../test/support/kubernetes/kubernetes_api.ts";
import { hastyClock } from "../../test/support/time/hasty_clock.ts";
import { until } from "../../test/support/time/until.ts";
import type { ProxyEvent } from "../proxy/reporting/proxy_event.ts";
import { profileOfRelease } from "./cluster.ts";
import { loadWatched } from "./reloader.ts";
import { Service } from "./service.ts";

const POD = "/api/v1/namespaces/flow-aggregator/pods";
const AGENT = "/api/v1/namespaces/kube-system/pods/antrea-agent-1";
const LISTEN = {
  tcp: "{ transport: tcp, address: 127.0.0.1:0 }",
  udp: "{ transport: udp, address: 127.0.0.1:0 }",
  tls: "{ transport: tls, address: 127.0.0.1:0, tls: {} }",
};
const FAST = hastyClock(1 / 10);

/** A message with a template of one field, sourceIPv4Address. */
const TEMPLATE = Uint8Array.fromHex("000a001c6553f10000000000000000010002000c0100000100080004");
/** A message with one record of it. */
const DATA = Uint8Array.fromHex("000a00186553f1000000000000000001010000080a000001");

class Served implements AsyncDisposable {
  readonly events: ProxyEvent[];
  readonly serving: Promise<unknown>;

  private constructor(readonly service: Service, readonly folder: string, events: ProxyEvent[]) {
    this.events = events;
    this.serving = service.serve();
    this.serving.catch(() => {});
  }

  static async start(
    server: FakeApiServer,
    lines: { listen?: keyof typeof LISTEN; transport?: string; address?: string; collector?: string; more?: string } =
      {},
  ) {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/kubeconfig`, server.kubeconfig());
    const served = new Served(
      ...await open(
        folder,
        `listen: [${LISTEN[lines.listen ?? "tcp"]}]
collector: { transport: ${lines.transport ?? "tcp"}, address: "${lines.address ?? "127.0.0.1:9"}", ${
          lines.collector ?? "profile: auto"
        } }
admin: { address: "127.0.0.1:0" }
kubernetes: { kubeconfig: kubeconfig${lines.more ?? ""} }
`,
      ),
    );
    return served;
  }

  get view() {
    return this.service.served.view;
  }

  async write(text: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/proxy.yaml`, text);
  }

  until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
    const messages = () => this.events.map(({ message }) => message).join("\n");
    return until(() => `${what}: ${JSON.stringify(this.view.cluster)}\n${messages()}`, isSo);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    void this.service.served.drained();
    await this.serving.catch(() => {});
    await this.service.served.close();
    await this.service.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function open(folder: string, yaml: string): Promise<[Service, string, ProxyEvent[]]> {
  const file = `${folder}/proxy.yaml`;
  await Deno.writeTextFile(file, yaml);
  const { configuration } = await loadWatched(file);
  assert.ok(!(configuration instanceof Error), String(configuration));
  const events: ProxyEvent[] = [];
  const service = await Service.open(configuration, (event) => events.push(event), FAST);
  const { listeners } = await service.start();
  assert.deepEqual(listeners, [], "nothing listens before the cluster has said what is needed");
  return [service, folder, events];
}

function putPod(
  server: FakeApiServer,
  name: string,
  image: string,
  creationTimestamp = "2026-01-01T00:00:00Z",
  containerID?: string,
): void {
  const running = { name: "flow-aggregator", containerID, state: { running: { startedAt: creationTimestamp } } };
  server.put(`${POD}/${name}`, {
    metadata: { name, creationTimestamp, labels: { app: "flow-aggregator" } },
    spec: { containers: [{ name: "flow-aggregator", image }] },
    ...(containerID === undefined ? {} : { status: { containerStatuses: [running] } }),
  });
}

Deno.test("a release has its own profile, else that of its line, else none", () => {
  assert.equal(profileOfRelease("v2.0.1"), "antrea/v2.0.1");
  assert.equal(profileOfRelease("v2.0.99"), "antrea/v2.0");
  assert.equal(profileOfRelease("v9.0.0"), undefined);
});

Deno.test("profile: auto waits for the Aggregator's Pod, and announces the release of the next one", async () => {
  await using server = await FakeApiServer.start();
  await using served = await Served.start(server);
  await served.until(() => /there is no Pod with label/.test(served.view.cluster?.waitingFor ?? ""));
  assert.equal(served.view.ready, false);
  assert.deepEqual(served.events.filter(({ event }) => event === "trust_waiting").map(({ message }) => message), [
    "waiting for the API server to answer about the Aggregator's Pods",
    `waiting for ${served.view.cluster?.waitingFor}`,
  ]);
  putPod(server, "a", "antrea/flow-aggregator:v1.15.2");
  await served.serving;
  assert.deepEqual([served.view.ready, served.view.collector.profile], [true, "antrea/v1.15.2"]);
  assert.equal(served.service.served.proxy.addresses().length, 1);
  putPod(server, "b", "antrea/flow-aggregator:v2.0.0", "2026-02-01T00:00:00Z");
  await served.until(() =>
    served.view.collector.nextProfile === "antrea/v2.0.0" || served.view.collector.profile === "antrea/v2.0.0"
  );
  assert.deepEqual(served.view.cluster?.aggregator, { release: "v1.15.2", next: "v2.0.0" });
});

Deno.test("profile: auto keeps its profile under a release that none is known for, and says so", async () => {
  await using server = await FakeApiServer.start();
  putPod(server, "a", "antrea/flow-aggregator:v1.15.2");
  await using served = await Served.start(server);
  await served.serving;
  const words = "no profile is known for the Aggregator's release v9.9.9: antrea/v1.15.2 stays";
  putPod(server, "a", "antrea/flow-aggregator:v9.9.9");
  await served.until(() => served.view.cluster?.problems.includes(words) ?? false);
  assert.equal(served.view.collector.profile, "antrea/v1.15.2");
  assert.deepEqual(served.events.filter(({ level }) => level === "error").map(({ message }) => message), [words]);
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  await served.until(() => served.view.cluster?.problems.length === 0);
});

Deno.test("profile: auto holds at once where the process that runs already is of that release", async () => {
  using collector = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    // Watched, and so known to live.
    for await (const connection of collector) void connection.readable.pipeTo(new WritableStream()).catch(() => {});
  })();
  await using server = await FakeApiServer.start();
  putPod(server, "a", "antrea/flow-aggregator:v1.15.2", undefined, "one");
  await using served = await Served.start(server, { address: `127.0.0.1:${collector.addr.port}` });
  await served.serving;
  await served.until(() => served.view.collector.state === "connected");
  putPod(server, "b", "antrea/flow-aggregator:v2.0.0", "2026-02-01T00:00:00Z");
  await served.until(() => served.view.collector.nextProfile === "antrea/v2.0.0");
  // The proxy has not seen the first end: it hears of it from the cluster.
  putPod(server, "b", "antrea/flow-aggregator:v2.0.0", "2026-02-01T00:00:00Z", "two");
  assert.equal(served.view.collector.profile, "antrea/v1.15.2", "both run");
  server.put(`${POD}/a`, undefined);
  await served.until(() => served.view.collector.profile === "antrea/v2.0.0");
  assert.deepEqual([served.view.collector.nextProfile, served.view.collector.epoch], [undefined, 1]);
});

Deno.test("over udp, a restarted container is a new process, to which templates are sent again", async () => {
  await using server = await FakeApiServer.start();
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0", undefined, "one");
  const collector = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const { port } = collector.addr as Deno.NetAddr;
  let templates = 0;
  void (async () => {
    // A template set has id 2, behind a header of 16 octets.
    for await (const [octets] of collector) if (octets[17] === 2) templates++;
  })();
  await using served = await Served.start(server, { listen: "udp", transport: "udp", address: `127.0.0.1:${port}` });
  await served.serving;
  const [listener] = served.service.served.proxy.addresses();
  assert.ok(listener !== undefined);
  const exporter = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  await exporter.send(TEMPLATE, { transport: "udp", hostname: "127.0.0.1", port: listener.address.port });
  await served.until(() => templates === 1);
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0", undefined, "two");
  await served.until(() => served.view.collector.epoch === 2);
  await exporter.send(DATA, { transport: "udp", hostname: "127.0.0.1", port: listener.address.port });
  await served.until(() => templates === 2, "the proxy sends it again, before the data");
  collector.close();
  exporter.close();
});

for (
  const [image, reason] of [
    ["antrea/flow-aggregator:latest", /has the tag "latest"/],
    ["antrea/flow-aggregator@sha256:0123", /is named by its digest alone/],
    ["antrea/flow-aggregator:v9.9.9", /no profile is known for v9\.9\.9/],
  ] as const
) {
  Deno.test(`image ${image}: it waits and says why, or goes by the fallback`, async () => {
    await using server = await FakeApiServer.start();
    putPod(server, "a", image);
    await using served = await Served.start(server);
    await served.until(() => reason.test(served.view.cluster?.waitingFor ?? ""), String(reason));
    assert.match(served.view.cluster?.waitingFor ?? "", /\(collector\.fallbackProfile\)$/);
    assert.equal(served.view.ready, false);
    await using other = await Served.start(server, { collector: "profile: auto, fallbackProfile: antrea/v2.3" });
    await other.serving;
    assert.deepEqual([other.view.ready, other.view.collector.profile], [true, "antrea/v2.3"]);
  });
}

Deno.test("a missing rule is named while the service waits; once it exists, the service starts", async () => {
  await using server = await FakeApiServer.start();
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  server.denies = ({ resource }) => resource === "pods";
  await using served = await Served.start(server);
  const rule = /missing RBAC rule: verb "list" on resource "pods", namespace "flow-aggregator"/;
  await served.until(() => rule.test(served.view.cluster?.waitingFor ?? ""), String(rule));
  server.denies = () => false;
  await served.serving;
  assert.equal(served.view.ready, true);
});

Deno.test("without an API server it waits, fallback or not, until there is one", async () => {
  await using server = await FakeApiServer.start();
  server.refuses = () => true;
  await using served = await Served.start(server, { collector: "profile: auto, fallbackProfile: antrea/v2.3" });
  await served.until(() => (served.view.cluster?.problems.length ?? 0) > 0);
  assert.match(served.view.cluster?.problems.join() ?? "", /the credentials are refused/);
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  server.refuses = () => false;
  await served.until(() => served.view.collector.profile === "antrea/v2.0.0");
});

Deno.test("trust by the configured release where the Pod does not say one; the way decided is shown", async () => {
  await using server = await FakeApiServer.start();
  for (const [path, object] of aggregatorObjectsOf(await makeAggregatorCertificates())) server.put(path, object);
  putPod(server, "a", "antrea/flow-aggregator:latest");
  await using served = await Served.start(server, { listen: "tls", collector: "profile: antrea/v2.0" });
  await served.serving;
  assert.deepEqual([served.view.ready, served.view.cluster?.trust?.mode], [true, "append-ca"]);
  assert.deepEqual([...served.view.certificates ?? []].map(({ role }) => role).sort(), [
    "ca",
    "ca",
    "collector",
    "listener",
  ]);
});

Deno.test("a drain ends the wait, and puts the bundle back where that is asked for", async () => {
  await using server = await FakeApiServer.start();
  const certificates = await makeAggregatorCertificates();
  const [bundle, client] = [...aggregatorObjectsOf(certificates)];
  server.put(...bundle ?? assert.fail());
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  {
    await using served = await Served.start(server, { listen: "tls", more: ", restoreOnDrain: true" });
    await served.until(() => server.object(BUNDLE_PATH)?.data?.["ca.crt"] !== certificates.ca.certificate);
    assert.match(served.view.cluster?.waitingFor ?? "", /Secret flow-aggregator\/flow-aggregator-client-tls/);
    await served.service.served.drained();
    assert.equal(await served.serving, undefined, "it never listened");
  }
  assert.equal(server.object(BUNDLE_PATH)?.data?.["ca.crt"], certificates.ca.certificate);
  assert.ok(client !== undefined);
});

Deno.test("a clock that is an hour off is reported once, with both possible consequences", async () => {
  await using server = await FakeApiServer.start();
  server.clockAhead = 3_600_000;
  await using served = await Served.start(server);
  await served.until(() =>
    served.view.cluster?.problems.some((each) => /clock is (3599|3600) s behind/.test(each)) ?? false
  );
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  await served.serving;
  assert.equal(served.events.filter(({ event }) => event === "clock_skew").length, 1);
});

Deno.test("a session's Agent is found in the cluster, whatever else is configured", async () => {
  await using server = await FakeApiServer.start();
  server.put(AGENT, {
    metadata: { name: "antrea-agent-1", labels: { app: "antrea", component: "antrea-agent" } },
    spec: { nodeName: "node-1", containers: [{ name: "antrea-agent", image: "antrea/antrea-agent-ubuntu:v2.0.0" }] },
    status: { podIP: "10.0.0.1" },
  });
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  await using served = await Served.start(server);
  await served.serving;
  const exporter = { peer: "10.0.0.1:40000", observationDomains: [] };
  await served.until(() => served.view.agentOf?.(exporter) !== undefined);
  assert.deepEqual(served.view.agentOf?.(exporter), {
    node: "node-1",
    release: "v2.0.0",
    source: "Pod",
    by: "address",
  });
});

Deno.test("a reload into a cluster that lacks something is refused, and changes nothing", async () => {
  await using server = await FakeApiServer.start();
  putPod(server, "a", "antrea/flow-aggregator:v2.0.0");
  await using served = await Served.start(server);
  await served.serving;
  await served.write(`listen: [${LISTEN.tls}]
collector: { transport: tcp, address: "127.0.0.1:9", profile: auto }
admin: { address: "127.0.0.1:0" }
kubernetes: { kubeconfig: kubeconfig }
`);
  const { applied, mistakes } = await served.service.reloader.reload("request");
  assert.equal(applied, false);
  assert.match(mistakes.join(), /kubernetes: it lacks ConfigMap flow-aggregator\/flow-aggregator-ca/);
  assert.deepEqual([served.view.ready, served.view.collector.profile], [true, "antrea/v2.0.0"]);
  for (const [path, object] of aggregatorObjectsOf(await makeAggregatorCertificates())) server.put(path, object);
  assert.deepEqual(await served.service.reloader.reload("request"), { applied: true, mistakes: [] });
  assert.equal(served.service.served.proxy.addresses()[0]?.transport, "tls");
});
