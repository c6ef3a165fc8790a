/**
 * Trust and releases with real parts: kube-apiserver, the roles of config/kubernetes, go-ipfix as Aggregator and
 * Agents, `serve`.
 */
import assert from "node:assert/strict";
import { line, templateOf } from "../interop/peers/releases.ts";
import { freePort } from "../support/free_port.ts";
import { Authority } from "../support/certificates.ts";
import { NAMESPACE } from "../support/kubernetes/aggregator_trust.ts";
import { runCommand } from "../support/processes/run_command.ts";
import {
  Agent,
  Aggregator,
  ClusterProxy,
  count,
  delivered,
  lastTemplate,
  readBundle,
  serviceAccountToken,
  startCluster,
} from "./cluster_proxy.ts";
import { kubernetesTest } from "./tools/kubernetes_test_case.ts";

const ACCOUNT = "ipfix-skew-proxy";
kubernetesTest("in before a v1.15 Aggregator, through its restart and its upgrade to v2.6, and out again", async () => {
  await using server = await startCluster();
  const port = freePort();
  const token = await serviceAccountToken(server, ACCOUNT);
  /**
   * What a new Aggregator has written is taken up within two seconds; a machine that runs all tests at once is given
   * more.
   */
  const takenUp = async (event: string, { beganAt, wroteAt }: Aggregator, isSo: () => Promise<boolean>) => {
    await proxy.until(event, isSo);
    // Its log is a stream of its own: a line may arrive after the state that it tells of.
    const logged = () => proxy.lastLogged(event) ?? -Infinity;
    await proxy.until(`${event} is logged`, () => logged() >= beganAt);
    const took = logged() - wroteAt;
    assert.ok(took < 6_000, `${event}: ${took} ms`);
  };
  const ready = async () => (await proxy.get("/ready")).status === 200;
  const bundleOf = (certificates: number) => async () => count(await readBundle(server)) === certificates;

  // A sidecar starts before its Aggregator.
  await using proxy = await ClusterProxy.start(server, { token, collectorPort: port });
  await proxy.until("it says what for", async () => /Pod with label/.test((await proxy.get("/ready")).text));
  assert.equal((await proxy.get("/live")).status, 200);
  assert.equal(await ready(), false);
  assert.match((await proxy.status()).cluster.waitingFor, /the Aggregator's release: there is no Pod with label/);

  let aggregator = await Aggregator.start(server, "v1.15.2", port);
  await takenUp("started", aggregator, ready);
  const first = aggregator.certificates.ca.certificate;
  const status = await proxy.status();
  assert.deepEqual([status.cluster.trust.mode, status.collector.profile], ["append-ca", "antrea/v1.15.2"]);
  assert.ok((await readBundle(server)).startsWith(first));
  assert.equal(await bundleOf(2)(), true);

  // Agents first: an Agent of v2.0 sends more than the Aggregator knows.
  await using old = await Agent.connect(server, "v1.15.2", proxy.port);
  await using young = await Agent.connect(server, "v2.0.0", proxy.port);
  for (const agent of [old, young]) await agent.send();
  await proxy.until("two records", () => delivered(aggregator) === 2);
  assert.deepEqual(lastTemplate(aggregator), [...templateOf(line("v1.15.2"), "ipv4")]);

  // It restarts: another CA, another Secret, the bundle without the proxy's CA.
  await aggregator[Symbol.asyncDispose]();
  aggregator = await Aggregator.start(server, "v1.15.2", port);
  await takenUp("ca_appended", aggregator, bundleOf(2));
  assert.ok(!(await readBundle(server)).includes(first.trim()));
  await using renewed = await Agent.connect(server, "v2.0.0", proxy.port);
  for (const agent of [old, young, renewed]) await agent.send();
  await proxy.until("sessions that stood go on, a new one is let in", () => delivered(aggregator) === 3);

  // It is upgraded: its CA is in a Secret now, and it takes back what is appended.
  await aggregator[Symbol.asyncDispose]();
  aggregator = await Aggregator.start(server, "v2.6.3", port);
  await takenUp("config_reloaded", aggregator, async () => {
    const { cluster, collector } = await proxy.status();
    return cluster.trust.mode === "mint" && collector.profile === "antrea/v2.6.3";
  });
  await aggregator.takeBackBundle();
  await using minted = await Agent.connect(server, "v2.0.0", proxy.port);
  assert.equal(await bundleOf(1)(), true);
  for (const agent of [young, minted]) await agent.send();
  await proxy.until("records for the new release", () => delivered(aggregator) === 2);
  assert.deepEqual(lastTemplate(aggregator), [...templateOf(line("v2.6.3"), "ipv4")]);

  // Out.
  for (const agent of [old, young, renewed, minted]) await agent.exporter.close();
  await proxy.end();
  await aggregator[Symbol.asyncDispose]();
  const restored = await runCommand("restore", ["--config", `${proxy.folder}/proxy.yaml`]);
  assert.deepEqual([restored.status, restored.stderr], [0, ""]);
  assert.equal(await readBundle(server), aggregator.certificates.ca.certificate);
  assert.deepEqual(proxy.process.stderr.filter((each) => each.includes("PRIVATE KEY")), []);
});

kubernetesTest("restore and restoreOnDrain take out what is the proxies' own, whatever else has changed", async () => {
  await using server = await startCluster();
  const port = freePort();
  const token = await serviceAccountToken(server, ACCOUNT);
  await using aggregator = await Aggregator.start(server, "v2.0.0", port);
  const start = (kubernetes: readonly string[] = []) =>
    ClusterProxy.start(server, { token, collectorPort: port, kubernetes });
  const appended = (certificates: number) => async () => count(await readBundle(server)) === certificates;

  await using drained = await start(["restoreOnDrain: true"]);
  await drained.until("its CA is in", appended(2));
  await drained.end();
  assert.equal(await readBundle(server), aggregator.certificates.ca.certificate);

  await using left = await start();
  await left.until("its CA is in", appended(2));
  await left.process.kill();
  // Somebody else adds a CA of theirs behind it.
  const { pem } = await Authority.create("theirs");
  const bundle = `${await readBundle(server)}${pem}\n`;
  await server.kubectl(
    [
      "-n",
      NAMESPACE,
      "patch",
      "configmap",
      "flow-aggregator-ca",
      "--type=merge",
      "-p",
      JSON.stringify({
        data: { "ca.crt": bundle, note: "kept" },
      }),
    ],
  );
  const restored = await runCommand("restore", ["--config", `${left.folder}/proxy.yaml`]);
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(
    restored.text,
    /ConfigMap flow-aggregator\/flow-aggregator-ca: removed the CA of proxy ipfix-skew-proxy/,
  );
  assert.equal(await readBundle(server), `${aggregator.certificates.ca.certificate}${pem}\n`);
  const again = await runCommand("restore", ["--config", `${left.folder}/proxy.yaml`]);
  assert.deepEqual([again.status, again.text], [
    0,
    "nothing to remove: the proxy has left nothing in namespace flow-aggregator\n",
  ]);
});
