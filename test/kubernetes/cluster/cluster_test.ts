/** The overlay on a real kubelet, with the image as it is built: in, two releases of Agents, out. */
import assert from "node:assert/strict";
import { buildImage } from "../../container/image.ts";
import { runCommand } from "../../support/run_command.ts";
import { kustomize } from "../overlays/kustomize.ts";
import { at } from "../overlays/objects.ts";
import { UPSTREAM } from "../overlays/upstream.ts";
import { until } from "../tools/kubernetes_test_case.ts";
import { Cluster, reasonToSkip } from "./cluster.ts";

/** Takes the octets of each connection into a file of its own, as an Aggregator's Pod would be there. */
const COLLECT = `#!/bin/sh
exec cat > /var/log/antrea/flow-aggregator/$$.ipfix
`;
const AGGREGATOR = "trap 'exit 0' TERM; nc -ll -p 4739 -e /collect & wait";

const PROXY = `
listen: [{ transport: tcp, address: "0.0.0.0:24739" }]
collector: { transport: tcp, address: "127.0.0.1:4739", profile: auto }
admin: { address: "0.0.0.0:24780" }
`;

/** The upstream manifest with components, and a configuration of its own as config/kubernetes/upgrade has it. */
async function overlay(manifest: string, components: readonly string[]): Promise<string> {
  const configuration = new URL("../../../config/kubernetes/upgrade/configuration/kustomization.yaml", import.meta.url);
  const folders = components.map((name) => `../../../config/kubernetes/${name}`);
  return await kustomize(manifest, [], {
    "kustomization.yaml": `resources: [flow-aggregator.yml]\ncomponents: [${folders.join(", ")}, ./configuration]\n`,
    "configuration/kustomization.yaml": await Deno.readTextFile(configuration),
    "configuration/proxy.yaml": PROXY,
  });
}

/** Asks the proxy from inside of its container, which has no shell. */
const STATUS = [
  ...[
    "/bin/deno",
    "run",
    "--no-prompt",
    "--no-config",
    "--cached-only",
    "--allow-net=127.0.0.1:24780",
    "--allow-read=/app",
  ],
  ...["--ignore-env", "/app/main.js", "status", "--json"],
];

/** What has been collected of one node's Agent: its flows' source ports, and the templates' numbers of fields. */
async function collected(cluster: Cluster, node: string): Promise<{ flows: Set<unknown>; fields: Set<number> }> {
  const [flows, fields] = [new Set<unknown>(), new Set<number>()];
  const folder = `${cluster.logs}/flow-aggregator`;
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".ipfix")) continue;
    // The last message may not be there in whole yet: what comes before it is printed all the same.
    const { text } = await runCommand("inspect", ["--json"], { stdin: await Deno.readFile(`${folder}/${name}`) });
    for (const line of text.split("\n").filter((each) => each !== "")) {
      const { kind, values }: { kind: string; values?: Record<string, unknown> } = JSON.parse(line);
      if (kind !== "record" || values?.sourceNodeName !== node) continue;
      flows.add(values.sourceTransportPort);
      fields.add(Object.keys(values).length);
    }
  }
  return { flows, fields };
}

const NAME = "the sidecar on a real kubelet: in, Agents of two releases, out";
const reason = reasonToSkip();
if (reason !== undefined) Deno.test.ignore(`${NAME} [skipped: ${reason}]`, () => {});
else {
  Deno.test(NAME, async () => {
    const { text = "" } = UPSTREAM.find(({ release }) => release === "v1.15.2") ?? {};
    const manifest = text.replaceAll("antrea/flow-aggregator:latest", "antrea/flow-aggregator:v1.15.2");
    await using cluster = await Cluster.start(async (folder) => {
      await using image = await buildImage();
      await image.save(`${folder}/proxy.tar`, "docker.io/library/ipfix-skew-proxy:0.1.0");
      const collect = await Deno.makeTempFile();
      await Deno.writeTextFile(collect, COLLECT);
      await Deno.chmod(collect, 0o755);
      await Cluster.image(
        ...[`${folder}/aggregator.tar`, "docker.io/antrea/flow-aggregator:v1.15.2"] as const,
        ...["--add", "/bin/busybox:/bin/busybox", "--add", `${collect}:/collect`],
        ...["--link", "busybox:/bin/sh", "--link", "busybox:/bin/nc", "--link", "busybox:/bin/cat"],
        ...["--", "/bin/sh", "-c", AGGREGATOR],
      );
      await Deno.remove(collect);
    });
    const flow = (...args: string[]) => cluster.kubectl("-n", "flow-aggregator", ...args);
    const ready = () => flow("rollout", "status", "deployment/flow-aggregator", "--timeout=300s");
    const status = async () => JSON.parse(await cluster.exec("deployment/flow-aggregator", "ipfix-skew-proxy", STATUS));

    await cluster.apply(
      await Deno.readTextFile(new URL("../../../.cache/cluster/manifests/agents.yaml", import.meta.url)),
    );
    await cluster.apply(await kustomize(manifest, []));
    await ready();
    await cluster.agent("old", "v0.8.2", "v1.15.0");
    await until(
      async () => (await collected(cluster, "old")).flows.size > 0,
      "records of the old Agent, directly",
      60_000,
    );

    await cluster.apply(await overlay(manifest, ["sidecar"]));
    await ready();
    const pods: unknown = JSON.parse(
      await flow("get", "pod", "-l", "app.kubernetes.io/part-of=ipfix-skew-proxy", "-o", "json"),
    );
    const [sidecar, main] = ["initContainerStatuses", "containerStatuses"]
      .map((name) => at(pods, `items.0.status.${name}.0`));
    assert.deepEqual([at(sidecar, "started"), at(sidecar, "restartCount")], [true, 0]);
    const startedAt = (container: unknown) => Date.parse(String(at(container, "state.running.startedAt")));
    assert.ok(startedAt(sidecar) <= startedAt(main), "the proxy starts first");

    await cluster.apply(await overlay(manifest, ["sidecar", "redirect"]));
    await until(
      async () => (await flow("get", "endpointslice", "-o", "jsonpath={.items[*].ports[*].port}")).includes("24739"),
      "the Service's endpoint at the proxy",
      180_000,
    );
    await cluster.agent("new", "v0.9.0", "v2.0.0");
    await until(
      async () => (await collected(cluster, "new")).flows.size >= 30,
      "30 records of the new Agent, through the proxy",
      60_000,
    );
    const { collector, skew } = await status();
    assert.equal(collector.profile, "antrea/v1.15.2");
    assert.equal(skew.left, 1);

    await cluster.apply(await kustomize(manifest, []));
    await ready();
    // The Agent counts its flows, says so at its end, and its log ends with it: so it is followed.
    const log = cluster.kubectl("-n", "kube-system", "logs", "--follow", "agent-new");
    await cluster.kubectl("-n", "kube-system", "delete", "pod", "agent-new", "--wait=true");
    const sent = Number(/stopped, next flow (\d+)/.exec(await log)?.[1]);
    assert.ok(sent > 30, await log);
    const { flows, fields } = await collected(cluster, "new");
    assert.deepEqual([...fields], [41], "every flow has the fields of v1.15, and none more");
    // Its last second may be under way when its Pod ends. The drain itself loses nothing.
    assert.ok(sent - flows.size <= 5, `${sent} flows were sent, and ${flows.size} arrived`);
  });
}
