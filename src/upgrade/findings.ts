import { usesGrpc } from "../config/profiles/antrea_releases.ts";
import { imageRelease } from "../kubernetes/release/image_release.ts";
import type { ClusterState } from "./cluster.ts";
import type { Upgrade } from "./upgrade.ts";

/** One thing that was looked at. */
export interface Finding {
  /** Whether it is as the plan expects. */
  readonly expected: boolean;
  readonly text: string;
}

const PROXY_PORTS = ["ipfix-proxy", "ipfix-proxy-udp"];
/** The proxy's port for gRPC, in a gateway and in a sidecar. */
const GRPC_PORTS = ["grpc", "grpc-proxy"];

/** Compares a cluster with what an upgrade expects, before it or on its way. */
export function findings(upgrade: Upgrade, cluster: ClusterState): Finding[] {
  return [
    ...aggregatorFindings(upgrade, cluster),
    ...agentFindings(upgrade, cluster),
    ...serviceFindings(cluster),
    ...proxyFindings(upgrade, cluster),
    ...trustFindings(upgrade, cluster),
  ];
}

function aggregatorFindings({ from, to }: Upgrade, { aggregator, mode }: ClusterState): Finding[] {
  if (aggregator === undefined) {
    return [{ expected: false, text: "there is no Deployment flow-aggregator/flow-aggregator" }];
  }
  const { image = "", replicas } = aggregator;
  const found = imageRelease(image);
  const line = "release" in found ? /^v\d+\.\d+/.exec(found.release)?.[0] : undefined;
  const known = line !== undefined && [from.line, to.line].includes(line);
  const wanted = `the plan is for ${from.release} to ${to.release}`;
  return [
    "release" in found
      ? { expected: known, text: `the Aggregator is ${found.release}${known ? "" : `, and ${wanted}`}` }
      : {
        expected: false,
        text: `${found.reason}: name collector.profile, and tls.mode, in the proxy's configuration`,
      },
    replicas <= 1 || mode === "Proxy"
      ? {
        expected: true,
        text: `the Aggregator has ${replicas} ${replicas === 1 ? "replica" : "replicas"} in mode ${mode}`,
      }
      : {
        expected: false,
        text:
          `the Aggregator has ${replicas} replicas in mode ${mode}: the two halves of a flow reach different ones (one replica, or mode Proxy)`,
      },
  ];
}

function agentFindings(upgrade: Upgrade, cluster: ClusterState): Finding[] {
  const { from, to } = upgrade;
  const found = [...cluster.agents].map(([version, count]): Finding => {
    const line = /^v\d+\.\d+/.exec(version)?.[0] ?? version;
    const expected = [from.line, to.line].includes(line);
    const rest = expected ? "" : `, and the plan is for ${from.release} to ${to.release}`;
    return { expected, text: `${count} ${count === 1 ? "Agent is" : "Agents are"} ${version}${rest}` };
  });
  if (found.length === 0) {
    found.push({ expected: false, text: "there is no AntreaAgentInfo: no Agent says its release" });
  }
  return [...found, ...exportFindings(upgrade, cluster)];
}

/** Whether the transport that Agents export by is served. */
function exportFindings({ from, servesGrpc }: Upgrade, cluster: ClusterState): Finding[] {
  const { agents, transport, flowCollectorAddress, service, gateway, aggregator } = cluster;
  const found: Finding[] = [];
  if (transport === "none" && !usesGrpc(from)) {
    found.push({
      expected: false,
      text:
        `the Aggregator takes no IPFIX (aggregatorTransportProtocol: none), and Agents ${from.line} send nothing else: give the proxy ` +
        "collector.transport: grpc",
    });
  }
  if (!servesGrpc) return found;
  const pinned = /:4739(?::(?:tls|tcp|udp))?$/.test(flowCollectorAddress ?? "");
  const there = gateway !== undefined || aggregator?.hasProxy === true;
  const served = there &&
    service?.ports.some(({ port, targetPort }) => port === 14739 && GRPC_PORTS.includes(targetPort)) === true;
  const count = [...agents].reduce((sum, [version, each]) => sum + (exportsByGrpc(version) ? each : 0), 0);
  const [verb, whose] = count === 1 ? ["Agent exports", "its flows are"] : ["Agents export", "their flows are"];
  if (pinned) {
    found.push({ expected: true, text: `Agents are pinned to IPFIX: flowCollectorAddr ${flowCollectorAddress}` });
  } else if (served) {
    found.push({ expected: true, text: "port 14739 of the Service, gRPC, goes to the proxy" });
  } else {
    found.push({
      expected: count === 0,
      text: count === 0
        ? "no Agent exports by gRPC yet: the Service has to go to the proxy before the first one is upgraded"
        : `${count} ${verb} by gRPC, and port 14739 of the Service does not go to a proxy: ${whose} lost (redirect-gateway)`,
    });
  }
  return found;
}

function exportsByGrpc(version: string): boolean {
  const release = /^v\d+\.\d+\.\d+/.exec(version)?.[0];
  return release !== undefined && usesGrpc({ release });
}

function serviceFindings({ service, aggregator, gateway }: ClusterState): Finding[] {
  if (service === undefined) return [{ expected: false, text: "there is no Service flow-aggregator/flow-aggregator" }];
  const [first, second] = service.ports;
  const inPlace = first?.name === "ipfix-udp" && second?.name === "ipfix-tcp";
  const toProxy = service.ports.some(({ targetPort }) => PROXY_PORTS.includes(targetPort));
  const toGateway = service.selector.app === "ipfix-skew-proxy";
  const there = toGateway ? gateway !== undefined : aggregator?.hasProxy === true;
  return [
    {
      expected: inPlace,
      text: inPlace
        ? "the Service's ports are in upstream's order"
        : "the Service's first two ports are not ipfix-udp and ipfix-tcp: the patches of redirect and restore will refuse it",
    },
    toProxy || toGateway
      ? {
        expected: there,
        text: there
          ? "the Service goes to the proxy"
          : "the Service goes to a proxy that is not there (patch it with restore/service.yaml)",
      }
      : { expected: true, text: "the Service goes to the Aggregator" },
  ];
}

function proxyFindings({ oneProxy, needed, overlay }: Upgrade, cluster: ClusterState): Finding[] {
  const { aggregator, gateway, service, transport } = cluster;
  const found: Finding[] = [];
  if (gateway !== undefined && gateway.replicas > 1) {
    found.push({
      expected: !oneProxy,
      text: oneProxy
        ? `there are ${gateway.replicas} gateways, and an Aggregator up to v2.2 keeps one layout for each template id over all sessions: ` +
          "scale deployment/ipfix-skew-proxy to 1"
        : `there are ${gateway.replicas} gateways`,
    });
  }
  if (gateway !== undefined && aggregator?.hasProxy === true) {
    found.push({
      expected: false,
      text: "there is a gateway and a sidecar: every flow is rewritten twice (take one of them out)",
    });
  }
  const replicas = Math.max(gateway?.replicas ?? 0, aggregator?.replicas ?? 0);
  if (transport === "udp" && replicas > 1) {
    const together = service?.sessionAffinity === "ClientIP";
    found.push({
      expected: together,
      text: together
        ? "UDP sessions stay with one Pod (sessionAffinity: ClientIP)"
        : "UDP without sessionAffinity: ClientIP: an Agent's templates and data reach different Pods",
    });
  }
  const others = aggregator?.initContainers.filter((name) => name !== "ipfix-skew-proxy") ?? [];
  if (needed && overlay === "sidecar" && others.length > 0) {
    found.push({
      expected: false,
      text: `the Aggregator has init containers (${
        others.join(", ")
      }): the sidecar's patch refuses to go before them by itself`,
    });
  }
  return found;
}

/** A proxy that is killed leaves its CA in the bundle. With a CA kept in a Secret, the name is the Secret's. */
function trustFindings({ overlay }: Upgrade, { proxyAuthorities, gateway, aggregator }: ClusterState): Finding[] {
  const proxies = (gateway?.replicas ?? 0) + (aggregator?.hasProxy === true ? aggregator.replicas : 0);
  const left = proxyAuthorities.filter(({ hasPod }) => !hasPod).map(({ name }) => name);
  if (proxyAuthorities.length <= proxies || left.length === 0) return [];
  const [whose, is] = left.length === 1 ? ["a proxy", "is"] : [`${left.length} proxies`, "are"];
  return [{
    expected: false,
    text:
      `ConfigMap flow-aggregator-ca still holds the CA of ${whose} that ${is} gone (${left.join(", ")}): one that is ` +
      `killed leaves it there (deno task restore --config config/kubernetes/${overlay}/proxy.yaml --kubeconfig FILE; a proxy ` +
      "that runs appends its own again)",
  }];
}
