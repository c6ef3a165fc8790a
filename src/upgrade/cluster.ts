import { parse } from "@std/yaml";
import { z } from "zod";
import { isNotFound } from "../kubernetes/api/api_error.ts";
import type { KubernetesClient } from "../kubernetes/api/client.ts";
import { antreaAgentInfo, configMap, kubernetesObject } from "../kubernetes/api/objects.ts";
import { aggregatorObjects, CA_KEY } from "../kubernetes/trust/aggregator_objects.ts";
import { commonName, isOwn, readableCertificates } from "../kubernetes/trust/certificate_bundle.ts";
import {
  ANTREA_AGENT_INFOS,
  CONFIG_MAPS,
  type ObjectTarget,
  PODS,
  type ResourceType,
} from "../kubernetes/api/resource.ts";

/** The namespace of the overlays of config/kubernetes. */
const NAMESPACE = "flow-aggregator";
const AGENTS_NAMESPACE = "kube-system";
const PROXY = "ipfix-skew-proxy";
const PART_OF = "app.kubernetes.io/part-of";

const DEPLOYMENTS: ResourceType = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment" };
const DAEMON_SETS: ResourceType = { group: "apps", version: "v1", plural: "daemonsets", kind: "DaemonSet" };
const SERVICES: ResourceType = { group: "", version: "v1", plural: "services", kind: "Service" };

/** A Deployment, as far as an upgrade looks at it. */
export interface DeploymentState {
  readonly replicas: number;
  /** Of the container flow-aggregator. */
  readonly image?: string;
  readonly initContainers: readonly string[];
  /** Whether a proxy is in its Pods. */
  readonly hasProxy: boolean;
}

/** Service flow-aggregator, as far as an upgrade looks at it. */
export interface ServiceState {
  readonly selector: Readonly<Record<string, string>>;
  readonly sessionAffinity: string;
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: string;
    readonly targetPort: string;
  }[];
}

/** What a cluster has, as far as an upgrade looks at it. What is not there is missing. */
export interface ClusterState {
  readonly aggregator?: DeploymentState;
  readonly gateway?: DeploymentState;
  readonly service?: ServiceState;
  /** `Aggregate` or `Proxy`. */
  readonly mode: string;
  /** `tls`, `tcp`, `udp` or `none`. */
  readonly transport: string;
  /** Releases of Agents, as they say, with how many have it. */
  readonly agents: ReadonlyMap<string, number>;
  /** Proxies whose CA is in the bundle that Agents read, by name, and whether there is a Pod of that name. */
  readonly proxyAuthorities: readonly { readonly name: string; readonly hasPod: boolean }[];
  /** Where Agents export to. Missing: their release's default. */
  readonly flowCollectorAddress?: string;
}

/** A Deployment or a DaemonSet. */
const deploymentSchema = kubernetesObject.extend({
  spec: z.looseObject({
    replicas: z.number().default(1),
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()).default({}) }),
      spec: z.looseObject({
        containers: z.array(z.looseObject({ name: z.string(), image: z.string().optional() })),
        initContainers: z.array(z.looseObject({ name: z.string() })).nullish(),
        volumes: z.array(z.looseObject({ name: z.string(), configMap: z.looseObject({ name: z.string() }).optional() }))
          .nullish(),
      }),
    }),
  }),
});
type DeploymentObject = z.infer<typeof deploymentSchema>;

const serviceSchema = kubernetesObject.extend({
  spec: z.looseObject({
    selector: z.record(z.string(), z.string()).default({}),
    sessionAffinity: z.string().default("None"),
    ports: z.array(z.looseObject({
      name: z.string().default(""),
      port: z.number(),
      protocol: z.string().default("TCP"),
      targetPort: z.union([z.string(), z.number()]).default(""),
    })).default([]),
  }),
});

/** Reads the state of a cluster. @throws AccessDenied that names the missing rule, ApiUnreachable */
export async function readCluster(client: KubernetesClient): Promise<ClusterState> {
  const [aggregator, gateway, service, agents, agentConfiguration, proxyAuthorities] = await Promise.all([
    client.find(deploymentSchema, named(DEPLOYMENTS, "flow-aggregator")),
    client.find(deploymentSchema, named(DEPLOYMENTS, PROXY)),
    client.find(serviceSchema, named(SERVICES, "flow-aggregator")),
    agentReleases(client),
    findAgentConfiguration(client),
    findProxyAuthorities(client),
  ]);
  const configuration = await aggregatorConfiguration(client, aggregator);
  const agentSettings = yaml(agentConfiguration?.data?.["antrea-agent.conf"]);
  // Before v1.13 it stood on the top level.
  const address = AGENT_CONFIGURATION.parse(agentSettings);
  const flowCollectorAddress = address.flowExporter?.flowCollectorAddr ?? address.flowCollectorAddr ?? "";
  return {
    ...(aggregator === undefined ? {} : { aggregator: deploymentState(aggregator) }),
    ...(gateway === undefined ? {} : { gateway: deploymentState(gateway) }),
    ...(service === undefined ? {} : { service: serviceState(service) }),
    mode: configuration.mode,
    transport: configuration.aggregatorTransportProtocol,
    agents,
    proxyAuthorities,
    ...(flowCollectorAddress === "" ? {} : { flowCollectorAddress }),
  };
}

const AGENT_CONFIGURATION = z.looseObject({
  flowExporter: z.looseObject({ flowCollectorAddr: z.string().nullish() }).nullish().catch(undefined),
  flowCollectorAddr: z.string().nullish().catch(undefined),
}).catch({});
const AGGREGATOR_CONFIGURATION = z.looseObject({
  mode: z.string().catch("Aggregate"),
  aggregatorTransportProtocol: z.string().catch("tls"),
}).catch({ mode: "Aggregate", aggregatorTransportProtocol: "tls" });

function named(type: ResourceType, name: string): ObjectTarget {
  return { type, namespace: NAMESPACE, name };
}

/** The configuration that the Deployment mounts: up to v1.5 its ConfigMap's name carries a hash. */
async function aggregatorConfiguration(client: KubernetesClient, aggregator: DeploymentObject | undefined) {
  const volumes = aggregator?.spec.template.spec.volumes ?? [];
  const name = volumes.find((volume) => volume.name === "flow-aggregator-config")?.configMap?.name;
  const object = name === undefined ? undefined : await client.find(configMap, named(CONFIG_MAPS, name));
  return AGGREGATOR_CONFIGURATION.parse(yaml(object?.data?.["flow-aggregator.conf"]));
}

/** The configuration that the Agents' DaemonSet mounts: up to v1.6 its ConfigMap's name carries a hash. */
async function findAgentConfiguration(client: KubernetesClient) {
  const target = { type: DAEMON_SETS, namespace: AGENTS_NAMESPACE, name: "antrea-agent" };
  const volumes = (await client.find(deploymentSchema, target))?.spec.template.spec.volumes ?? [];
  const mounted = volumes.find((volume) => volume.name === "antrea-config")?.configMap?.name;
  const name = mounted ?? "antrea-config";
  return await client.find(configMap, { type: CONFIG_MAPS, namespace: AGENTS_NAMESPACE, name });
}

async function findProxyAuthorities(client: KubernetesClient): Promise<ClusterState["proxyAuthorities"]> {
  const bundle = await client.find(configMap, aggregatorObjects(NAMESPACE).bundle);
  const own = readableCertificates(bundle?.data?.[CA_KEY] ?? "").filter(isOwn);
  if (own.length === 0) return [];
  const { objects } = await client.list(kubernetesObject, { type: PODS, namespace: NAMESPACE });
  const pods = new Set(objects.map(({ metadata }) => metadata.name));
  return own.map(({ certificate }) => commonName(certificate)).map((name) => ({ name, hasPod: pods.has(name) }));
}

function yaml(text: string | undefined): unknown {
  try {
    return parse(text ?? "") ?? {};
  } catch {
    return {};
  }
}

async function agentReleases(client: KubernetesClient): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const objects = await findAgentInfos(client);
  for (const { version = "unknown" } of objects) counts.set(version, (counts.get(version) ?? 0) + 1);
  return counts;
}

/** The AntreaAgentInfos; none in a cluster that does not know the kind. */
async function findAgentInfos(client: KubernetesClient) {
  try {
    return (await client.list(antreaAgentInfo, { type: ANTREA_AGENT_INFOS })).objects;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function deploymentState({ spec: { replicas, template } }: DeploymentObject): DeploymentState {
  const { containers, initContainers } = template.spec;
  const image = containers.find(({ name }) => name === "flow-aggregator")?.image;
  return {
    replicas,
    ...(image === undefined ? {} : { image }),
    initContainers: (initContainers ?? []).map(({ name }) => name),
    hasProxy: template.metadata.labels[PART_OF] === PROXY,
  };
}

function serviceState({ spec: { selector, sessionAffinity, ports } }: z.infer<typeof serviceSchema>): ServiceState {
  return {
    selector,
    sessionAffinity,
    ports: ports.map(({ targetPort, ...port }) => ({ ...port, targetPort: String(targetPort) })),
  };
}
