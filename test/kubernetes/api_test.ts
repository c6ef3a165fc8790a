/** The client, against a real API server. */
import assert from "node:assert/strict";
import { AccessDenied, isConflict } from "../../src/kubernetes/api/api_error.ts";
import { KubernetesClient } from "../../src/kubernetes/api/client.ts";
import { follow } from "../../src/kubernetes/api/follow.ts";
import { KubeconfigAccess } from "../../src/kubernetes/api/kubeconfig.ts";
import { type ConfigMap, configMap } from "../../src/kubernetes/api/objects.ts";
import { CONFIG_MAPS, type ObjectTarget } from "../../src/kubernetes/api/resource.ts";
import { SYSTEM_CLOCK } from "../../src/proxy/time/clock.ts";
import { ApiServer } from "./tools/api_server.ts";
import { until } from "../support/time/until.ts";
import { kubernetesTest } from "./tools/kubernetes_test_case.ts";

const TARGET: ObjectTarget = { type: CONFIG_MAPS, namespace: "default", name: "one" };

kubernetesTest("a real API server: objects, conflicts, denials, watches", async () => {
  await using server = await ApiServer.start({ users: ["nobody"] });
  const open = async (token: string) => {
    const path = `${server.folder}/${token}.kubeconfig`;
    await Deno.writeTextFile(path, server.kubeconfig(token));
    return new KubernetesClient({ access: await KubeconfigAccess.open(path), clock: SYSTEM_CLOCK });
  };
  using client = await open(server.adminToken);
  using nobody = await open("nobody");

  const states: string[] = [];
  const failures: string[] = [];
  const ending = new AbortController();
  const following = follow(configMap, TARGET, {
    onObjects: ([object]: readonly ConfigMap[]) => states.push(object?.data?.value ?? "none"),
    onRead: () => {},
    onFailure: (error) => failures.push(String(error)),
  }, { client, clock: SYSTEM_CLOCK, signal: ending.signal });
  const reached = (state: string) =>
    until(() => `the state is ${state}; there were ${states}`, () => states.at(-1) === state);
  await reached("none");
  await client.create(TARGET, { metadata: { name: "one" }, data: { value: "1" } });
  await reached("1");
  const read = await client.get(configMap, TARGET);
  await client.patch(configMap, TARGET, { data: { value: "2" } });
  await reached("2");
  const conflict = await client.update(configMap, TARGET, { ...read, data: { value: "3" } }).catch((error) => error);
  assert.ok(isConflict(conflict), String(conflict));
  await client.update(configMap, TARGET, { ...await client.get(configMap, TARGET), data: { value: "4" } });
  await reached("4");
  await client.delete(TARGET);
  await reached("none");
  assert.deepEqual(states, ["none", "1", "2", "4", "none"]);
  assert.deepEqual(failures, []);
  ending.abort();
  await following;

  const denied = await nobody.get(configMap, TARGET).catch((error) => error);
  assert.ok(denied instanceof AccessDenied, String(denied));
  assert.match(
    denied.message,
    /missing RBAC rule: verb "get" on resource "configmaps", name "one", namespace "default"/,
  );
});
