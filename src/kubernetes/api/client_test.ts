import assert from "node:assert/strict";
import { FakeApiServer } from "../../../test/support/kubernetes/kubernetes_api.ts";
import { PATIENCE } from "../../../test/support/time/until.ts";
import { SYSTEM_CLOCK } from "../../proxy/time/clock.ts";
import { AccessDenied, ApiError, ApiUnreachable, isConflict } from "./api_error.ts";
import { KubernetesClient } from "./client.ts";
import { configMap, kubernetesObject } from "./objects.ts";
import { ANTREA_AGENT_INFOS, CONFIG_MAPS, type ObjectTarget, PODS } from "./resource.ts";

const PATH = "/api/v1/namespaces/flow-aggregator/configmaps/flow-aggregator-ca";
const TARGET: ObjectTarget = { type: CONFIG_MAPS, namespace: "flow-aggregator", name: "flow-aggregator-ca" };

async function start() {
  const server = await FakeApiServer.start();
  const client = new KubernetesClient({ access: server.access(), clock: SYSTEM_CLOCK });
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("reads, creates, changes and deletes an object; unknown parts are written back", async () => {
  await using test = await start();
  const { server, client } = test;
  assert.equal(await client.find(configMap, TARGET), undefined);
  await client.create(TARGET, { metadata: { name: TARGET.name }, data: { "ca.crt": "A" }, immutable: false });
  const read = await client.get(configMap, TARGET);
  assert.equal(read.data?.["ca.crt"], "A");
  const updated = await client.update(configMap, TARGET, { ...read, data: { "ca.crt": "B" } });
  assert.equal(updated.data?.["ca.crt"], "B");
  assert.equal((server.object(PATH) as { immutable?: boolean }).immutable, false);
  await client.patch(configMap, TARGET, { data: { more: "C" } });
  assert.deepEqual(server.object(PATH)?.data, { "ca.crt": "B", more: "C" });
  await client.delete(TARGET);
  assert.equal(server.object(PATH), undefined);
});

Deno.test("an update of an object that has changed meanwhile is a conflict, and changes nothing", async () => {
  await using test = await start();
  const { server, client } = test;
  server.put(PATH, { data: { "ca.crt": "A" } });
  const read = await client.get(configMap, TARGET);
  server.put(PATH, { data: { "ca.crt": "B" } });
  const error = await client.update(configMap, TARGET, { ...read, data: { "ca.crt": "C" } }).catch((error) => error);
  assert.ok(isConflict(error));
  assert.equal(server.object(PATH)?.data?.["ca.crt"], "B");
});

Deno.test("a denied call names the missing rule: verb, resource, name, namespace", async () => {
  await using test = await start();
  const { server, client } = test;
  server.denies = () => true;
  const calls: [() => Promise<unknown>, string][] = [
    [() => client.get(configMap, TARGET), 'verb "get" on resource "configmaps", name "flow-aggregator-ca", namespace'],
    [
      () => client.create(TARGET, { metadata: { name: "x" } }),
      'verb "create" on resource "configmaps", namespace "flow',
    ],
    [
      () => client.update(configMap, TARGET, { metadata: { name: "x" } }),
      'verb "update" on resource "configmaps", name',
    ],
    [() => client.patch(configMap, TARGET, {}), 'verb "patch" on'],
    [() => client.delete(TARGET), 'verb "delete" on'],
    [() => client.list(kubernetesObject, { type: PODS }), 'verb "list" on resource "pods", in the whole cluster'],
    [
      () => client.watch(TARGET, "1", AbortSignal.timeout(PATIENCE)).next(),
      'verb "watch" on resource "configmaps", name',
    ],
  ];
  for (const [call, rule] of calls) {
    const error = await call().catch((error) => error);
    assert.ok(error instanceof AccessDenied, String(error));
    assert.ok(error.message.includes(`missing RBAC rule: ${rule}`), error.message);
  }
});

Deno.test("a kind that the API server does not have is named with its API version", async () => {
  await using test = await start();
  test.server.knows = () => false;
  await assert.rejects(
    test.client.list(kubernetesObject, { type: ANTREA_AGENT_INFOS }),
    /^ApiError: list AntreaAgentInfos: the API server has no antreaagentinfos of crd\.antrea\.io\/v1beta1$/,
  );
});

Deno.test("lists page by page what fits the schema", async () => {
  await using test = await start();
  const { server, client } = test;
  const path = "/api/v1/namespaces/kube-system/pods";
  server.put(`${path}/a`, { metadata: { labels: { app: "antrea" } } });
  server.put(`${path}/b`, { metadata: { labels: { app: "other" } } });
  const { objects } = await client.list(kubernetesObject, {
    type: PODS,
    namespace: "kube-system",
    labelSelector: "app=antrea",
  });
  assert.deepEqual(objects.map(({ metadata }) => metadata.name), ["a"]);
});

Deno.test("a token that is refused is read again, and the call made again", async () => {
  await using test = await start();
  const { server } = test;
  server.put(PATH, { data: {} });
  server.refuses = (token) => token !== "new";
  let token = "old";
  const access = {
    ...server.access(),
    credentials: (refused = false) => {
      if (refused) token = "new";
      return Promise.resolve({ server: server.url, ca: server.ca, token });
    },
  };
  using client = new KubernetesClient({ access, clock: SYSTEM_CLOCK });
  await client.get(configMap, TARGET);
  assert.deepEqual(server.calls.map((call) => call.token), ["old", "new"]);
});

Deno.test("a token that has ended is named as that, and never shown", async () => {
  await using test = await start();
  const { server } = test;
  server.refuses = () => true;
  const claims = new TextEncoder().encode(JSON.stringify({ exp: 1_700_000_000 }));
  const token = `x.${claims.toBase64({ alphabet: "base64url", omitPadding: true })}.signature`;
  using client = new KubernetesClient({ access: server.access(token), clock: SYSTEM_CLOCK });
  const error = await client.get(configMap, TARGET).catch((error) => error);
  assert.ok(error instanceof ApiError);
  assert.equal(error.status, 401);
  assert.match(error.message, /the credentials are refused: the token ended at 2023-11-14T22:13:20\.000Z/);
  assert.ok(!error.message.includes("signature"));
});

Deno.test("no server, and one whose certificate is another's, is not reached", async () => {
  await using test = await start();
  await using other = await FakeApiServer.start();
  const access = (server: string) => ({
    description: "the test",
    credentials: () => Promise.resolve({ server, ca: other.ca, token: "t" }),
  });
  for (const server of ["https://127.0.0.1:1", test.server.url]) {
    using client = new KubernetesClient({ access: access(server), clock: SYSTEM_CLOCK });
    const error = await client.get(configMap, TARGET).catch((error) => error);
    assert.ok(error instanceof ApiUnreachable, String(error));
    assert.match(error.message, /get ConfigMap flow-aggregator\/flow-aggregator-ca: the API server gives no answer: ./);
    assert.doesNotMatch(error.message, /ECONN|ENOTFOUND/);
  }
  assert.deepEqual(test.server.calls, []);
});

Deno.test("reports the server's time of day", async () => {
  await using test = await start();
  const { server } = test;
  server.clockAhead = 3_600_000;
  let ahead = 0;
  using client = new KubernetesClient({
    access: server.access(),
    clock: SYSTEM_CLOCK,
    onServerDate: (date) => ahead = date.getTime() - Date.now(),
  });
  await client.find(configMap, TARGET);
  assert.ok(Math.abs(ahead - 3_600_000) < 5_000);
});
