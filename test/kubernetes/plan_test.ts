/** `plan --check` at a real API server, with objects as upstream and the overlays make them. */
import assert from "node:assert/strict";
import { runCommand } from "../support/processes/run_command.ts";
import { kustomize } from "./overlays/kustomize.ts";
import { UPSTREAM } from "./overlays/upstream.ts";
import { ApiServer } from "./tools/api_server.ts";
import { until } from "../support/time/until.ts";
import { kubernetesTest } from "./tools/kubernetes_test_case.ts";

/** As much of Antrea as a plan looks at. */
const AGENT_INFOS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "antreaagentinfos.crd.antrea.io" },
  spec: {
    group: "crd.antrea.io",
    scope: "Cluster",
    names: { plural: "antreaagentinfos", singular: "antreaagentinfo", kind: "AntreaAgentInfo" },
    versions: [{
      name: "v1beta1",
      served: true,
      storage: true,
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    }],
  },
};

function agentInfo(name: string, version: string) {
  return { apiVersion: "crd.antrea.io/v1beta1", kind: "AntreaAgentInfo", metadata: { name }, version };
}

kubernetesTest("plan --check reads a cluster: before, on the way, and scaled where it must not be", async () => {
  await using server = await ApiServer.start({ users: ["nobody"] });
  const check = async (token = server.adminToken) => {
    const kubeconfig = `${server.folder}/plan.kubeconfig`;
    await Deno.writeTextFile(kubeconfig, server.kubeconfig(token));
    const { status, text, stderr } = await runCommand("plan", [
      ...["--from", "v1.15", "--to", "v2.0", "--check", "--kubeconfig", kubeconfig],
    ]);
    return { status, stderr, wrong: text.split("\n").filter((line) => line.startsWith("NOT")) };
  };
  const { text = "" } = UPSTREAM.find(({ release }) => release === "v1.15.2") ?? {};
  const manifest = text.replaceAll("antrea/flow-aggregator:latest", "antrea/flow-aggregator:v1.15.2");
  await server.apply(manifest, AGENT_INFOS);
  await until(
    "the custom resource is known",
    () => server.apply(agentInfo("node-1", "v1.15.2")).then(() => true, () => false),
  );
  await server.apply(agentInfo("node-2", "v2.0.1"));
  assert.deepEqual(await check(), { status: 0, stderr: "", wrong: [] });

  await server.apply(await kustomize(manifest, ["gateway", "redirect-gateway"]));
  assert.deepEqual(await check(), { status: 0, stderr: "", wrong: [] });
  await server.kubectl(["-n", "flow-aggregator", "scale", "deployment/ipfix-skew-proxy", "--replicas=2"]);
  const { status, wrong } = await check();
  assert.equal(status, 1);
  assert.equal(wrong.length, 1);
  assert.match(wrong[0] ?? "", /there are 2 gateways/);

  const denied = await check("nobody");
  assert.deepEqual([denied.status, denied.wrong], [1, []]);
  assert.match(denied.stderr, /missing RBAC rule: verb "(?:get|list)" on resource/);
});
