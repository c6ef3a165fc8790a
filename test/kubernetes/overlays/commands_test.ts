/** The README's own commands at a real API server: upstream, the overlay, upstream again. */
import assert from "node:assert/strict";
import { Checkout } from "../runbook/checkout.ts";
import { savedObjects } from "../runbook/saved_objects.ts";
import { ApiServer } from "../tools/api_server.ts";
import { until } from "../../support/time/until.ts";
import { kubernetesTest } from "../tools/kubernetes_test_case.ts";
import { at } from "./objects.ts";
import { readmeCommands as commands } from "./readme_commands.ts";
import { UPSTREAM } from "./upstream.ts";

const CONFIG = new URL("../../../config/", import.meta.url);
const AGGREGATOR = "Deployment flow-aggregator";
const RESTORE = "kubectl -n flow-aggregator patch service flow-aggregator --type=json " +
  "--patch-file=config/kubernetes/restore/service.yaml";

Deno.test("every command of the READMEs that applies does so on the server's side", async () => {
  for await (const { name, isDirectory } of Deno.readDir(new URL("kubernetes/", CONFIG))) {
    if (!isDirectory && name !== "README.md") continue;
    const path = `kubernetes/${isDirectory ? `${name}/README.md` : name}`;
    const text = await Deno.readTextFile(new URL(path, CONFIG)).catch(() => "");
    for (const line of text.split("\n")) {
      if (line.includes("kubectl apply")) assert.match(line, /--server-side --force-conflicts/, `${path}: ${line}`);
    }
  }
});

for (const { release, text } of UPSTREAM.filter(({ release }) => ["v1.15.2", "v2.3.2", "v2.7.0"].includes(release))) {
  kubernetesTest(`in and out of a real API server by the README's commands, Flow Aggregator ${release}`, async () => {
    await using server = await ApiServer.start();
    await using folder = await Checkout.make({ "flow-aggregator.yml": text });
    const run = async (lines: readonly string[]) => {
      // Nobody makes any Pods here.
      for (const line of lines) if (!line.includes("rollout status")) await folder.run(line, server);
    };
    const ways = async () => {
      const service: unknown = JSON.parse(
        await server.kubectl(["-n", "flow-aggregator", "get", "service", "flow-aggregator", "-o", "json"]),
      );
      const ports = Array.from(Object(at(service, "spec.ports")));
      return {
        app: at(service, "spec.selector.app"),
        ...Object.fromEntries(ports.map((port) => [at(port, "name"), at(port, "targetPort")])),
      };
    };
    // As Antrea's documentation has it: a client-side apply.
    await server.kubectl(["apply", "-f", `${folder.path}/flow-aggregator.yml`]);
    const before = await savedObjects(server);
    const original = await ways();
    const readme = await Deno.readTextFile(`${folder.path}/config/kubernetes/README.md`);

    await run(commands(readme, "In, with a sidecar"));
    assert.deepEqual(await ways(), { ...original, "ipfix-tcp": "ipfix-proxy" });
    const pod = "{.spec.template.spec.initContainers[*].name}";
    assert.equal(
      await server.kubectl(["-n", "flow-aggregator", "get", "deployment", "flow-aggregator", "-o", `jsonpath=${pod}`]),
      "ipfix-skew-proxy",
    );
    await run(commands(readme, "Out, with a sidecar"));
    assert.deepEqual(await savedObjects(server), before);

    await folder.resetOverlay();
    await run(commands(readme, "In, with a gateway"));
    const turned = { "ipfix-tcp": "ipfix-proxy", "ipfix-udp": "ipfix-proxy-udp", app: "ipfix-skew-proxy" };
    assert.deepEqual(await ways(), { ...original, ...turned, grpc: "grpc" });
    assert.equal(
      (await savedObjects(server)).get(AGGREGATOR),
      before.get(AGGREGATOR),
      "a gateway restarts no Aggregator",
    );
    // In haste: IPFIX by number, gRPC by its name, which an Aggregator up to v2.3 has not.
    await run([RESTORE]);
    const numbers = { "ipfix-tcp": 4739, "ipfix-udp": 4739 };
    assert.deepEqual(await ways(), { ...original, ...numbers, grpc: "grpc" });
    await run(commands(readme, "Out, with a gateway"));
    assert.deepEqual(await savedObjects(server), before);
    if (release >= "v2.4") return;
    // Where the Service was patched for want of an overlay, it is patched back.
    await run([RESTORE.replace("restore/service", "redirect-gateway/service"), RESTORE]);
    await run([RESTORE.replace("service.yaml", "without-grpc.yaml")]);
    assert.deepEqual(await savedObjects(server), before);
    await run([RESTORE.replace("restore/service", "redirect-udp/service"), RESTORE]);
    assert.deepEqual(await savedObjects(server), before, "the affinity has gone as well");
  });
}

/** As much of the Prometheus Operator as takes its objects. */
function customResource(plural: string, kind: string) {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: "monitoring.coreos.com",
      scope: "Namespaced",
      names: { plural, singular: kind.toLowerCase(), kind },
      versions: [{
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      }],
    },
  };
}

kubernetesTest("redirect-grpc and monitoring by the READMEs' commands: in, and out again", async () => {
  const { text = "" } = UPSTREAM.find(({ release }) => release === "v2.3.2") ?? {};
  await using server = await ApiServer.start();
  await using folder = await Checkout.make({ "flow-aggregator.yml": text });
  const run = async (lines: readonly string[]) => {
    for (const line of lines) if (!line.includes("rollout status")) await folder.run(line, server);
  };
  const monitors = "podmonitor,prometheusrule,configmap -l app.kubernetes.io/part-of=ipfix-skew-proxy".split(" ");
  const found = async () =>
    (await server.kubectl(["-n", "flow-aggregator", "get", ...monitors, "-o", "name"])).trim().split("\n");
  await server.apply(customResource("podmonitors", "PodMonitor"), customResource("prometheusrules", "PrometheusRule"));
  await server.kubectl(["apply", "-f", `${folder.path}/flow-aggregator.yml`]);
  const before = await savedObjects(server);
  const readme = await Deno.readTextFile(`${folder.path}/config/kubernetes/README.md`);
  const overlay = "config/kubernetes/upgrade/kustomization.yaml";
  await run([`sed -i 's|# - ../monitoring|- ../monitoring|' ${overlay}`]);
  await until("the custom resources are there", () => found().then(() => true, () => false));
  // In place of redirect.
  await run(
    commands(readme, "In, with a sidecar").map((line) => line.replace("|- ../redirect |", "|- ../redirect-grpc |")),
  );
  const ports = await server.kubectl(
    [
      "-n",
      "flow-aggregator",
      "get",
      "service",
      "flow-aggregator",
      "-o",
      "jsonpath={range .spec.ports[*]}{.port}={.targetPort} {end}",
    ],
  );
  assert.equal(ports.trim(), "4739=4739 4739=ipfix-proxy 14739=grpc-proxy");
  const names = await found();
  for (const kind of ["podmonitor.monitoring.coreos.com/", "prometheusrule.monitoring.coreos.com/", "configmap/"]) {
    assert.ok(names.some((name) => name.startsWith(kind)), `${kind}: ${names}`);
  }
  await run(commands(readme, "Out, with a sidecar"));
  const [, out = ""] = /Out:\s+`([^`]+)`/.exec(
    await Deno.readTextFile(`${folder.path}/config/kubernetes/monitoring/README.md`),
  ) ?? [];
  await run([out]);
  assert.deepEqual(await savedObjects(server), before);
  assert.deepEqual(await found(), [""]);
});
