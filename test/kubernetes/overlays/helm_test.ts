/**
 * The README's lines for Helm, with the real Helm 3 and Helm 4, at a real API server: in as a post-renderer, and out
 * again.
 */
import assert from "node:assert/strict";
import { Checkout } from "../runbook/checkout.ts";
import { savedObjects } from "../runbook/saved_objects.ts";
import { ApiServer } from "../tools/api_server.ts";
import { buildHelm, HELM_MAJORS } from "../tools/helm_tools.ts";
import { kubernetesTest } from "../tools/kubernetes_test_case.ts";
import { readmeCommands } from "./readme_commands.ts";
import { UPSTREAM } from "./upstream.ts";

/** Where the chart's folder is, the README's name of it in a repository is a path. */
const CHART = "antrea/flow-aggregator";

/** A chart of what upstream publishes. The namespace is the operator's own. */
function chart(manifest: string): Record<string, string> {
  const objects = manifest.split(/^---$/m).filter((each) => !/^kind: Namespace$/m.test(each));
  return {
    [`${CHART}/Chart.yaml`]: "{ apiVersion: v2, name: flow-aggregator, version: 0.0.0 }\n",
    [`${CHART}/templates/all.yaml`]: objects.join("---"),
  };
}

/** All objects but those in which Helm keeps its releases. */
async function objects(server: ApiServer): Promise<Map<string, string>> {
  const all = [...await savedObjects(server)];
  return new Map(all.filter(([name]) => !name.startsWith("Secret sh.helm.release.")));
}

for (const major of HELM_MAJORS) {
  for (const { release, text } of UPSTREAM.filter(({ release }) => ["v2.3.2", "v2.7.0"].includes(release))) {
    kubernetesTest(`Helm ${major} puts the sidecar in and takes it out, Flow Aggregator ${release}`, async () => {
      await using server = await ApiServer.start();
      await using folder = await Checkout.make(chart(text));
      const programs = `${folder.path}/programs`;
      await Deno.mkdir(programs);
      await Deno.symlink(await buildHelm(major), `${programs}/helm`);
      const run = async (...lines: readonly string[]) => {
        // Nobody makes any Pods here.
        for (const line of lines) if (!line.includes("rollout status")) await folder.run(line, server, programs);
      };
      const read = (kind: string, path: string) =>
        server.kubectl(["-n", "flow-aggregator", "get", kind, "flow-aggregator", "-o", `jsonpath={${path}}`]);
      const readme = await Deno.readTextFile(`${folder.path}/config/kubernetes/README.md`);
      await run(`helm install flow-aggregator ${CHART} -n flow-aggregator --create-namespace`);
      const before = await objects(server);

      await run(...readmeCommands(readme, `In, with Helm ${major}`));
      assert.equal(await read("deployment", ".spec.template.spec.initContainers[*].name"), "ipfix-skew-proxy");
      assert.equal(await read("service", ".spec.ports[1].targetPort"), "ipfix-proxy");

      const named = release >= "v2.4" ? "restore/by-name.yaml" : "restore/service.yaml";
      const out = readmeCommands(readme, `Out, with Helm ${major}`);
      await run(...out.map((line) => line.replace("restore/service.yaml", named)));
      assert.deepEqual(await objects(server), before);
    });
  }
}
