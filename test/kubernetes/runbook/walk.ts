/**
 * The runbook that `plan` prints, walked whole by its own commands, with real parts: API server, roles, `serve`,
 * go-ipfix collectors and exporters over mutual TLS. Every flow is compared at the collector, and the objects at the
 * end with those of an upgrade without a proxy.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import type { UpgradeOrder } from "../../../src/upgrade/upgrade.ts";
import { runCommand } from "../../support/processes/run_command.ts";
import { readBundle } from "../cluster_proxy.ts";
import { UPSTREAM } from "../overlays/upstream.ts";
import { ApiServer } from "../tools/api_server.ts";
import { until } from "../../support/time/until.ts";
import { Checkout } from "./checkout.ts";
import { accountOf } from "./flow_account.ts";
import type { NodeAgent } from "./node_agent.ts";
import { PlayedCluster } from "./played_cluster.ts";
import { savedObjects } from "./saved_objects.ts";

const NODES = 2;
const FLOWS = 5;
/** What an Aggregator's start makes anew each time. */
const WRITTEN = ["ConfigMap flow-aggregator-ca", "Secret flow-aggregator-client-tls", "Secret flow-aggregator-ca-tls"];

const RUNBOOK = z.object({
  upgrade: z.object({
    between: z.object({ proxied: z.object({ lost: z.array(z.string()) }) }),
    trust: z.tuple([z.string(), z.string()]),
  }),
  steps: z.array(z.object({ title: z.string(), commands: z.array(z.string()) })),
});

function aggregatorManifest(release: string): string {
  const { text } = UPSTREAM.find((each) => each.release === release) ?? assert.fail(release);
  return text.replaceAll("antrea/flow-aggregator:latest", `antrea/flow-aggregator:${release}`);
}

/** As much of Antrea as a walk upgrades. */
function antreaManifest(release: string): string {
  const labels = { app: "antrea", component: "antrea-agent" };
  const containers = [{ name: "antrea-agent", image: `antrea/antrea-agent-ubuntu:${release}` }];
  return JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "antrea-config", namespace: "kube-system" } },
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "antrea-agent", namespace: "kube-system" },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
      },
    ],
  });
}

/** One walk through a runbook, and what is said of it. */
class Walk {
  readonly #startedAt = Date.now();
  readonly timeLine: string[] = [];

  constructor(readonly server: ApiServer, readonly checkout: Checkout, readonly cluster: PlayedCluster) {}

  /**
   * Runs a line of the runbook. What speaks to the kubelet or from the operator's machine is done in the way that fits
   * here.
   */
  async run(line: string): Promise<void> {
    const { cluster, server } = this;
    if (line.includes("port-forward")) return;
    const [, rollout] = /rollout status (\S+)/.exec(line) ?? [];
    if (rollout !== undefined) {
      await cluster.during(Promise.resolve());
      const { proxy } = cluster;
      if (rollout === "deployment/ipfix-skew-proxy") {
        await proxy?.until("it is ready", async () => (await proxy.get("/ready")).status === 200);
      }
      return;
    }
    if (line.startsWith("deno task status")) return await this.#status(line.includes("--wait"));
    await cluster.during(this.checkout.run(line.replace("=NODE ", "=node-1 "), server));
  }

  /**
   * The flows of every Agent, until what each sent last has arrived. Gives how many each has lost since the time
   * before.
   */
  async export(): Promise<Map<NodeAgent, number>> {
    const { cluster } = this;
    await Promise.all(cluster.agents.map((agent) => agent.export(FLOWS)));
    await Promise.all(cluster.agents.map((agent) => this.#arrived(agent)));
    // The rest of a connection that has ended may come behind what a later one brought.
    await until("", () => this.#missing().every(([agent, count]) => count <= (this.#known.get(agent) ?? 0)), 2_000)
      .catch(() => {});
    return this.#lost();
  }

  /** A line of the time line. */
  note(what: string): void {
    const { sent, arrived } = accountOf(this.cluster);
    const seconds = ((Date.now() - this.#startedAt) / 1000).toFixed(1).padStart(5);
    this.timeLine.push(
      `${seconds} s  sent ${String(sent).padStart(3)}  arrived ${String(arrived.size).padStart(3)}  ${what}`,
    );
  }

  // deno-lint-ignore no-explicit-any -- a JSON answer, of which each step looks at something else
  async status(): Promise<any> {
    return await (this.cluster.proxy ?? assert.fail("there is no proxy")).status();
  }

  async #status(waits: boolean): Promise<void> {
    const { proxy } = this.cluster;
    assert.ok(proxy);
    const { status, text, stderr } = await runCommand("status", [
      ...["--admin", proxy.admin],
      ...(waits ? ["--wait", "60s"] : []),
    ]);
    assert.ok(waits ? status === 0 : [0, 3, 4].includes(status), `${text}\n${stderr}`);
  }

  /**
   * What goes into a connection whose other end has just gone is lost, and the Agent learns of it by the next write
   * alone.
   */
  async #arrived(agent: NodeAgent): Promise<void> {
    const isThere = () => accountOf(this.cluster).arrived.has(agent.last);
    for (let attempt = 0; attempt < 30; attempt++) {
      if (await until("", isThere, 1_000).then(() => true, () => false)) return;
      await agent.export(1);
    }
    assert.fail(`nothing of the Agent of node ${agent.index} arrives`);
  }

  readonly #known = new Map<NodeAgent, number>();

  /** How many flows of each Agent have not arrived. */
  #missing(): (readonly [NodeAgent, number])[] {
    const { arrived } = accountOf(this.cluster);
    const missing = [...this.cluster.sent.keys()].filter((number) => !arrived.has(number));
    return this.cluster.agents.map((agent) => [agent, missing.filter((number) => agent.isOwn(number)).length]);
  }

  #lost(): Map<NodeAgent, number> {
    const { twice, wrong } = accountOf(this.cluster);
    assert.deepEqual({ twice, wrong }, { twice: [], wrong: [] });
    const lost = new Map<NodeAgent, number>();
    for (const [agent, count] of this.#missing()) {
      lost.set(agent, count - (this.#known.get(agent) ?? 0));
      this.#known.set(agent, count);
    }
    return lost;
  }
}

/** Ends the Aggregator as a crash does, with flows while it is away. Gives what each Agent has lost by it. */
async function restartAggregator(walk: Walk): Promise<Map<NodeAgent, number>> {
  const { cluster } = walk;
  cluster.whileAway = async () => {
    for (let flow = 0; flow < FLOWS; flow++) for (const agent of cluster.agents) await agent.try();
  };
  await walk.run("kubectl -n flow-aggregator delete pod -l app=flow-aggregator");
  cluster.whileAway = () => Promise.resolve();
  return await walk.export();
}

async function objects(server: ApiServer): Promise<Map<string, string>> {
  const found = await savedObjects(server);
  for (const name of WRITTEN) found.delete(name);
  return found;
}

/**
 * Walks the runbook of an upgrade from before it to after it.
 *
 * @param from,to releases whose manifests are at hand
 * @returns the time line and the counts
 */
export async function walkRunbook(from: string, to: string, order: UpgradeOrder): Promise<string> {
  await using server = await ApiServer.start();
  await using checkout = await Checkout.make({
    "flow-aggregator.yml": aggregatorManifest(from),
    [`flow-aggregator-${from}.yml`]: aggregatorManifest(from),
    [`flow-aggregator-${to}.yml`]: aggregatorManifest(to),
    [`antrea-${to}.yml`]: antreaManifest(to),
  });
  await checkout.run("kubectl apply -f flow-aggregator.yml", server);
  await server.apply(antreaManifest(from));
  // What an upgrade without a proxy comes to.
  await server.apply(aggregatorManifest(to));
  const expected = await objects(server);
  await server.apply(aggregatorManifest(from));

  await using cluster = await PlayedCluster.start(server, NODES);
  const walk = new Walk(server, checkout, cluster);
  await cluster.during(Promise.resolve());
  await walk.export();
  walk.note(`before: Agents ${from}, Aggregator ${from}, directly`);
  const direct = await restartAggregator(walk);
  walk.note(`restart of the Aggregator, directly: ${total(direct)} lost`);

  const { status, text, stderr } = await runCommand("plan", ["--from", from, "--to", to, "--order", order, "--json"]);
  assert.equal(status, 0, stderr);
  const book = RUNBOOK.parse(JSON.parse(text));
  for (const { title, commands } of book.steps) {
    const behind = new Map(cluster.agents.map((agent) => [agent, [agent.through, agent.connections] as const]));
    for (const command of commands) await walk.run(command);
    const lost = await walk.export();
    walk.note(`${title}: ${total(lost)} lost`);
    for (const [agent, count] of lost) {
      const [through, connections] = behind.get(agent) ?? assert.fail();
      // What is lost is lost by a connection that breaks, as at a direct restart; the proxy breaks none but by its own
      // end.
      const breaks = through === "aggregator" || title.startsWith("Take the proxy out");
      // An Agent that noticed the end of its connection before it wrote lost none then.
      const bound = breaks && agent.connections > connections ? Math.max(1, direct.get(agent) ?? 0) : 0;
      assert.ok(count <= bound, `${title}: node ${agent.index} lost ${count} (${bound} at a direct restart)`);
    }
    await check(walk, title, { ...book.upgrade, from, to, order });
    if (title.startsWith("Upgrade the Agents") && order === "agents-first") {
      const before = cluster.agents.map(({ connections }) => connections);
      const held = await restartAggregator(walk);
      walk.note(`restart of the Aggregator, behind the proxy: ${total(held)} lost`);
      assert.deepEqual([...held.values()], cluster.agents.map(() => 0));
      assert.deepEqual(cluster.agents.map(({ connections }) => connections), before, "no Agent notices");
    }
  }

  assert.deepEqual(await objects(server), expected, "the objects are those of an upgrade without a proxy");
  assert.equal(await readBundle(server), cluster.aggregator.certificates.ca.certificate, "and so is the CA");
  const { sent, arrived, twice, wrong } = accountOf(cluster);
  return ([`plan --from ${from} --to ${to} --order ${order}`, ...walk.timeLine].join("\n") +
    `\nsent ${sent}, arrived ${arrived.size}, twice ${twice.length}, wrong ${wrong.length}, ` +
    `lost ${sent - arrived.size}, of which ${total(direct)} before the proxy`);
}

function total(lost: ReadonlyMap<NodeAgent, number>): number {
  return [...lost.values()].reduce((sum, count) => sum + count, 0);
}

/** What a plan says of its upgrade. */
interface Expected extends z.infer<typeof RUNBOOK.shape.upgrade> {
  readonly from: string;
  readonly to: string;
  readonly order: UpgradeOrder;
}

/** What the runbook says to look at, after a step. */
async function check(walk: Walk, title: string, { from, to, order, trust, between }: Expected): Promise<void> {
  const { agents } = walk.cluster;
  const through = agents.map((agent) => agent.through);
  const first = order === "agents-first";
  if (title.startsWith("Put the proxy in")) {
    const { collector, cluster } = await walk.status();
    assert.deepEqual([collector.profile, cluster.trust.mode], [`antrea/${from}`, trust[0]]);
    assert.deepEqual(through, ["aggregator", "aggregator"], "the Service has not turned yet");
  } else if (title.startsWith("Turn the Service")) {
    assert.deepEqual(through, ["proxy", "aggregator"], "one Agent was restarted");
    assert.equal((await walk.status()).skew.sessions, 0, "its templates are identical");
  } else if (title.startsWith("Upgrade the Agents")) {
    assert.deepEqual(agents.map(({ release }) => release), [to, to]);
    assert.deepEqual(through, ["proxy", "proxy"]);
    assert.equal((await walk.status()).skew.sessions, first ? NODES : 0);
  } else if (title.startsWith("Upgrade the Flow Aggregator")) {
    const { collector, skew, cluster } = await walk.status();
    assert.equal(cluster.trust.mode, trust[1]);
    assert.equal(collector.profile, `antrea/${to}`);
    assert.equal(skew.sessions, first ? 0 : NODES);
  } else if (title.startsWith("Wait until")) {
    const { recordsDropped, messagesRejected, sessionsFailed, informationLost } = (await walk.status()).losses;
    assert.deepEqual([recordsDropped, messagesRejected, sessionsFailed], [{}, {}, {}]);
    const unexpected = Object.keys(informationLost).filter((element) => !between.proxied.lost.includes(element));
    assert.deepEqual(unexpected, [], "the plan says what is lost");
    assert.equal(Object.keys(informationLost).length > 0, first, "Agents that are older lose nothing");
  } else if (title.startsWith("Take the proxy out")) {
    assert.equal(walk.cluster.proxy, undefined);
    assert.deepEqual(through, ["aggregator", "aggregator"]);
  }
}
