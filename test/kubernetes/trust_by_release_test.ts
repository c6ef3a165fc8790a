/**
 * The way of trust of each release with real parts: in, verified by the bundle that Agents read, an Aggregator's
 * restart, out.
 */
import assert from "node:assert/strict";
import { trustModeOf } from "../../src/kubernetes/trust/trust_mode.ts";
import { NAMESPACE } from "../support/kubernetes/aggregator_trust.ts";
import { freePort } from "../support/free_port.ts";
import {
  Agent,
  Aggregator,
  ClusterProxy,
  count,
  delivered,
  readBundle,
  serviceAccountToken,
  startCluster,
} from "./cluster_proxy.ts";
import { savedObjects } from "./runbook/saved_objects.ts";
import type { ApiServer } from "./tools/api_server.ts";
import { kubernetesTest } from "./tools/kubernetes_test_case.ts";

const RELEASES = ["v1.5.3", "v1.13.4", "v1.15.2", "v2.0.0", "v2.3.2", "v2.5.3", "v2.7.0"];
/** What an Aggregator's start makes. */
const WRITTEN = ["configmap/flow-aggregator-ca", "secret/flow-aggregator-client-tls", "secret/flow-aggregator-ca-tls"];
/** It is two seconds where the machine is free; one that runs all tests at once is given more. */
const TAKEN_UP_MILLISECONDS = 6_000;

/** @returns milliseconds from an Aggregator's new objects to new trust */
async function walk(server: ApiServer, token: string, release: string): Promise<number> {
  const port = freePort();
  const mode = trustModeOf(release);
  // Exporters of v1.5 verify the name that they dial, which takes DNS: a later one stands in.
  const exporter = release === "v1.5.3" ? "v1.15.2" : release;
  const certificates = mode === "append-ca" ? 2 : 1;
  let aggregator = await Aggregator.start(server, release, port);
  try {
    const before = [...(await savedObjects(server)).keys()];
    await using proxy = await ClusterProxy.start(server, {
      token,
      collectorPort: port,
      kubernetes: ["restoreOnDrain: true"],
    });
    await proxy.until("it is ready", async () => (await proxy.get("/ready")).status === 200);
    await proxy.until("the bundle is as the mode has it", async () => count(await readBundle(server)) === certificates);
    const { cluster, collector } = await proxy.status();
    assert.deepEqual([cluster.trust.mode, collector.profile], [mode, `antrea/${release}`]);
    await using agent = await Agent.connect(server, exporter, proxy.port);
    await agent.send();
    await proxy.until("a record", () => delivered(aggregator) === 1);

    await aggregator[Symbol.asyncDispose]();
    aggregator = await Aggregator.start(server, release, port);
    const event = mode === "append-ca" ? "ca_appended" : "trust_changed";
    const logged = () => proxy.lastLogged(event) ?? -Infinity;
    await proxy.until(`${event} is logged`, () => logged() >= aggregator.beganAt);
    const took = logged() - aggregator.wroteAt;
    assert.ok(took < TAKEN_UP_MILLISECONDS, `${event}: ${took} ms`);
    await proxy.until("the bundle is whole again", async () => count(await readBundle(server)) === certificates);
    assert.ok((await readBundle(server)).startsWith(aggregator.certificates.ca.certificate));
    await using renewed = await Agent.connect(server, exporter, proxy.port);
    for (const each of [agent, renewed]) await each.send();
    await proxy.until("records of a session that stood and of a new one", () => delivered(aggregator) === 2);

    for (const each of [agent, renewed]) await each.exporter.close();
    await proxy.end();
    assert.equal(await readBundle(server), aggregator.certificates.ca.certificate);
    assert.deepEqual([...(await savedObjects(server)).keys()], before);
    return took;
  } finally {
    await aggregator[Symbol.asyncDispose]();
    await server.kubectl(["-n", NAMESPACE, "delete", ...WRITTEN, "--ignore-not-found"]);
  }
}

kubernetesTest("each release's trust: in, an Aggregator that restarts with another CA, and out", async () => {
  await using server = await startCluster();
  const token = await serviceAccountToken(server, "ipfix-skew-proxy");
  for (const release of RELEASES) {
    const took = await walk(server, token, release).catch((error) => {
      throw new Error(release, { cause: error });
    });
    // deno-lint-ignore no-console -- the figures of this walk
    console.log(`${release} ${trustModeOf(release)}: new trust ${took} ms after the Aggregator's`);
  }
});
