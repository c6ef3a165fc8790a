import type { AbstractDataType } from "../ipfix/types/abstract_data_type.ts";
import type { InformationElement } from "../ipfix/registry/information_element.ts";
import type { CollectedValue } from "./collected_value.ts";

/** Seconds since 1970 at which the demo's first flow starts. */
const FIRST_FLOW = 1_767_225_600;

/**
 * Returns the value that an Agent reports of a flow. It differs for every element and nearly every flow, so that a
 * value in the wrong place never looks right.
 *
 * @param flow counted from 0
 * @param node the Node's name
 */
export function flowValue(element: InformationElement, flow: number, node: string): CollectedValue {
  return BY_NAME[element.name]?.(flow, node) ?? byType(element.type, element.id, flow);
}

const BY_NAME: Readonly<Record<string, (flow: number, node: string) => CollectedValue>> = {
  flowStartSeconds: (flow) => FIRST_FLOW + flow,
  flowEndSeconds: (flow) => FIRST_FLOW + 3600 + flow,
  sourceTransportPort: (flow) => 32_768 + flow % 28_000,
  destinationTransportPort: (flow) => 8000 + flow % 1000,
  protocolIdentifier: () => 6,
  sourcePodName: (flow) => `frontend-${flow}`,
  sourcePodNamespace: () => "shop",
  sourceNodeName: (_flow, node) => node,
  destinationPodName: (flow) => `orders-${flow}`,
  destinationPodNamespace: () => "backend",
  destinationNodeName: () => "node-9",
  destinationServicePortName: (flow) => `backend/orders:${flow}`,
  ingressNetworkPolicyName: (flow) => `allow-frontend-${flow}`,
  egressNetworkPolicyName: (flow) => `allow-orders-${flow}`,
  tcpState: () => "ESTABLISHED",
  egressName: (flow) => `egress-${flow}`,
  egressIP: (flow) => `203.0.113.${flow % 256}`,
  egressNodeName: (flow) => `egress-node-${flow}`,
  appProtocolName: () => "http",
  httpVals: (flow) => `{"0":{"hostname":"orders","url":"/orders/${flow}"}}`,
};

/** Returns a value that differs from element to element, because it contains the element's id. */
function byType(type: AbstractDataType, id: number, flow: number): CollectedValue {
  switch (type) {
    case "unsigned8":
    case "signed8":
      return 1 + (id + flow) % 100;
    case "unsigned16":
    case "signed16":
      return 1 + (id * 31 + flow) % 30_000;
    case "unsigned64":
    case "signed64":
    case "dateTimeMilliseconds":
      return BigInt(id) * 1_000_000n + BigInt(flow);
    case "boolean":
      return flow % 2 === 0;
    case "string":
      return `element ${id} of flow ${flow}`;
    case "ipv4Address":
      return `10.${id % 256}.${flow >> 8 & 255}.${flow & 255}`;
    case "ipv6Address":
      return `2001:db8:${id.toString(16)}::${(flow + 1).toString(16)}`;
    case "macAddress":
      return `02:00:5e:00:${(id % 256).toString(16).padStart(2, "0")}:${(flow % 256).toString(16).padStart(2, "0")}`;
    case "octetArray":
      return (flow % 65_536).toString(16).padStart(4, "0");
    default:
      return id * 1000 + flow;
  }
}
