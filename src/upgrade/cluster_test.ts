import assert from "node:assert/strict";
import {
  aggregatorObjectsOf,
  BUNDLE_PATH,
  makeAggregatorCertificates,
} from "../../test/support/kubernetes/aggregator_trust.ts";
import { FakeApiServer } from "../../test/support/kubernetes/kubernetes_api.ts";
import { KubernetesClient } from "../kubernetes/api/client.ts";
import { CertificateAuthority } from "../kubernetes/trust/certificate_authority.ts";
import { SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import { type ClusterState, readCluster } from "./cluster.ts";

async function read(server: FakeApiServer): Promise<ClusterState> {
  using client = new KubernetesClient({ access: server.access(), clock: SYSTEM_CLOCK });
  return await readCluster(client);
}

const AGENTS = "/apis/apps/v1/namespaces/kube-system/daemonsets/antrea-agent";

function agents(configuration: string): Record<string, unknown> {
  const volumes = [{ name: "antrea-config", configMap: { name: configuration } }, { name: "host-var-run-antrea" }];
  return { spec: { template: { metadata: {}, spec: { containers: [{ name: "antrea-agent" }], volumes } } } };
}

Deno.test("the Agents' configuration is the one that they mount, whatever hash its name carries", async () => {
  await using server = await FakeApiServer.start();
  const put = (name: string, address: string) =>
    server.put(`/api/v1/namespaces/kube-system/configmaps/${name}`, {
      data: { "antrea-agent.conf": `flowCollectorAddr: "${address}"\n` },
    });
  put("antrea-config", "without.hash:4739");
  assert.equal((await read(server)).flowCollectorAddress, "without.hash:4739");
  // What an upgrade has left behind.
  put("antrea-config-5ct9ktdt77", "old:4739:tcp");
  put("antrea-config-f2h7h4hhf6", "new:4739:tls");
  server.put(AGENTS, agents("antrea-config-f2h7h4hhf6"));
  assert.equal((await read(server)).flowCollectorAddress, "new:4739:tls");
});

Deno.test("CAs of proxies in the bundle are read with whether their Pods are there", async () => {
  await using server = await FakeApiServer.start();
  const [certificates, here, gone] = await Promise.all([
    makeAggregatorCertificates(),
    CertificateAuthority.create("proxy-here", new Date()),
    CertificateAuthority.create("proxy-gone", new Date()),
  ]);
  for (const [path, object] of aggregatorObjectsOf(certificates)) server.put(path, object);
  assert.deepEqual((await read(server)).proxyAuthorities, []);
  assert.ok(server.calls.every(({ resource }) => resource !== "pods"), "no right is needed for what is not there");
  const bundle = [certificates.ca.certificate, here.pair.certificate, gone.pair.certificate].join("\n");
  server.put(BUNDLE_PATH, { data: { "ca.crt": bundle } });
  server.put("/api/v1/namespaces/flow-aggregator/pods/proxy-here", { spec: {} });
  assert.deepEqual((await read(server)).proxyAuthorities, [
    { name: "proxy-here", hasPod: true },
    { name: "proxy-gone", hasPod: false },
  ]);
});

Deno.test("a cluster that does not know AntreaAgentInfos is read all the same: no Agent says its release", async () => {
  await using server = await FakeApiServer.start();
  server.knows = (resource) => resource !== "antreaagentinfos";
  assert.equal((await read(server)).agents.size, 0);
});
