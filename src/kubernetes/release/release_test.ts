import assert from "node:assert/strict";
import { FakeApiServer } from "../../../test/support/kubernetes/kubernetes_api.ts";
import { hastyClock } from "../../../test/support/time/hasty_clock.ts";
import { until } from "../../../test/support/time/until.ts";
import type { ProxyEvent } from "../../proxy/reporting/proxy_event.ts";
import { KubernetesClient } from "../api/client.ts";
import { type Pod, pod } from "../api/objects.ts";
import { AgentDirectory, observationDomainOf } from "./agent_directory.ts";
import { AggregatorRelease, observedRelease } from "./aggregator_release.ts";
import { imageRelease } from "./image_release.ts";

const NAMESPACE = "flow-aggregator";
const PODS_PATH = `/api/v1/namespaces/${NAMESPACE}/pods`;
const FAST = hastyClock(1 / 50);

Deno.test("an image's tag names its release; latest, a digest, no tag and another tag say that they do not", () => {
  for (
    const [image, release] of [
      ["antrea/flow-aggregator:v2.0.0", "v2.0.0"],
      ["registry.example.com:5000/antrea/flow-aggregator:2.3.1", "v2.3.1"],
      ["antrea/flow-aggregator:v1.15.2@sha256:0123", "v1.15.2"],
      ["antrea/flow-aggregator:v1.11.1_vmware.4", "v1.11.1"],
    ] as const
  ) assert.deepEqual(imageRelease(image), { release });
  for (
    const [image, reason] of [
      ["antrea/flow-aggregator:latest", /has the tag "latest"/],
      ["antrea/flow-aggregator@sha256:0123", /is named by its digest alone/],
      ["localhost:5000/flow-aggregator", /has no tag/],
      ["antrea/flow-aggregator:v2.0", /has the tag "v2\.0"/],
      ["antrea/flow-aggregator:v2.0.0rc1", /has the tag/],
      ["", /has no tag/],
    ] as const
  ) {
    const found = imageRelease(image);
    assert.ok("reason" in found && reason.test(found.reason), `${image}: ${JSON.stringify(found)}`);
  }
});

function aggregatorPod(
  name: string,
  image: string,
  more: { createdAt?: string; ending?: boolean; phase?: string; process?: string } = {},
): Pod {
  return pod.parse({
    metadata: {
      name,
      labels: { app: "flow-aggregator" },
      creationTimestamp: more.createdAt ?? "2026-01-01T00:00:00Z",
      ...(more.ending ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: { containers: [{ name: "flow-aggregator", image }, { name: "other", image: "x:v9.9.9" }] },
    status: { phase: more.phase ?? "Running", ...statuses(more.process) },
  });
}

/** Of a Pod whose container runs as this process. */
function statuses(process: string | undefined): Record<string, unknown> {
  if (process === undefined) return {};
  const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
  return {
    containerStatuses: [{ name: "other", containerID: "x", state }, {
      name: "flow-aggregator",
      containerID: process,
      state,
    }],
  };
}

Deno.test("a process is sure to be the one that answers only while it runs alone", () => {
  const running = { release: "v1.15.2", process: "one 2026-01-01T00:00:00Z" };
  const old = aggregatorPod("a", "fa:v1.15.2", { process: "one" });
  assert.deepEqual(observedRelease([old], NAMESPACE), { release: "v1.15.2", running });
  const starting = aggregatorPod("b", "fa:v2.0.0", { createdAt: "2026-02-01T00:00:00Z" });
  assert.deepEqual(observedRelease([old, starting], NAMESPACE), { release: "v1.15.2", next: "v2.0.0", running });
  const young = aggregatorPod("b", "fa:v2.0.0", { createdAt: "2026-02-01T00:00:00Z", process: "two" });
  const ending = aggregatorPod("a", "fa:v1.15.2", { process: "one", ending: true });
  assert.deepEqual(observedRelease([ending, young], NAMESPACE), { release: "v2.0.0" });
  assert.equal(observedRelease([young], NAMESPACE).running?.release, "v2.0.0");
});

Deno.test("the oldest Pod that stays decides the current release, the newest the next; in a sidecar only its own Pod counts", () => {
  const old = aggregatorPod("a", "fa:v1.15.2");
  const young = aggregatorPod("b", "fa:v2.0.0", { createdAt: "2026-02-01T00:00:00Z" });
  assert.deepEqual(observedRelease([old], NAMESPACE), { release: "v1.15.2" });
  assert.deepEqual(observedRelease([young, old], NAMESPACE), { release: "v1.15.2", next: "v2.0.0" });
  assert.deepEqual(observedRelease([young, old], NAMESPACE, "b"), { release: "v2.0.0" });
  const ending = aggregatorPod("a", "fa:v1.15.2", { ending: true });
  assert.deepEqual(observedRelease([young, ending], NAMESPACE), { release: "v2.0.0" });
  assert.deepEqual(observedRelease([ending], NAMESPACE), { release: "v1.15.2" }, "as long as it is the only one");
  assert.deepEqual(observedRelease([aggregatorPod("c", "fa:v1.0.0", { phase: "Failed" }), young], NAMESPACE), {
    release: "v2.0.0",
  });
  assert.match(observedRelease([], NAMESPACE).reason ?? "", /no Pod with label app=flow-aggregator/);
  assert.match(observedRelease([aggregatorPod("a", "fa:latest")], NAMESPACE).reason ?? "", /has the tag "latest"/);
});

Deno.test("a change of the image is reported; a missing rule is named, and the last known release stays", async () => {
  await using server = await FakeApiServer.start();
  const events: ProxyEvent[] = [];
  using client = new KubernetesClient({ access: server.access(), clock: FAST });
  server.denies = () => true;
  await using release = new AggregatorRelease({
    client,
    clock: FAST,
    report: (event) => events.push(event),
    namespace: NAMESPACE,
  });
  const seen: (string | undefined)[] = [];
  release.onChange(({ release, next }) => seen.push(next === undefined ? release : `${release} then ${next}`));
  await until(
    "the missing rule is named",
    () => /missing RBAC rule: verb "list" on resource "pods"/.test(release.observed?.reason ?? ""),
  );
  server.denies = () => false;
  server.put(`${PODS_PATH}/a`, aggregatorPodObject("a", "fa:v1.15.2", "2026-01-01T00:00:00Z"));
  await until("it is watched", () => release.observed?.release === "v1.15.2" && server.watches === 1);
  server.put(`${PODS_PATH}/b`, aggregatorPodObject("b", "fa:v2.0.0", "2026-02-01T00:00:00Z"));
  await until("the next one is seen", () => release.observed?.next === "v2.0.0");
  server.put(`${PODS_PATH}/a`, undefined);
  await until("it is the one now", () => release.observed?.release === "v2.0.0");
  assert.deepEqual(seen.slice(-3), ["v1.15.2", "v1.15.2 then v2.0.0", "v2.0.0"]);
  assert.equal(events.filter(({ event }) => event === "release_seen").length, 3);
});

function aggregatorPodObject(name: string, image: string, creationTimestamp: string): Record<string, unknown> {
  return {
    metadata: { name, creationTimestamp, labels: { app: "flow-aggregator" } },
    spec: { containers: [{ name: "flow-aggregator", image }] },
  };
}

function putAgents(server: FakeApiServer): void {
  server.put("/api/v1/namespaces/kube-system/pods/antrea-agent-1", {
    metadata: { labels: { app: "antrea", component: "antrea-agent" } },
    spec: { nodeName: "node-1", containers: [{ name: "antrea-agent", image: "antrea/antrea-agent-ubuntu:v2.0.0" }] },
    status: { podIP: "10.0.0.1", hostIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] },
  });
  server.put("/apis/crd.antrea.io/v1beta1/antreaagentinfos/node-1", { version: "v1.15.1" });
  server.put("/apis/crd.antrea.io/v1beta1/antreaagentinfos/node-2", { version: "v1.15.1-1a2b3c4.clean" });
}

Deno.test("Agents are found by their Pod's address, certificate or observation domain", async () => {
  await using server = await FakeApiServer.start();
  putAgents(server);
  using client = new KubernetesClient({ access: server.access(), clock: FAST });
  await using agents = new AgentDirectory({ client, clock: FAST, report: () => {}, namespace: "kube-system" });
  await until("they are watched", () => server.watches === 1);
  const found = { node: "node-1", release: "v2.0.0", source: "Pod" };
  assert.deepEqual(agents.find({ address: "10.0.0.1" }), { ...found, by: "address" });
  assert.deepEqual(agents.find({ address: "fd00::1" }), { ...found, by: "address" });
  assert.deepEqual(agents.find({ address: "10.9.9.9", certificateName: "node-1" }), { ...found, by: "certificate" });
  const observationDomains = [1, observationDomainOf("node-1")];
  assert.deepEqual(agents.find({ certificateName: "x", observationDomains }), { ...found, by: "observationDomain" });
  assert.equal(agents.find({ address: "10.9.9.9" }), undefined);
  assert.deepEqual(agents.releases, { "v2.0.0": 1 });
});

Deno.test("where Pods may not be listed, AntreaAgentInfos say the release", async () => {
  await using server = await FakeApiServer.start();
  putAgents(server);
  server.denies = ({ resource }) => resource === "pods";
  const events: ProxyEvent[] = [];
  using client = new KubernetesClient({ access: server.access(), clock: FAST });
  const report = (event: ProxyEvent) => events.push(event);
  await using agents = new AgentDirectory({ client, clock: FAST, report, namespace: "kube-system" });
  await until("they are watched", () => server.watches === 1);
  assert.deepEqual(agents.find({ certificateName: "node-2" }), {
    node: "node-2",
    release: "v1.15.1",
    source: "AntreaAgentInfo",
    by: "certificate",
  });
  assert.deepEqual(events.map(({ level, event }) => [level, event]), [["warning", "agents_unknown"]]);
  assert.deepEqual(agents.problems, [], "there was another way");
});

Deno.test("an observation domain is FNV-1 of the node's name", () => {
  // http://www.isthe.com/chongo/src/fnv/test_fnv.c: test vectors of 32-bit FNV-1.
  assert.equal(observationDomainOf(""), 0x811c9dc5);
  assert.equal(observationDomainOf("a"), 0x050c5d7e);
  assert.equal(observationDomainOf("foobar"), 0x31f0b262);
});
