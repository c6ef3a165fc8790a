/** `serve` in a process of its own, whose API server is away: log, status and page say so, and the last good trust stays in force. */
import assert from "node:assert/strict";
import { aggregatorObjectsOf, makeAggregatorCertificates } from "../support/kubernetes/aggregator_trust.ts";
import { FakeApiServer } from "../support/kubernetes/kubernetes_api.ts";
import { ApiGate } from "./api_gate.ts";
import { aggregatorPod, ClusterProxy } from "./cluster_proxy.ts";
import { isLetIn, waitUntilSaid } from "./said.ts";

const [OURS, THEIRS] = await Promise.all([makeAggregatorCertificates(), makeAggregatorCertificates()]);
/** An Agent of this Aggregator, one of another, one without a certificate. */
const AGENTS = [OURS.client, THEIRS.client, undefined];
const GOOD = [true, false, false];
const NOBODY = [false, false, false];

interface Fault {
  readonly what: string;
  readonly begin: (gate: ApiGate, server: FakeApiServer) => void;
  readonly words: RegExp;
  /** Whether the proxy finds trust all the same. */
  readonly isHarmless?: boolean;
}

const FAULTS: readonly Fault[] = [
  {
    what: "refuses connections",
    begin: (gate) => gate.refuse(),
    words: /the API server gives no answer: .*refused/i,
  },
  {
    what: "takes connections and says nothing",
    begin: (gate) => gate.silence(),
    words: /the API server gives no answer: .*time ?out/i,
  },
  {
    what: "answers 500",
    begin: (gate, server) => {
      server.fails = () => true;
      gate.cut();
    },
    words: /list ConfigMap flow-aggregator\/flow-aggregator-ca: the API server answers 500: etcd is away/,
  },
  {
    what: "drops every watch in the middle",
    begin: (gate, server) => {
      server.before = ({ verb }) => {
        if (verb === "watch") setTimeout(() => gate.cut(), 50);
      };
      gate.cut();
    },
    words: /watch ConfigMap flow-aggregator\/flow-aggregator-ca: the API server gives no answer/,
    isHarmless: true,
  },
];

async function startServer() {
  const server = await FakeApiServer.start();
  const { metadata, ...rest } = aggregatorPod("flow-aggregator-1", "antrea/flow-aggregator:v1.15.2");
  server.put("/api/v1/namespaces/flow-aggregator/pods/flow-aggregator-1", {
    ...rest,
    metadata: { ...Object(metadata), creationTimestamp: "2026-01-01T00:00:00Z" },
  });
  for (const [path, object] of aggregatorObjectsOf(OURS)) server.put(path, object);
  const gate = new ApiGate(Number(new URL(server.url).port));
  const throughGate = { kubeconfig: () => server.kubeconfig().replace(server.url, `https://127.0.0.1:${gate.port}`) };
  return { server, gate, start: () => ClusterProxy.start(throughGate, { token: "good", collectorPort: 9 }) };
}

function repair(gate: ApiGate, server: FakeApiServer): void {
  server.fails = () => false;
  server.before = () => {};
  gate.open();
}

const letsIn = ({ port }: ClusterProxy) => Promise.all(AGENTS.map((each) => isLetIn(port, each)));
const logOf = ({ process }: ClusterProxy, since = 0) => () =>
  process.stderr.slice(since).join("\n").replaceAll('\\"', '"');

Deno.test("an API server that goes away is in log, status and page, and takes no trust with it", async () => {
  const { server, gate, start } = await startServer();
  await using _server = server;
  await using _gate = gate;
  await using proxy = await start();
  const ready = async () => (await proxy.get("/ready")).status === 200;
  await proxy.until("it is ready", ready);
  assert.deepEqual(await letsIn(proxy), GOOD);
  for (const { what, begin, words } of FAULTS) {
    try {
      const since = proxy.process.stderr.length;
      begin(gate, server);
      await waitUntilSaid(words, proxy.admin, logOf(proxy, since));
      assert.deepEqual(await letsIn(proxy), GOOD);
      assert.equal(await ready(), true);
      repair(gate, server);
      await proxy.until("nothing is wrong", async () => (await proxy.status()).cluster.problems.length === 0);
      assert.deepEqual(await letsIn(proxy), GOOD);
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }
  assert.ok(!logOf(proxy)().includes("PRIVATE KEY"));
});

for (const { what, begin, words } of FAULTS.filter(({ isHarmless }) => isHarmless !== true)) {
  Deno.test(`a proxy that starts while the API server ${what} says so, lets nobody in, and serves once it is there`, async () => {
    const { server, gate, start } = await startServer();
    await using _server = server;
    await using _gate = gate;
    begin(gate, server);
    await using proxy = await start();
    await waitUntilSaid(
      new RegExp(words.source.replace("ConfigMap flow-aggregator\\/flow-aggregator-ca", "Pod.*"), "i"),
      proxy.admin,
      logOf(proxy),
    );
    assert.match((await proxy.get("/ready")).text, /^not ready: waiting for the API server: list Pods in/);
    await proxy.until(
      "the collector's state names the API server too",
      async () =>
        /^there is no trust yet: waiting for the API server: list Pods in/.test(
          (await proxy.status()).collector.reason,
        ),
    );
    assert.equal((await proxy.get("/ready")).status, 503);
    assert.deepEqual(await letsIn(proxy), NOBODY);
    repair(gate, server);
    await proxy.until("it is ready", async () => (await proxy.get("/ready")).status === 200);
    assert.deepEqual(await letsIn(proxy), GOOD);
  });
}

Deno.test("behind connections to the API server that hang, a new Aggregator is taken up within half a minute", async () => {
  const { server, gate, start } = await startServer();
  await using _server = server;
  await using _gate = gate;
  await using proxy = await start();
  await proxy.until("it is ready", async () => (await proxy.get("/ready")).status === 200);
  gate.hang();
  for (const [path, object] of aggregatorObjectsOf(THEIRS)) server.put(path, object);
  // Twice that, on a machine that is busy.
  await proxy.until("the new Aggregator's Agents are let in", () => isLetIn(proxy.port, THEIRS.client), 60_000);
  await proxy.until("nothing is wrong", async () => (await proxy.status()).cluster.problems.length === 0);
});
