import type { InformationElement } from "../../../src/ipfix/registry/information_element.ts";
import { VARIABLE_LENGTH } from "../../../src/ipfix/types/abstract_data_type.ts";
import { MESSAGE_HEADER_LENGTH, writeMessageHeader } from "../../../src/ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH, TEMPLATE_SET_ID, writeSetHeader } from "../../../src/ipfix/message/set.ts";
import { concatenate } from "../../../src/ipfix/octets/concatenate.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";
import { encodeTemplateRecord } from "../../../src/ipfix/record/template_record.ts";
import { defaultOctets, encodeValue, type Value } from "../../../src/ipfix/types/value.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";

/** Octets that a read of the proxy takes at most: what is sent is built in blocks of this size. */
export const BLOCK_LENGTH = 256 * 1024;

/** Which templates an exporter of the workload uses, and how many records it puts into a message. */
export interface WorkloadOptions {
  readonly families: "IPv4" | "both";
  readonly recordsPerMessage: number;
  /** Octets of a block at most, {@link BLOCK_LENGTH} by default. */
  readonly blockLength?: number;
}

/** What one exporter sends: its templates once, then the same block over and over, with sequence numbers that go on. */
export class Workload {
  /** A message for each template. */
  readonly templates: Uint8Array<ArrayBuffer>;
  /** Whole messages, as many as fit a block. */
  readonly block: Uint8Array<ArrayBuffer>;
  /** Messages and records of one block. */
  readonly messages: number;
  readonly records: number;
  readonly #offsets: readonly number[] = [];
  readonly #view: DataView<ArrayBuffer>;
  #sequenceNumber = 0;

  constructor(profile: Profile, readonly options: WorkloadOptions) {
    const templates: Template[] = profile.templates
      .filter(({ name }) => options.families === "both" || name === options.families)
      .map(({ fields }, index) => ({ id: 256 + index, fields, scopeFieldCount: 0 }));
    this.templates = concatenate(templates.map((template) => message(TEMPLATE_SET_ID, encodeTemplateRecord(template))));
    const messages: Uint8Array[] = [];
    const offsets: number[] = [];
    for (let flow = 0, length = 0;;) {
      const template = templates[messages.length % templates.length];
      if (template === undefined) throw new RangeError(`${profile.name} has no template ${options.families}`);
      const records = Array.from({ length: options.recordsPerMessage }, () => record(template, flow++));
      const next = message(template.id, concatenate(records));
      if (length + next.length > (options.blockLength ?? BLOCK_LENGTH)) break;
      offsets.push(length);
      length += next.length;
      messages.push(next);
    }
    this.block = concatenate(messages);
    this.messages = messages.length;
    this.records = messages.length * options.recordsPerMessage;
    this.#offsets = offsets;
    this.#view = new DataView(this.block.buffer);
  }

  /** Gives the block's messages the sequence numbers that follow those before. */
  advance(): void {
    for (const offset of this.#offsets) {
      this.#view.setUint32(offset + 8, this.#sequenceNumber);
      this.#sequenceNumber = (this.#sequenceNumber + this.options.recordsPerMessage) >>> 0;
    }
  }
}

/** The messages of a block, one by one. */
export function* messagesOf(octets: Uint8Array<ArrayBuffer>): Iterable<Uint8Array<ArrayBuffer>> {
  const view = new DataView(octets.buffer, octets.byteOffset);
  for (let offset = 0; offset < octets.length; offset += view.getUint16(offset + 2)) {
    yield octets.subarray(offset, offset + view.getUint16(offset + 2));
  }
}

function message(set: number, content: Uint8Array): Uint8Array {
  const length = MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH + content.length;
  const octets = new Uint8Array(length);
  writeMessageHeader(octets, 0, {
    version: 10,
    length,
    exportTime: 1_767_225_600,
    sequenceNumber: 0,
    observationDomainId: 0x8b2c_61d4,
  });
  writeSetHeader(octets, MESSAGE_HEADER_LENGTH, set, SET_HEADER_LENGTH + content.length);
  octets.set(content, MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH);
  return octets;
}

function record({ fields }: Template, flow: number): Uint8Array {
  return concatenate(fields.flatMap(({ element, length }) => {
    const octets = fieldOctets(element, length, flow);
    if (length !== VARIABLE_LENGTH) return [octets];
    return [
      octets.length < 255 ? Uint8Array.of(octets.length) : Uint8Array.of(255, octets.length >> 8, octets.length),
      octets,
    ];
  }));
}

function fieldOctets(element: InformationElement, length: number, flow: number): Uint8Array {
  const value = FLOW[element.name]?.(flow) ?? (element.type === "unsigned64" ? BigInt(flow) * 977n : undefined);
  return value === undefined ? defaultOctets(element.type, length) : encodeValue(element.type, length, value);
}

/** A flow between two Pods through a Service, as most are: a network policy each way, no egress address, no layer 7. */
const FLOW: Readonly<Record<string, (flow: number) => Value>> = {
  flowStartSeconds: (flow) => 1_767_225_600 + flow,
  flowEndSeconds: (flow) => 1_767_225_660 + flow,
  sourceTransportPort: (flow) => 32_768 + flow % 28_000,
  destinationTransportPort: () => 8080,
  protocolIdentifier: () => 6,
  sourceIPv4Address: (flow) => `10.10.${flow >> 8 & 255}.${flow & 255}`,
  destinationIPv4Address: (flow) => `10.11.${flow >> 8 & 255}.${flow & 255}`,
  sourceIPv6Address: (flow) => `fd00:10:10::${(flow & 0xffff).toString(16)}`,
  destinationIPv6Address: (flow) => `fd00:10:11::${(flow & 0xffff).toString(16)}`,
  destinationClusterIPv4: () => "10.96.12.7",
  destinationClusterIPv6: () => "fd00:10:96::7",
  sourcePodName: (flow) => `frontend-5d78c9869d-x${flow % 10}k${flow % 7}v`,
  sourcePodNamespace: () => "shop",
  sourceNodeName: () => "worker-1",
  destinationPodName: (flow) => `orders-7f9c6b54d8-${flow % 10}qz${flow % 7}m`,
  destinationPodNamespace: () => "backend",
  destinationNodeName: () => "worker-7",
  destinationServicePort: () => 80,
  destinationServicePortName: () => "backend/orders:http",
  ingressNetworkPolicyName: () => "allow-frontend-to-orders",
  ingressNetworkPolicyNamespace: () => "backend",
  ingressNetworkPolicyRuleName: () => "ingress-0",
  ingressNetworkPolicyType: () => 1,
  ingressNetworkPolicyRuleAction: () => 1,
  egressNetworkPolicyName: () => "shop-default-egress",
  egressNetworkPolicyNamespace: () => "shop",
  egressNetworkPolicyRuleName: () => "egress-0",
  egressNetworkPolicyType: () => 1,
  egressNetworkPolicyRuleAction: () => 1,
  tcpState: () => "ESTABLISHED",
  flowEndReason: () => 2,
  flowType: () => 2,
};
