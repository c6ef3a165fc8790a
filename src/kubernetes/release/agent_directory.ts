import type { Clock } from "../../proxy/time/clock.ts";
import type { ReportEvent } from "../../proxy/reporting/proxy_event.ts";
import { errorMessage } from "../../error_message.ts";
import type { KubernetesClient } from "../api/client.ts";
import type { z } from "zod";
import { AccessDenied } from "../api/api_error.ts";
import { follow, type Followable } from "../api/follow.ts";
import { type AntreaAgentInfo, antreaAgentInfo, type Pod, pod } from "../api/objects.ts";
import { ANTREA_AGENT_INFOS, PODS, type ResourceTarget } from "../api/resource.ts";
import { Problems } from "../problems.ts";
import { imageRelease } from "./image_release.ts";

/** Labels of the Agents' Pods. */
const AGENT_SELECTOR = "app=antrea,component=antrea-agent";
const AGENT_CONTAINER = "antrea-agent";

/** One Agent according to the cluster. */
export interface ClusterAgent {
  readonly node: string;
  /** `v2.0.0`. Missing: the cluster does not say. */
  readonly release?: string;
  /** Where the release comes from. An AntreaAgentInfo lags a minute. */
  readonly source?: "AntreaAgentInfo" | "Pod";
  /** How the session was matched to this Agent. */
  readonly by: "address" | "certificate" | "observationDomain";
}

/** Facts by which an exporter is matched to an Agent. */
export interface ExporterFacts {
  /** Without the port. */
  readonly address?: string;
  readonly certificateName?: string;
  readonly observationDomains?: Iterable<number>;
}

/** What following the Agents needs. */
export interface AgentDirectoryOptions {
  readonly client: KubernetesClient;
  readonly clock: Clock;
  readonly report: ReportEvent;
  /** Where Antrea's Agents run. */
  readonly namespace: string;
}

interface KnownAgent {
  readonly node: string;
  readonly addresses: readonly string[];
  readonly release?: string;
  readonly source?: "AntreaAgentInfo" | "Pod";
}

/**
 * The cluster's Agents with their nodes and releases. They are only displayed: rewriting depends on templates alone.
 * Pods are more current and are read if that is allowed; otherwise AntreaAgentInfos, which each Agent writes every
 * minute.
 */
export class AgentDirectory implements AsyncDisposable {
  readonly #options: AgentDirectoryOptions;
  readonly #closing = new AbortController();
  readonly #podsEnd = new AbortController();
  readonly #following: Promise<void>[] = [];
  readonly #problems: Problems;
  #read: () => readonly KnownAgent[] = () => [];
  /** Built on demand, since most changes of thousands of Pods are never looked at. */
  #index: AgentIndex | undefined;

  constructor(options: AgentDirectoryOptions) {
    this.#options = options;
    this.#problems = new Problems(options.report, "agents_unknown", "warning");
    const target = { type: PODS, namespace: options.namespace, labelSelector: AGENT_SELECTOR };
    this.#follow(pod, target, agentsOfPods, this.#podsEnd.signal, () => {
      this.#podsEnd.abort();
      this.#follow(antreaAgentInfo, { type: ANTREA_AGENT_INFOS }, agentsOfInfos, this.#closing.signal);
    });
  }

  /**
   * Finds an exporter's Agent by its Pod's address, its certificate's name, or the domain made from its node's name.
   */
  find({ address, certificateName, observationDomains = [] }: ExporterFacts): ClusterAgent | undefined {
    const { byAddress, byNode, byObservationDomain } = this.#index ??= indexAgents(this.#read());
    const atAddress = address === undefined ? undefined : byAddress.get(address);
    if (atAddress !== undefined) return describe(atAddress, "address");
    const named = certificateName === undefined ? undefined : byNode.get(certificateName);
    if (named !== undefined) return describe(named, "certificate");
    for (const domain of observationDomains) {
      const agent = byObservationDomain.get(domain);
      if (agent !== undefined) return describe(agent, "observationDomain");
    }
    return undefined;
  }

  /** How many Agents the cluster has of each release; `unknown` where it does not say. */
  get releases(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    const { byNode } = this.#index ??= indexAgents(this.#read());
    for (const { release = "unknown" } of byNode.values()) counts[release] = (counts[release] ?? 0) + 1;
    return counts;
  }

  /** What is wrong now. */
  get problems(): readonly string[] {
    return this.#problems.all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#podsEnd.abort();
    await Promise.all(this.#following);
  }

  #follow<T extends Followable>(
    schema: z.ZodType<T>,
    target: ResourceTarget,
    read: (objects: readonly T[]) => readonly KnownAgent[],
    signal: AbortSignal,
    otherwise?: () => void,
  ): void {
    const { client, clock } = this.#options;
    const { kind } = target.type;
    this.#following.push(
      follow(schema, target, {
        onRead: () => this.#problems.set(kind, undefined),
        onObjects: (objects) => {
          this.#read = () => read(objects);
          this.#index = undefined;
        },
        onFailure: (error) => {
          if (this.#closing.signal.aborted) return;
          this.#problems.set(kind, errorMessage(error));
          if (otherwise === undefined || !(error instanceof AccessDenied)) return;
          // Reported, but no problem: AntreaAgentInfos are read instead, and only if those are denied too is it one.
          this.#problems.set(kind, undefined);
          otherwise();
        },
      }, { client, clock, signal }).ended,
    );
  }
}

interface AgentIndex {
  readonly byNode: ReadonlyMap<string, KnownAgent>;
  readonly byAddress: ReadonlyMap<string, KnownAgent>;
  readonly byObservationDomain: ReadonlyMap<number, KnownAgent>;
}

function indexAgents(agents: readonly KnownAgent[]): AgentIndex {
  return {
    byNode: new Map(agents.map((agent) => [agent.node, agent])),
    byAddress: new Map(agents.flatMap((agent) => agent.addresses.map((address) => [address, agent]))),
    byObservationDomain: new Map(agents.map((agent) => [observationDomainOf(agent.node), agent])),
  };
}

function agentsOfPods(pods: readonly Pod[]): KnownAgent[] {
  return pods.flatMap(({ spec, status }) => {
    if (spec.nodeName === undefined) return [];
    const found = imageRelease(spec.containers.find(({ name }) => name === AGENT_CONTAINER)?.image ?? "");
    const addresses = [status?.podIP, status?.hostIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)];
    return [{
      node: spec.nodeName,
      addresses: addresses.filter((each) => each !== undefined),
      ...("release" in found ? { ...found, source: "Pod" as const } : {}),
    }];
  });
}

function agentsOfInfos(infos: readonly AntreaAgentInfo[]): KnownAgent[] {
  return infos.map(({ metadata, version = "" }) => {
    const found = imageRelease(`antrea-agent:${version}`);
    return {
      node: metadata.name,
      addresses: [],
      ...("release" in found ? { ...found, source: "AntreaAgentInfo" as const } : {}),
    };
  });
}

function describe({ node, release, source }: KnownAgent, by: ClusterAgent["by"]): ClusterAgent {
  return {
    node,
    ...(release === undefined ? {} : { release }),
    ...(source === undefined ? {} : { source }),
    by,
  };
}

/** The observation domain of the Agent on this node: FNV-1 of its name, 32 bits, as Antrea makes it. */
export function observationDomainOf(node: string): number {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(node)) hash = (Math.imul(hash, 0x01000193) ^ octet) >>> 0;
  return hash;
}
