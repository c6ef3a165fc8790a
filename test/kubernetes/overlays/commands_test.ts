/** The README's own commands at a real API server: upstream, the overlay, upstream again. */
import assert from "node:assert/strict";
import { ApiServer } from "../tools/api_server.ts";
import { kubernetesTest } from "../tools/kubernetes_test_case.ts";
import { kubernetesTools } from "../tools/kubernetes_tools.ts";
import { kustomize } from "./kustomize.ts";
import { at, parseObjects } from "./objects.ts";
import { UPSTREAM, type UpstreamManifest } from "./upstream.ts";

const CONFIG = new URL("../../../config/", import.meta.url);
const KINDS = "deployment,service,configmap,secret,serviceaccount,role,rolebinding,networkpolicy";
const AGGREGATOR = "Deployment flow-aggregator";
const OVERLAY = "kubernetes/upgrade/kustomization.yaml";
const RESTORE = "kubectl -n flow-aggregator patch service flow-aggregator --type=json " +
  "--patch-file=config/kubernetes/restore/service.yaml";
const CLUSTER_KINDS = "clusterrole,clusterrolebinding";

/** The lines of the shell block under a heading of config/kubernetes/README.md. */
function commands(readme: string, heading: string): string[] {
  const [, section = ""] = readme.split(`\n## ${heading}\n`);
  const [, block] = /```sh\n([\s\S]*?)```/.exec(section.split("\n## ")[0] ?? "") ?? [];
  assert.ok(block !== undefined, `no commands under ${heading}`);
  return block.trim().split("\n");
}

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
    await using folder = await checkout({ release, text });
    const run = (lines: readonly string[]) => runAll(server, folder.path, lines);
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
    const before = await everything(server);
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
    assert.deepEqual(await everything(server), before);

    // As it is before anybody has chosen anything in it.
    await Deno.copyFile(new URL(OVERLAY, CONFIG), `${folder.path}/config/${OVERLAY}`);
    await run(commands(readme, "In, with a gateway"));
    const turned = { "ipfix-tcp": "ipfix-proxy", "ipfix-udp": "ipfix-proxy-udp", app: "ipfix-skew-proxy" };
    assert.deepEqual(await ways(), { ...original, ...turned, grpc: "grpc" });
    assert.equal(
      (await everything(server)).get(AGGREGATOR),
      before.get(AGGREGATOR),
      "a gateway restarts no Aggregator",
    );
    // In haste: IPFIX by number, gRPC by its name, which an Aggregator up to v2.3 has not.
    await run([RESTORE]);
    const numbers = { "ipfix-tcp": 4739, "ipfix-udp": 4739 };
    assert.deepEqual(await ways(), { ...original, ...numbers, grpc: "grpc" });
    await run(commands(readme, "Out, with a gateway"));
    assert.deepEqual(await everything(server), before);
    if (release >= "v2.4") return;
    // Where the Service was patched for want of an overlay, it is patched back.
    await run([RESTORE.replace("restore/service", "redirect-gateway/service"), RESTORE]);
    await run([RESTORE.replace("service.yaml", "without-grpc.yaml")]);
    assert.deepEqual(await everything(server), before);
  });
}

kubernetesTest("Helm's post-renderer makes of the chart's manifests what the overlay makes of them", async () => {
  const upstream = UPSTREAM.at(-1) ?? assert.fail();
  await using folder = await checkout(upstream);
  const { kubectl } = await kubernetesTools();
  const child = new Deno.Command(`${folder.path}/config/kubernetes/upgrade/post-render`, {
    env: { HOME: folder.path, PATH: `${kubectl.slice(0, -"/kubectl".length)}:${Deno.env.get("PATH")}` },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await new Blob([upstream.text]).stream().pipeTo(child.stdin);
  const { success, stdout } = await child.output();
  assert.ok(success);
  const rendered = parseObjects(new TextDecoder().decode(stdout));
  assert.deepEqual(rendered, parseObjects(await kustomize(upstream.text, ["sidecar"])));
});

/** What the commands touch of a checkout, and the manifest that is installed. */
async function checkout({ text }: UpstreamManifest) {
  const path = await Deno.makeTempDir();
  for (const name of ["kubernetes", "grafana"]) await copy(new URL(`${name}/`, CONFIG), `${path}/config/${name}`);
  await Deno.writeTextFile(`${path}/flow-aggregator.yml`, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function copy(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}

/** Runs commands in a folder, but for those that wait for Pods: nobody makes any here. */
async function runAll(server: ApiServer, folder: string, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    if (line.includes("rollout status")) continue;
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-ec", line],
      cwd: folder,
      env: {
        HOME: server.folder,
        KUBECONFIG: `${server.folder}/admin.kubeconfig`,
        PATH: `${server.tools.kubectl.slice(0, -"/kubectl".length)}:${Deno.env.get("PATH")}`,
      },
    }).output();
    assert.ok(success, `${line}: ${new TextDecoder().decode(stderr)}`);
  }
}

/** Every object that upstream or the overlay has, as JSON without what the server itself keeps. */
async function everything(server: ApiServer): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const scope of [["-n", "flow-aggregator", "get", KINDS], ["get", CLUSTER_KINDS]]) {
    const { items } = JSON.parse(await server.kubectl([...scope, "-o", "json"]));
    for (const item of items) {
      // The API server makes its own roles while it starts.
      if (/^system:|^(?:cluster-admin|admin|edit|view)$/.test(item.metadata.name)) continue;
      for (const name of ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"]) {
        delete item.metadata[name];
      }
      delete item.status;
      const { annotations = {} } = item.metadata;
      delete annotations["kubectl.kubernetes.io/last-applied-configuration"];
      if (Object.keys(annotations).length === 0) delete item.metadata.annotations;
      found.set(`${item.kind} ${item.metadata.name}`, JSON.stringify(item));
    }
  }
  return found;
}
