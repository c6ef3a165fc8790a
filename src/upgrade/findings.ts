import { antreaRelease } from "../config/profiles/antrea_releases.ts";
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

/** Compares a cluster with what an upgrade expects, before it or on its way. */
export function findings(upgrade: Upgrade, cluster: ClusterState): Finding[] {
  return [
    ...aggregatorFindings(upgrade, cluster),
    ...agentFindings(upgrade, cluster),
    ...serviceFindings(cluster),
    ...proxyFindings(upgrade, cluster),
  ];
}

function aggregatorFindings({ from, to }: Upgrade, { aggregator, mode }: ClusterState): Finding[] {
  if (aggregator === undefined) {
    return [{ expected: false, text: "there is no Deployment flow-aggregator/flow-aggregator" }];
  }
  const { image = "", replicas } = aggregator;
  const found = imageRelease(image);
  const of = "release" in found ? antreaRelease(`antrea/${found.release}`) : undefined;
  const known = of !== undefined && [from.line, to.line].includes(of.line);
  const wanted = `the plan is for ${from.release} to ${to.release}`;
  return [
    "release" in found
      ? { expected: known, text: `the Aggregator is ${found.release}${known ? "" : `, and ${wanted}`}` }
      : {
        expected: false,
        text: `${found.reason}: name collector.profile, and tls.mode, in the proxy's configuration`,
      },
    replicas <= 1 || mode === "Proxy"
      ? { expected: true, text: `the Aggregator has ${replicas} replicas in mode ${mode}` }
      : {
        expected: false,
        text:
          `the Aggregator has ${replicas} replicas in mode ${mode}: the two halves of a flow reach different ones (one replica, or mode Proxy)`,
      },
  ];
}

function agentFindings({ from, to, pinIpfix }: Upgrade, { agents, flowCollectorAddress }: ClusterState): Finding[] {
  const found = [...agents].map(([version, count]): Finding => {
    const line = /^v\d+\.\d+/.exec(version)?.[0] ?? version;
    const expected = [from.line, to.line].includes(line);
    const rest = expected ? "" : `, and the plan is for ${from.release} to ${to.release}`;
    return { expected, text: `${count} ${count === 1 ? "Agent is" : "Agents are"} ${version}${rest}` };
  });
  if (found.length === 0) {
    found.push({ expected: false, text: "there is no AntreaAgentInfo: no Agent says its release" });
  }
  if (!pinIpfix) return found;
  const pinned = /:4739(?::(?:tls|tcp|udp))?$/.test(flowCollectorAddress ?? "");
  found.push({
    expected: pinned,
    text: pinned
      ? `Agents are pinned to IPFIX: flowCollectorAddr ${flowCollectorAddress}`
      : `Agents are not pinned to IPFIX: flowCollectorAddr is ${flowCollectorAddress ?? "the default"}, ` +
        `which from v2.4 on is gRPC ("flow-aggregator/flow-aggregator:4739:tls")`,
  });
  return found;
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
