/**
 * Flows as Agents of a release make them, with the values that the records of go-ipfix peers have in these tests: what
 * a field of a flow is in IPFIX is said here once more, apart from the table of the proxy.
 */
import { create } from "@bufbuild/protobuf";
import { type Flow, FlowSchema } from "../../../src/proxy/transport/grpc/flow/flow_export_pb.ts";
import { parseAddress } from "../../../src/ipfix/types/address.ts";
import { type Family, type Line, templateOf } from "../peers/releases.ts";
import { type Flavour, valueOf } from "../peers/values.ts";

/** As {@link valueOf}; the address of an Egress, a string in IPFIX, is one. */
export function flowValueOf(name: string, number: number, flavour: Flavour): string {
  if (name !== "egressIP") return valueOf(name, number, flavour);
  const address = valueOf(number % 2 === 0 ? "proxySnatIPv4" : "proxySnatIPv6", number, flavour);
  return number % 5 === 0 ? "" : address;
}

const seconds = (text: string) => create(FlowSchema, { startTs: { seconds: BigInt(text) } }).startTs;
const octets = (text: string) => text === "" ? new Uint8Array(0) : parseAddress(text) ?? failed(text);

function failed(text: string): never {
  throw new RangeError(`${text} is no address`);
}

type Kubernetes = NonNullable<Flow["k8s"]>;
type Stats = NonNullable<Flow["stats"]>;
type Set = (flow: Flow, value: string) => void;

const text = (key: keyof Kubernetes): Set => ({ k8s }, value) => Object.assign(k8s ?? {}, { [key]: value });
const number = (key: keyof Kubernetes): Set => ({ k8s }, value) => Object.assign(k8s ?? {}, { [key]: Number(value) });
const address = (key: keyof Kubernetes): Set => ({ k8s }, value) => Object.assign(k8s ?? {}, { [key]: octets(value) });
const stats = (side: "stats" | "reverseStats", key: keyof Stats): Set => (flow, value) =>
  Object.assign(flow[side] ?? {}, { [key]: BigInt(value) });

/** What sets an element's value in a flow; `IPv?` for both families. */
const SETTERS: Readonly<Record<string, Set>> = {
  flowStartSeconds: (flow, value) => Object.assign(flow, { startTs: seconds(value) }),
  flowEndSeconds: (flow, value) => Object.assign(flow, { endTs: seconds(value) }),
  flowEndReason: (flow, value) => Object.assign(flow, { endReason: Number(value) }),
  "sourceIPv?Address": ({ ip }, value) => Object.assign(ip ?? {}, { source: octets(value) }),
  "destinationIPv?Address": ({ ip }, value) => Object.assign(ip ?? {}, { destination: octets(value) }),
  protocolIdentifier: ({ transport }, value) => Object.assign(transport ?? {}, { protocolNumber: Number(value) }),
  sourceTransportPort: ({ transport }, value) => Object.assign(transport ?? {}, { sourcePort: Number(value) }),
  destinationTransportPort: ({ transport }, value) =>
    Object.assign(transport ?? {}, { destinationPort: Number(value) }),
  tcpState: (flow, stateName) => {
    if (stateName === "") return;
    const { transport } = create(FlowSchema, { transport: { protocol: { case: "TCP", value: { stateName } } } });
    Object.assign(flow.transport ?? {}, { protocol: transport?.protocol });
  },
  packetTotalCount: stats("stats", "packetTotalCount"),
  packetDeltaCount: stats("stats", "packetDeltaCount"),
  octetTotalCount: stats("stats", "octetTotalCount"),
  octetDeltaCount: stats("stats", "octetDeltaCount"),
  reversePacketTotalCount: stats("reverseStats", "packetTotalCount"),
  reversePacketDeltaCount: stats("reverseStats", "packetDeltaCount"),
  reverseOctetTotalCount: stats("reverseStats", "octetTotalCount"),
  reverseOctetDeltaCount: stats("reverseStats", "octetDeltaCount"),
  flowType: number("flowType"),
  sourcePodNamespace: text("sourcePodNamespace"),
  sourcePodName: text("sourcePodName"),
  sourceNodeName: text("sourceNodeName"),
  destinationPodNamespace: text("destinationPodNamespace"),
  destinationPodName: text("destinationPodName"),
  destinationNodeName: text("destinationNodeName"),
  "destinationClusterIPv?": address("destinationClusterIp"),
  "destinationServiceIPv?": address("destinationServiceIp"),
  destinationServicePort: number("destinationServicePort"),
  destinationServicePortName: text("destinationServicePortName"),
  ingressNetworkPolicyType: number("ingressNetworkPolicyType"),
  ingressNetworkPolicyNamespace: text("ingressNetworkPolicyNamespace"),
  ingressNetworkPolicyName: text("ingressNetworkPolicyName"),
  ingressNetworkPolicyRuleName: text("ingressNetworkPolicyRuleName"),
  ingressNetworkPolicyRuleAction: number("ingressNetworkPolicyRuleAction"),
  egressNetworkPolicyType: number("egressNetworkPolicyType"),
  egressNetworkPolicyNamespace: text("egressNetworkPolicyNamespace"),
  egressNetworkPolicyName: text("egressNetworkPolicyName"),
  egressNetworkPolicyRuleName: text("egressNetworkPolicyRuleName"),
  egressNetworkPolicyRuleAction: number("egressNetworkPolicyRuleAction"),
  egressName: text("egressName"),
  egressIP: address("egressIp"),
  egressNodeName: text("egressNodeName"),
  appProtocolName: ({ app }, value) => Object.assign(app ?? {}, { protocolName: value }),
  httpVals: ({ app }, value) => Object.assign(app ?? {}, { httpVals: new TextEncoder().encode(value) }),
  "proxySnatIPv?": (flow, value) => Object.assign(flow, { proxySnatIp: octets(value) }),
  proxySnatPort: (flow, value) => Object.assign(flow, { proxySnatPort: Number(value) }),
};

/** The flow whose values are those of record `number`, of an Agent of this line. */
export function agentFlow(line: Line, family: Family, number: number, flavour: Flavour, domain = 7): Flow {
  const names = templateOf(line, family);
  const flow = create(FlowSchema, {
    ipfix: { exportTime: { seconds: 1_700_000_000n }, observationDomainId: domain },
    ip: { version: family === "ipv4" ? 4 : 6 },
    transport: {},
    k8s: {},
    stats: {},
    reverseStats: {},
    // Agents up to v2.5 always say one.
    ...(names.includes("httpVals") ? { app: {} } : {}),
  });
  for (const name of names) {
    const set = SETTERS[name.replace(/IPv[46]/, "IPv?")];
    if (set === undefined) throw new RangeError(`no flow says ${name}`);
    set(flow, flowValueOf(name, number, flavour));
  }
  return flow;
}

/** So many flows, of both families in turn. */
export function agentFlows(line: Line, count: number, flavour: Flavour, first = 0): Flow[] {
  return Array.from(
    { length: count },
    (_, index) => agentFlow(line, (first + index) % 2 === 0 ? "ipv4" : "ipv6", first + index, flavour),
  );
}
