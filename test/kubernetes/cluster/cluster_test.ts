/**
 * The overlays on a real kubelet, with the image as it is built and the overlays' own configuration: sidecar and
 * gateway, in and out, over mutual TLS, before an Aggregator that makes its CA at each start.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { buildImage, denoFiles } from "../../container/image.ts";
import { runCommand } from "../../support/processes/run_command.ts";
import { runTool } from "../../support/processes/tool_test_case.ts";
import { kustomize } from "../overlays/kustomize.ts";
import { at } from "../overlays/objects.ts";
import { UPSTREAM } from "../overlays/upstream.ts";
import { until } from "../../support/time/until.ts";
import { Cluster, reasonToSkip } from "./cluster.ts";

const RELEASE = "v1.15.2";

/**
 * Nothing resolves a Service's name there: the gateway's upstream has an address of this test's, which its Pod knows.
 */
const UPSTREAM_ADDRESS = "10.96.77.7";
const UPSTREAM_NAME = "flow-aggregator-upstream";
const KNOWN = {
  "address.yaml": `- { op: add, path: /spec/clusterIP, value: ${UPSTREAM_ADDRESS} }\n`,
  "hosts.yaml": [
    "- op: add",
    "  path: /spec/template/spec/hostAliases",
    `  value: [{ ip: ${UPSTREAM_ADDRESS}, hostnames: [${UPSTREAM_NAME}.flow-aggregator.svc] }]`,
    "",
  ].join("\n"),
};

/** The upstream manifest with a gateway. */
async function gateway(manifest: string, components: readonly string[]): Promise<string> {
  const folders = ["gateway", ...components].map((name) => `../../../config/kubernetes/${name}`);
  return await kustomize(manifest, [], {
    ...KNOWN,
    "kustomization.yaml": [
      "resources: [flow-aggregator.yml]",
      `components: [${folders.join(", ")}]`,
      "patches:",
      `- { path: address.yaml, target: { kind: Service, name: ${UPSTREAM_NAME} } }`,
      "- { path: hosts.yaml, target: { kind: Deployment, name: ipfix-skew-proxy } }",
    ].join("\n"),
  });
}

/** The image of the program that stands in for the Aggregator. */
async function buildAggregator(archive: string): Promise<void> {
  const folder = await Deno.makeTempDir();
  const program = `${folder}/aggregator.js`;
  const source = fileURLToPath(new URL("stand_in_aggregator.ts", import.meta.url));
  await runTool(Deno.execPath(), ["bundle", "--quiet", "--platform", "deno", "--output", program, source]);
  await Cluster.image(
    ...[archive, `docker.io/antrea/flow-aggregator:${RELEASE}`] as const,
    ...(await denoFiles()).flatMap(([from, to]) => ["--add", `${from}:${to}`]),
    ...["--add", `${program}:/aggregator.js`],
    ...["--", "/bin/deno", "run", "--allow-all", "--no-config", "--cached-only", "/aggregator.js"],
  );
  await Deno.remove(folder, { recursive: true });
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

const NAME = "sidecar and gateway on a real kubelet over mutual TLS: in, Agents of two releases, out";
const reason = reasonToSkip();
if (reason !== undefined) Deno.test.ignore(`${NAME} [skipped: ${reason}]`, () => {});
else {
  Deno.test(NAME, async () => {
    const { text = "" } = UPSTREAM.find(({ release }) => release === RELEASE) ?? {};
    const manifest = text.replaceAll("antrea/flow-aggregator:latest", `antrea/flow-aggregator:${RELEASE}`);
    await using cluster = await Cluster.start(async (folder) => {
      await using image = await buildImage();
      await image.save(`${folder}/proxy.tar`, "docker.io/library/ipfix-skew-proxy:0.1.0");
      await buildAggregator(`${folder}/aggregator.tar`);
    });
    const flow = (...args: string[]) => cluster.kubectl("-n", "flow-aggregator", ...args);
    const ready = (name = "flow-aggregator") => flow("rollout", "status", `deployment/${name}`, "--timeout=180s");
    const statusOf = async (name: string) =>
      JSON.parse(await cluster.exec(`deployment/${name}`, "ipfix-skew-proxy", STATUS) || "{}");
    const certificates = async () =>
      (await flow("get", "configmap", "flow-aggregator-ca", "-o", "jsonpath={.data.ca\\.crt}"))
        .split("-----BEGIN CERTIFICATE-----").length - 1;
    /** Waits until the Service leads there, at these ports. */
    const turned = async (...ports: readonly number[]) => {
      for (const port of ports) {
        await until(
          `the Service has an endpoint at port ${port}`,
          async () =>
            (await flow("get", "endpointslice", "-l", "kubernetes.io/service-name=flow-aggregator", "-o", "json"))
              .includes(`"port": ${port}`),
          120_000,
        );
      }
      // kube-proxy follows later, and nothing shows when: an Agent that is too early goes to the Aggregator itself.
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    };
    const arrives = (node: string, flows: number) =>
      until(
        `${flows} records of the Agent of node ${node} have arrived`,
        async () => (await collected(cluster, node)).flows.size >= flows,
      );
    /** Ends an Agent, and says how many flows it has sent. Its log ends with it, so it is followed. */
    const endAgent = async (name: string) => {
      const agents = (...args: string[]) => cluster.kubectl("-n", "kube-system", ...args);
      const log = agents("logs", "--follow", `agent-${name}`);
      await agents("delete", "pod", `agent-${name}`, "--wait=true", "--timeout=60s");
      return Number(/stopped, next flow (\d+)/.exec(await log)?.[1]);
    };

    await cluster.apply(
      await Deno.readTextFile(new URL("../../../.cache/cluster/manifests/agents.yaml", import.meta.url)),
    );
    await cluster.apply(await kustomize(manifest, []));
    await ready();
    await cluster.agent("old", "v0.8.2", "v1.15.0");
    await arrives("old", 1);
    assert.equal(await certificates(), 1);

    // Its startup waits for nothing that the Aggregator makes: the Aggregator starts after it.
    await cluster.apply(await kustomize(manifest, ["sidecar"]));
    await ready();
    const pods: unknown = JSON.parse(
      await flow("get", "pod", "-l", "app.kubernetes.io/part-of=ipfix-skew-proxy", "-o", "json"),
    );
    const [sidecar, main] = ["initContainerStatuses", "containerStatuses"]
      .map((name) => at(pods, `items.0.status.${name}.0`));
    assert.deepEqual([at(sidecar, "started"), at(sidecar, "restartCount")], [true, 0]);
    const startedAt = (container: unknown) => Date.parse(String(at(container, "state.running.startedAt")));
    assert.ok(startedAt(sidecar) <= startedAt(main), "the proxy starts first");
    await until("the proxy's own CA is in the Agents' bundle", async () => await certificates() === 2);

    await cluster.apply(await kustomize(manifest, ["sidecar", "redirect"]));
    await turned(24739);
    await cluster.agent("new", "v0.9.0", "v2.0.0");
    await arrives("new", 30);
    const { collector, skew, cluster: { trust } } = await statusOf("flow-aggregator");
    assert.deepEqual([collector.profile, trust.mode, skew.left], [`antrea/${RELEASE}`, "append-ca", 1]);

    await cluster.apply(await kustomize(manifest, []));
    await ready();
    const sent = await endAgent("new");
    assert.ok(sent > 30, `${sent} sent`);
    const { flows, fields } = await collected(cluster, "new");
    assert.deepEqual([...fields], [41], "every flow has the fields of v1.15, and none more");
    // Its last second may be under way when its Pod ends. The drain itself loses nothing.
    assert.ok(sent - flows.size <= 5, `${sent} flows were sent, and ${flows.size} arrived`);
    await until("the Aggregator's CA is there alone", async () => await certificates() === 1);

    // The gateway restarts no Aggregator.
    const aggregators = () =>
      flow("get", "pod", "-l", "app=flow-aggregator", "-o", "jsonpath={.items[*].metadata.uid}");
    await until("the Aggregator's Pod before is gone", async () => !(await aggregators()).includes(" "), 120_000);
    const aggregator = await aggregators();
    await cluster.apply(await gateway(manifest, []));
    await ready("ipfix-skew-proxy");
    await cluster.apply(await gateway(manifest, ["redirect-gateway"]));
    await turned(24739, 24740);
    await until("the gateway's own CA is in the Agents' bundle", async () => await certificates() === 2);
    await cluster.agent("late", "v0.9.0", "v2.0.0");
    await arrives("late", 30);
    assert.deepEqual([...(await collected(cluster, "late")).fields], [41]);
    assert.equal((await statusOf("ipfix-skew-proxy")).collector.profile, `antrea/${RELEASE}`);
    assert.ok(await endAgent("late") >= 30);

    await cluster.apply(await kustomize(manifest, []));
    await flow("delete", "deployment/ipfix-skew-proxy");
    await flow("wait", "--for=delete", "pod", "-l", "app=ipfix-skew-proxy", "--timeout=120s");
    assert.equal(await certificates(), 1, "its drain has taken its CA out");
    assert.equal(
      await flow("get", "pod", "-l", "app=flow-aggregator", "-o", "jsonpath={.items[*].metadata.uid}"),
      aggregator,
    );
  });
}
