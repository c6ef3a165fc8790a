import assert from "node:assert/strict";
import { parse } from "@std/yaml";
import { at } from "./objects.ts";

const CONFIG = new URL("../../../config/", import.meta.url);

async function read(path: string): Promise<unknown> {
  return parse(await Deno.readTextFile(new URL(path, CONFIG)));
}

Deno.test("the PrometheusRule has the rules of config/prometheus/alerts.yaml", async () => {
  const groups = at(await read("prometheus/alerts.yaml"), "groups");
  assert.ok(Array.isArray(groups) && groups.length > 0);
  const rule = await read("kubernetes/monitoring/prometheus-rule.yaml");
  assert.deepEqual(at(rule, "spec.groups"), groups, "put the groups of alerts.yaml under spec of prometheus-rule.yaml");
});

Deno.test("the gateway's container is the sidecar's, but for what only a sidecar has", async () => {
  const patch = await read("kubernetes/sidecar/container.yaml");
  const gateway = await read("kubernetes/gateway/deployment.yaml");
  const { restartPolicy, lifecycle, ...sidecar } = Object(at(patch, "1.value.0"));
  assert.equal(restartPolicy, "Always");
  assert.ok(lifecycle);
  // In a sidecar's Pod the Aggregator's port has the name already.
  for (const port of sidecar.ports) if (port.name === "grpc-proxy") port.name = "grpc";
  assert.deepEqual(at(gateway, "spec.template.spec.containers.0"), sidecar);
});
