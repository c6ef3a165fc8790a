/**
 * The table of which field of Antrea's `Flow` is which information element. Both directions use it.
 *
 * @module
 */

/** The representation of a value on either side. */
export type FlowFieldKind =
  /** `uint32` or an enumeration ↔ an unsigned integer. */
  | "number"
  /** `uint64` ↔ `unsigned64`. */
  | "count"
  /** The whole seconds of a `Timestamp`, an `int64` ↔ `dateTimeSeconds`. */
  | "seconds"
  /** `string` ↔ `string`, octet for octet. */
  | "text"
  /** `bytes` ↔ `string`, octet for octet. */
  | "octets"
  /** `bytes`, 4 or 16 of them ↔ an address. */
  | "address"
  /** The same ↔ the address as text, a `string`. */
  | "addressText";

/** A row of the table. */
export interface FlowField {
  /** The path of the field in `Flow`, by the names in the .proto file. */
  readonly flow: string;
  /**
   * The element's name, with `IPv?` for IPv4 and IPv6. Undefined if the field belongs to the message, not the record.
   */
  readonly element?: string;
  readonly kind: FlowFieldKind;
  /** The field to use instead if this one is empty. */
  readonly otherwise?: string;
  /** Whether an address of zeros is written to a flow. Otherwise it means that there is none. */
  readonly always?: true;
}

/** Fields that belong to the message. */
export const DOMAIN = "ipfix.observation_domain_id";
export const EXPORT_TIME = "ipfix.export_time.seconds";
export const IP_VERSION = "ip.version";

const policy = (direction: "ingress" | "egress"): FlowField[] => {
  const [flow, element] = [`k8s.${direction}_network_policy_`, `${direction}NetworkPolicy`];
  return [
    { flow: `${flow}type`, element: `${element}Type`, kind: "number" },
    { flow: `${flow}namespace`, element: `${element}Namespace`, kind: "text" },
    { flow: `${flow}name`, element: `${element}Name`, kind: "text" },
    { flow: `${flow}rule_name`, element: `${element}RuleName`, kind: "text" },
    { flow: `${flow}rule_action`, element: `${element}RuleAction`, kind: "number" },
  ];
};

/** The rows, grouped as the messages of the .proto file are. */
export const FLOW_FIELDS: readonly FlowField[] = [
  { flow: EXPORT_TIME, kind: "seconds" },
  { flow: DOMAIN, kind: "number" },
  { flow: "start_ts.seconds", element: "flowStartSeconds", kind: "seconds" },
  { flow: "end_ts.seconds", element: "flowEndSeconds", kind: "seconds" },
  { flow: "end_reason", element: "flowEndReason", kind: "number" },
  { flow: IP_VERSION, kind: "number" },
  { flow: "ip.source", element: "sourceIPv?Address", kind: "address", always: true },
  { flow: "ip.destination", element: "destinationIPv?Address", kind: "address", always: true },
  { flow: "transport.protocol_number", element: "protocolIdentifier", kind: "number" },
  { flow: "transport.source_port", element: "sourceTransportPort", kind: "number" },
  { flow: "transport.destination_port", element: "destinationTransportPort", kind: "number" },
  { flow: "transport.TCP.state_name", element: "tcpState", kind: "text" },
  { flow: "k8s.flow_type", element: "flowType", kind: "number" },
  { flow: "k8s.source_pod_namespace", element: "sourcePodNamespace", kind: "text" },
  { flow: "k8s.source_pod_name", element: "sourcePodName", kind: "text" },
  { flow: "k8s.source_node_name", element: "sourceNodeName", kind: "text" },
  { flow: "k8s.destination_pod_namespace", element: "destinationPodNamespace", kind: "text" },
  { flow: "k8s.destination_pod_name", element: "destinationPodName", kind: "text" },
  { flow: "k8s.destination_node_name", element: "destinationNodeName", kind: "text" },
  {
    flow: "k8s.destination_cluster_ip",
    element: "destinationClusterIPv?",
    kind: "address",
    otherwise: "k8s.destination_service_ip",
  },
  { flow: "k8s.destination_service_port", element: "destinationServicePort", kind: "number" },
  { flow: "k8s.destination_service_port_name", element: "destinationServicePortName", kind: "text" },
  ...policy("ingress"),
  ...policy("egress"),
  { flow: "k8s.egress_name", element: "egressName", kind: "text" },
  { flow: "k8s.egress_ip", element: "egressIP", kind: "addressText" },
  { flow: "k8s.egress_node_name", element: "egressNodeName", kind: "text" },
  { flow: "k8s.destination_service_ip", element: "destinationServiceIPv?", kind: "address" },
  { flow: "stats.packet_total_count", element: "packetTotalCount", kind: "count" },
  { flow: "stats.packet_delta_count", element: "packetDeltaCount", kind: "count" },
  { flow: "stats.octet_total_count", element: "octetTotalCount", kind: "count" },
  { flow: "stats.octet_delta_count", element: "octetDeltaCount", kind: "count" },
  { flow: "reverse_stats.packet_total_count", element: "reversePacketTotalCount", kind: "count" },
  { flow: "reverse_stats.packet_delta_count", element: "reversePacketDeltaCount", kind: "count" },
  { flow: "reverse_stats.octet_total_count", element: "reverseOctetTotalCount", kind: "count" },
  { flow: "reverse_stats.octet_delta_count", element: "reverseOctetDeltaCount", kind: "count" },
  { flow: "app.protocol_name", element: "appProtocolName", kind: "text" },
  { flow: "app.http_vals", element: "httpVals", kind: "octets" },
  { flow: "proxy_snat_ip", element: "proxySnatIPv?", kind: "address" },
  { flow: "proxy_snat_port", element: "proxySnatPort", kind: "number" },
];

/** The row of a field, by its path in `Flow`. @throws RangeError if there is none */
export function flowFieldAt(flow: string): number {
  const index = FLOW_FIELDS.findIndex((field) => field.flow === flow);
  if (index < 0) throw new RangeError(`no row for ${flow}`);
  return index;
}

/** A row, with the address family of the element if it has one. */
export interface ElementRow {
  readonly row: number;
  readonly family?: 4 | 6;
}

/** Rows by the name of the element. */
export const ROWS_BY_ELEMENT: ReadonlyMap<string, ElementRow> = new Map(
  FLOW_FIELDS.flatMap(({ element }, row): [string, ElementRow][] => {
    if (element === undefined) return [];
    if (!element.includes("IPv?")) return [[element, { row }]];
    return ([4, 6] as const).map((family) => [element.replace("?", String(family)), { row, family }]);
  }),
);
