/**
 * What controllers and kubelets do where there are none: it reads what the API server holds, and starts and ends
 * processes after it. The Aggregator is a go-ipfix collector that makes its CA as releases do, the gateway is `serve`
 * with the ConfigMap's configuration, and the Agents are go-ipfix exporters that read ConfigMap, Secret and Service
 * whenever they connect.
 */
import assert from "node:assert/strict";
import { usesGrpc } from "../../../src/config/profiles/antrea_releases.ts";
import { FlowCollector } from "../../interop/grpc/peer.ts";
import { freePort } from "../../support/free_port.ts";
import { NAMESPACE } from "../../support/kubernetes/aggregator_trust.ts";
import { Aggregator, ClusterProxy, readBundle, serviceAccountToken, writeIdentity } from "../cluster_proxy.ts";
import { at } from "../overlays/objects.ts";
import type { ApiServer } from "../tools/api_server.ts";
import type { Destination } from "./agent_connection.ts";
import { NodeAgent, type SentFlows } from "./node_agent.ts";

const PROXY = "ipfix-skew-proxy";
const AGENTS = "kube-system";
const LOOK_MILLISECONDS = 50;

/** The cluster's processes. */
export class PlayedCluster implements AsyncDisposable {
  readonly sent: SentFlows = new Map();
  readonly agents: NodeAgent[] = [];
  /** All that ever ran, the one that runs last. */
  readonly aggregators: Aggregator[] = [];
  /** What those from v2.4 on take by gRPC, in the same order. */
  readonly flowCollectors: FlowCollector[] = [];
  proxy: ClusterProxy | undefined;
  /** Called while there is no Aggregator between two. */
  whileAway: () => Promise<void> = () => Promise.resolve();
  readonly #port = freePort();
  readonly #grpcPort = freePort();
  readonly #client: Deno.HttpClient;
  readonly #folder: string;
  #template = "";

  private constructor(readonly server: ApiServer, folder: string) {
    this.#folder = folder;
    this.#client = Deno.createHttpClient({ caCerts: [server.ca] });
  }

  /** @param nodes how many there are, each with an Agent */
  static async start(server: ApiServer, nodes: number): Promise<PlayedCluster> {
    const cluster = new PlayedCluster(server, await Deno.makeTempDir({ prefix: "played-cluster-" }));
    for (let index = 1; index <= nodes; index++) {
      await Deno.mkdir(`${cluster.#folder}/${index}`);
      cluster.agents.push(new NodeAgent(index, "v0.0.0", cluster.sent, () => cluster.#destination(index)));
    }
    return cluster;
  }

  get aggregator(): Aggregator {
    return this.aggregators.at(-1) ?? assert.fail("there is no Aggregator");
  }

  /** Plays on while something goes on, and once after it. */
  async during(action: Promise<void>): Promise<void> {
    let over = false;
    const ended = action.finally(() => over = true);
    const play = async () => {
      do {
        await this.#play();
        await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
      } while (!over);
    };
    await Promise.all([ended, play()]);
    await this.#play();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents) await agent[Symbol.asyncDispose]();
    await this.proxy?.[Symbol.asyncDispose]();
    await this.#stopAggregator();
    this.#client.close();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #play(): Promise<void> {
    await this.#playAggregator();
    await this.#playGateway();
    await this.#playAgents();
  }

  /** One Pod, which ends before the next starts: they share a port here. */
  async #playAggregator(): Promise<void> {
    const deployment = await this.#get(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/flow-aggregator`);
    const template = JSON.stringify(at(deployment, "spec.template"));
    const running = this.aggregators.at(-1);
    const pod = running && await this.#get(`/api/v1/namespaces/${NAMESPACE}/pods/${running.pod}`);
    if (pod !== undefined && template === this.#template) return;
    if (running !== undefined) {
      await this.#stopAggregator();
      await this.whileAway();
    }
    this.#template = template;
    const release = releaseOf(at(deployment, "spec.template.spec.containers.0.image"));
    const aggregator = await Aggregator.start(this.server, release, this.#port);
    this.aggregators.push(aggregator);
    if (!usesGrpc({ release })) return;
    this.flowCollectors.push(
      await FlowCollector.start(aggregator.identity, { address: `127.0.0.1:${this.#grpcPort}` }),
    );
  }

  async #stopAggregator(): Promise<void> {
    await this.flowCollectors.at(-1)?.[Symbol.asyncDispose]();
    await this.aggregators.at(-1)?.[Symbol.asyncDispose]();
  }

  async #playGateway(): Promise<void> {
    const deployment = await this.#get(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${PROXY}`);
    if ((deployment === undefined) === (this.proxy === undefined)) return;
    const pod = `${PROXY}-0`;
    if (this.proxy !== undefined) {
      await this.proxy.end();
      await this.proxy[Symbol.asyncDispose]();
      this.proxy = undefined;
      await this.#deletePod(NAMESPACE, pod);
      return;
    }
    const name = String(at(deployment, "spec.template.spec.volumes.0.configMap.name"));
    const object = await this.#get(`/api/v1/namespaces/${NAMESPACE}/configmaps/${name}`);
    const mounted = String(Object(at(object, "data"))["proxy.yaml"]);
    const token = await serviceAccountToken(this.server, PROXY);
    const { metadata: { labels }, spec } = Object(at(deployment, "spec.template"));
    await this.#createPod(NAMESPACE, pod, labels, { containers: [{ name: PROXY, image: spec.containers[0].image }] });
    this.proxy = await ClusterProxy.startWith(
      this.server,
      token,
      ({ port, grpc, admin }) =>
        replaced(mounted, [
          ["0.0.0.0:24739", `127.0.0.1:${port}`],
          ["0.0.0.0:24740", `127.0.0.1:${grpc}`],
          ["0.0.0.0:24780 }", `127.0.0.1:${admin}, skewSettle: 1s }`],
          ["flow-aggregator-upstream.flow-aggregator.svc:4739", `127.0.0.1:${this.#port}`],
          ["kubernetes: {", "kubernetes: { kubeconfig: kubeconfig,"],
        ]),
    );
  }

  async #playAgents(): Promise<void> {
    const daemonSet = await this.#get(`/apis/apps/v1/namespaces/${AGENTS}/daemonsets/antrea-agent`);
    const release = releaseOf(at(daemonSet, "spec.template.spec.containers.0.image"));
    const labels = at(daemonSet, "spec.template.metadata.labels");
    for (const agent of this.agents) {
      const name = `antrea-agent-${agent.index}`;
      const pod = await this.#get(`/api/v1/namespaces/${AGENTS}/pods/${name}`);
      const ends = at(pod, "metadata.deletionTimestamp") !== undefined;
      if (pod !== undefined && !ends && agent.release === release) continue;
      await agent.restart(release);
      if (pod !== undefined) await this.#deletePod(AGENTS, name);
      const containers = [{ name: "antrea-agent", image: `antrea-agent:${release}` }];
      await this.#createPod(AGENTS, name, labels, { containers, nodeName: `node-${agent.index}` });
    }
  }

  /** As an Agent finds it: the Service's selector says whose port it is. */
  async #destination(index: number): Promise<Destination> {
    const service = await this.#get(`/api/v1/namespaces/${NAMESPACE}/services/flow-aggregator`);
    const secret = await this.#get(`/api/v1/namespaces/${NAMESPACE}/secrets/flow-aggregator-client-tls`);
    const data = Object(at(secret, "data"));
    const pair = { certificate: atob(data["tls.crt"]), key: atob(data["tls.key"]) };
    const identity = await writeIdentity(`${this.#folder}/${index}`, pair, await readBundle(this.server));
    const toProxy = at(service, "spec.selector.app") === PROXY;
    if (toProxy && this.proxy === undefined) throw new Error("no endpoint");
    const ports = Array.from(Object(at(service, "spec.ports")));
    const hasGrpc = ports.some((port) => at(port, "port") === 14739) &&
      (toProxy || usesGrpc(this.aggregator));
    const [ipfix, grpc] = toProxy ? [this.proxy?.port, this.proxy?.grpc] : [this.#port, this.#grpcPort];
    return {
      through: toProxy ? "proxy" : "aggregator",
      ipfix: `127.0.0.1:${ipfix}`,
      ...(hasGrpc ? { grpc: `127.0.0.1:${grpc}` } : {}),
      identity,
    };
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.server.url}${path}`, {
      client: this.#client,
      headers: { authorization: `Bearer ${this.server.adminToken}` },
    });
    const answer: unknown = await response.json();
    if (response.status === 404) return undefined;
    assert.ok(response.ok, JSON.stringify(answer));
    return answer;
  }

  async #createPod(namespace: string, name: string, labels: unknown, spec: Record<string, unknown>): Promise<void> {
    await this.server.apply({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace, labels }, spec });
  }

  async #deletePod(namespace: string, name: string): Promise<void> {
    await this.server.kubectl(["-n", namespace, "delete", "pod", name, "--force", "--grace-period=0"]);
  }
}

function releaseOf(image: unknown): string {
  return /:(v\d+\.\d+\.\d+)$/.exec(String(image))?.[1] ?? assert.fail(`no release in ${image}`);
}

/** @throws where one of the texts is not there: the overlay's configuration has changed, and with it what is tested */
function replaced(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    assert.ok(before.includes(from), `the configuration has no ${from}`);
    return before.replaceAll(from, to);
  }, text);
}
