import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { antreaFlowReleases } from "../../../../config/profiles/antrea_flow_releases.ts";
import { decodeDataRecords } from "../../../../../test/support/messages/data_record.ts";
import { unknownElement } from "../../../../ipfix/registry/information_element.ts";
import { decodeMessageHeader } from "../../../../ipfix/message/message_header.ts";
import { OctetReader } from "../../../../ipfix/octets/octet_reader.ts";
import { setsOfMessage } from "../../../../ipfix/message/set.ts";
import type { Template } from "../../../../ipfix/record/template.ts";
import { decodeTemplateRecords } from "../../../../ipfix/record/template_record.ts";
import type { Value } from "../../../../ipfix/types/value.ts";
import { Counters } from "../../../../mediation/templates/counters.ts";
import { ExportRequestSchema, type FlowSchema } from "../flow/flow_export_pb.ts";
import { FlowLedger } from "../flow/flow_ledger.ts";
import { FlowMessages, LONGEST_MESSAGES } from "./flow_messages.ts";
import type { FlowRelease } from "../../flow_release.ts";
import { FlowReleases } from "./flow_releases.ts";
import { flowElements } from "../client/record_flows.ts";

type FlowInit = MessageInitShape<typeof FlowSchema>;

/** The releases that speak gRPC. */
const RELEASES: readonly FlowRelease[] = antreaFlowReleases();
const NOW = 1_800_000_000;

/** A template or a record, as a collector understands the message that it came in. */
interface Understood {
  readonly domain: number;
  readonly sequence: number;
  readonly exportTime: number;
  readonly template: number;
  /** Elements of a template. */
  readonly elements?: readonly string[];
  readonly record?: Readonly<Record<string, Value>>;
}

/** One stream, and all that came of it. */
class Stream {
  readonly counters = new Counters();
  readonly #messages: FlowMessages;
  readonly #templates = new Map<string, Template>();

  constructor() {
    const ledger = new FlowLedger();
    ledger.begin(this.counters);
    this.#messages = new FlowMessages(new FlowReleases(RELEASES), ledger, () => NOW);
  }

  send(...flows: FlowInit[]): Understood[] {
    return this.sendOctets(toBinary(ExportRequestSchema, create(ExportRequestSchema, { flows })));
  }

  /** @param understood gets all that came of the request before it breaks */
  sendOctets(request: Uint8Array, understood: Understood[] = []): Understood[] {
    this.#messages.begin(request);
    const target = new Uint8Array(LONGEST_MESSAGES);
    for (let end; (end = this.#messages.next(target)) > 0;) {
      for (let start = 0; start < end;) {
        const { length } = decodeMessageHeader(target, start);
        understood.push(...this.#understand(target.slice(start, start + length)));
        start += length;
      }
    }
    return understood;
  }

  records(...flows: FlowInit[]): Readonly<Record<string, Value>>[] {
    return this.send(...flows).flatMap(({ record }) => record === undefined ? [] : [record]);
  }

  lost(): Record<string, number> {
    return Object.fromEntries(this.counters.informationLost);
  }

  #understand(message: Uint8Array): Understood[] {
    const { observationDomainId: domain, sequenceNumber: sequence, exportTime } = decodeMessageHeader(message);
    const of = { domain, sequence, exportTime };
    return setsOfMessage(message, 0, message.length).flatMap(({ id, contentOffset, end }): Understood[] => {
      const reader = new OctetReader(message, contentOffset, end);
      if (id === 2) {
        return decodeTemplateRecords(reader, "template", flowElements(RELEASES)).map((record) => {
          assert.equal(record.kind, "template");
          const { template } = record as Extract<typeof record, { kind: "template" }>;
          this.#templates.set(`${domain}/${template.id}`, template);
          return { ...of, template: template.id, elements: template.fields.map(({ element }) => element.name) };
        });
      }
      const template = this.#templates.get(`${domain}/${id}`) ?? assert.fail("data before its template");
      const names = template.fields.map(({ element }) => element.name);
      return [...decodeDataRecords(reader, template)].map((values) => ({
        ...of,
        template: id,
        record: Object.fromEntries(values.map((value, index) => [names[index] ?? "", value])),
      }));
    });
  }
}

const octets = (...values: number[]) => Uint8Array.from(values);
const V6 = (last: number) => octets(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);

/** As an Agent of v2.7 says it: every field that it ever sets. */
const FLOW: FlowInit = {
  ipfix: { exportTime: { seconds: 1_700_000_100n, nanos: 5 }, observationDomainId: 0xdeadbeef },
  startTs: { seconds: 1_700_000_000n, nanos: 1 },
  endTs: { seconds: 1_700_000_050n, nanos: 2 },
  endReason: 3,
  ip: { version: 4, source: octets(10, 0, 0, 1), destination: octets(10, 0, 0, 2) },
  transport: {
    protocolNumber: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    protocol: { case: "TCP", value: { stateName: "TIME_WAIT" } },
  },
  k8s: {
    flowType: 2,
    sourcePodNamespace: "ns-a",
    sourcePodName: "pod-a",
    sourcePodUid: "uid-a",
    sourceNodeName: "node-a",
    sourceNodeUid: "uid-n",
    destinationPodNamespace: "ns-b",
    destinationPodName: "pod-b",
    destinationPodUid: "",
    destinationNodeName: "node-b",
    destinationClusterIp: octets(10, 96, 0, 1),
    destinationServiceIp: octets(10, 96, 0, 1),
    destinationServicePort: 8443,
    destinationServicePortName: "ns-b/svc:https",
    ingressNetworkPolicyType: 1,
    ingressNetworkPolicyNamespace: "ns-i",
    ingressNetworkPolicyName: "np-i",
    ingressNetworkPolicyRuleName: "rule-i",
    ingressNetworkPolicyRuleAction: 2,
    egressNetworkPolicyType: 3,
    egressNetworkPolicyNamespace: "ns-e",
    egressNetworkPolicyName: "np-e",
    egressNetworkPolicyRuleName: "rule-e",
    egressNetworkPolicyRuleAction: 3,
    egressName: "egress",
    egressIp: octets(192, 0, 2, 7),
    egressNodeName: "node-e",
  },
  stats: { packetTotalCount: 1n, packetDeltaCount: 2n, octetTotalCount: 3n, octetDeltaCount: 4n },
  reverseStats: { packetTotalCount: 5n, packetDeltaCount: 6n, octetTotalCount: 7n, octetDeltaCount: 8n },
  proxySnatIp: octets(172, 16, 0, 9),
  proxySnatPort: 50_000,
};

/** The same in IPFIX. */
const RECORD = {
  flowStartSeconds: "2023-11-14T22:13:20Z",
  flowEndSeconds: "2023-11-14T22:14:10Z",
  flowEndReason: 3,
  sourceTransportPort: 40_000,
  destinationTransportPort: 443,
  protocolIdentifier: 6,
  packetTotalCount: 1n,
  octetTotalCount: 3n,
  packetDeltaCount: 2n,
  octetDeltaCount: 4n,
  sourceIPv4Address: "10.0.0.1",
  destinationIPv4Address: "10.0.0.2",
  reversePacketTotalCount: 5n,
  reverseOctetTotalCount: 7n,
  reversePacketDeltaCount: 6n,
  reverseOctetDeltaCount: 8n,
  sourcePodName: "pod-a",
  sourcePodNamespace: "ns-a",
  sourceNodeName: "node-a",
  destinationPodName: "pod-b",
  destinationPodNamespace: "ns-b",
  destinationNodeName: "node-b",
  destinationServicePort: 8443,
  destinationServicePortName: "ns-b/svc:https",
  ingressNetworkPolicyName: "np-i",
  ingressNetworkPolicyNamespace: "ns-i",
  ingressNetworkPolicyType: 1,
  ingressNetworkPolicyRuleName: "rule-i",
  ingressNetworkPolicyRuleAction: 2,
  egressNetworkPolicyName: "np-e",
  egressNetworkPolicyNamespace: "ns-e",
  egressNetworkPolicyType: 3,
  egressNetworkPolicyRuleName: "rule-e",
  egressNetworkPolicyRuleAction: 3,
  tcpState: "TIME_WAIT",
  flowType: 2,
  egressName: "egress",
  egressIP: "192.0.2.7",
  egressNodeName: "node-e",
  proxySnatPort: 50_000,
  destinationClusterIPv4: "10.96.0.1",
  proxySnatIPv4: "172.16.0.9",
  destinationServiceIPv4: "10.96.0.1",
};

Deno.test("a flow of v2.7 becomes that release's templates and a record with every value", () => {
  const stream = new Stream();
  const [ipv4, ipv6, flow, ...more] = stream.send(FLOW);
  const header = { domain: 0xdeadbeef, sequence: 0, exportTime: 1_700_000_100 };
  const [v4, v6] = [RELEASES[2]?.ipv4, RELEASES[2]?.ipv6].map((fields) => fields?.map(({ element }) => element.name));
  assert.deepEqual(ipv4, { ...header, template: 256, elements: v4 });
  assert.deepEqual(ipv6, { ...header, template: 257, elements: v6 });
  assert.deepEqual(flow, { ...header, template: 256, record: RECORD });
  assert.deepEqual(more, []);
});

Deno.test("what IPFIX has no element for goes to the ledger by name, where it is set", () => {
  const stream = new Stream();
  stream.send(FLOW, FLOW);
  stream.send({ ...FLOW, id: "x", flowDirection: 1, aggregation: { throughput: 5n } });
  assert.deepEqual(stream.lost(), {
    "ipfix.export_time.nanos": 3,
    "start_ts.nanos": 3,
    "end_ts.nanos": 3,
    "k8s.source_pod_uid": 3,
    "k8s.source_node_uid": 3,
    id: 1,
    flow_direction: 1,
    aggregation: 1,
  });
  assert.deepEqual(Object.fromEntries(stream.counters.fieldsStripped), stream.lost());
});

Deno.test("sequence numbers count each domain's records; a domain's templates go out once", () => {
  const stream = new Stream();
  const of = (domain: number): FlowInit => ({ ...FLOW, ipfix: { observationDomainId: domain } });
  const sent = stream.send(of(1), of(1), of(2), of(1), of(2));
  assert.deepEqual(
    sent.map(({ domain, sequence, elements }) => [domain, sequence, elements === undefined ? "data" : "template"]),
    [
      ...[[1, 0, "template"], [1, 0, "template"], [1, 0, "data"], [1, 1, "data"]],
      ...[[2, 0, "template"], [2, 0, "template"], [2, 0, "data"], [1, 2, "data"], [2, 1, "data"]],
    ],
  );
  assert.equal(sent[0]?.exportTime, NOW, "a flow that does not say when it was exported is exported now");
});

Deno.test("the release is detected from what a flow says, which may take several flows", () => {
  const list = (flow: FlowInit) => new Stream().send(flow)[0]?.elements?.join() ?? assert.fail("no template");
  const [v20, v26, v27] = RELEASES.map(({ ipv4 }) => ipv4.map(({ element }) => element.name).join());
  const quiet: FlowInit = { ip: { version: 4 } };
  assert.equal(list({ ...quiet, app: {} }), v20, "v2.4 and v2.5 say an app in every flow");
  assert.equal(list({ ...quiet, k8s: { destinationClusterIp: octets(1, 2, 3, 4) } }), v26);
  assert.equal(list({ ...quiet, proxySnatPort: 1 }), v27);
  assert.equal(list({ ...quiet, k8s: { destinationServiceIp: octets(1, 2, 3, 4) } }), v27);
  assert.equal(list(quiet), v27, "the newest where nothing shows");
  const stream = new Stream();
  assert.equal(stream.send(quiet)[0]?.elements?.join(), v27);
  const later = stream.send({ ...quiet, k8s: { destinationClusterIp: octets(1, 2, 3, 4) } }, quiet);
  assert.deepEqual(later.map(({ elements, sequence }) => [elements?.join(), sequence]), [
    ...[[v26, 1], [later[1]?.elements?.join(), 1], [undefined, 1], [undefined, 2]],
  ]);
});

Deno.test("what the release's own list lacks goes to the ledger", () => {
  const stream = new Stream();
  const [record] = stream.records({ app: { protocolName: "http", httpVals: octets(0, 255) }, proxySnatPort: 7 });
  assert.equal(record?.["appProtocolName"], "http");
  assert.deepEqual(record?.["httpVals"], octets(0, 255), "octets are passed on as they are");
  assert.deepEqual(stream.lost(), { proxySnatPort: 1 });
});

Deno.test("either address of a Service is its cluster address; only one that differs is lost", () => {
  const stream = new Stream();
  const service = octets(10, 96, 0, 9);
  const [only] = stream.records({ app: {}, k8s: { destinationServiceIp: service } });
  assert.equal(only?.["destinationClusterIPv4"], "10.96.0.9");
  stream.records({ app: {}, k8s: { destinationServiceIp: service, destinationClusterIp: service } });
  assert.deepEqual(stream.lost(), {});
  const both = { destinationServiceIp: service, destinationClusterIp: octets(10, 96, 0, 8) };
  assert.equal(stream.records({ app: {}, k8s: both })[0]?.["destinationClusterIPv4"], "10.96.0.8");
  assert.deepEqual(stream.lost(), { destinationServiceIPv4: 1 });
});

Deno.test("addresses: both families, IPv4-mapped ones, and what is none", () => {
  const stream = new Stream();
  const records = stream.records(
    {
      ip: { version: 6, source: V6(1), destination: V6(2) },
      k8s: { egressIp: V6(3), destinationClusterIp: V6(4), destinationServiceIp: V6(5) },
    },
    { ip: { version: 4, source: octets(...Array(10).fill(0), 255, 255, 1, 2, 3, 4), destination: octets(5, 6, 7, 8) } },
    { ip: { version: 6, source: octets(1, 2, 3, 4), destination: V6(2) } },
    { ip: { source: V6(9), destination: V6(2) } },
    { ip: { source: octets(9, 9, 9, 9) } },
    { ip: { version: 4, source: V6(1), destination: octets(1, 2, 3) }, k8s: { egressIp: octets(1) } },
  );
  const addresses = records.map((record) => [
    record["sourceIPv4Address"] ?? record["sourceIPv6Address"],
    record["destinationIPv4Address"] ?? record["destinationIPv6Address"],
    record["egressIP"],
  ]);
  assert.deepEqual(addresses, [
    ["2001:db8::1", "2001:db8::2", "2001:db8::3"],
    ["1.2.3.4", "5.6.7.8", ""],
    ["::ffff:1.2.3.4", "2001:db8::2", ""],
    ["2001:db8::9", "2001:db8::2", ""],
    ["9.9.9.9", "0.0.0.0", ""],
    ["0.0.0.0", "0.0.0.0", ""],
  ]);
  assert.equal(records[0]?.["destinationClusterIPv6"], "2001:db8::4");
  assert.equal(records[0]?.["destinationServiceIPv6"], "2001:db8::5");
  assert.deepEqual(stream.lost(), { sourceIPv4Address: 1, destinationIPv4Address: 1, egressIP: 1 });
});

Deno.test("an empty flow is a record of zeros, an empty request nothing", () => {
  const stream = new Stream();
  assert.deepEqual(stream.send(), []);
  const [record] = stream.records({});
  const zeros = Object.values(record ?? {}).map((value) =>
    value === 0 || value === 0n || value === "" || value === "0.0.0.0" || value === "1970-01-01T00:00:00Z"
  );
  assert.equal(zeros.length, 43);
  assert.ok(zeros.every(Boolean));
  assert.deepEqual(stream.lost(), {});
});

Deno.test("the largest values fit, and those that do not are zero and in the ledger", () => {
  const stream = new Stream();
  const large = 0xffff_ffff_ffff_ffffn;
  const [fits] = stream.records({
    startTs: { seconds: 0xffff_ffffn },
    transport: { protocolNumber: 255, sourcePort: 65535 },
    k8s: { flowType: 255 as never, sourcePodName: "p".repeat(40_000) },
    stats: { octetTotalCount: large },
  });
  assert.equal(fits?.["flowStartSeconds"], "2106-02-07T06:28:15Z");
  assert.equal(fits?.["octetTotalCount"], large);
  assert.equal(fits?.["sourceTransportPort"], 65535);
  assert.equal(fits?.["flowType"], 255);
  assert.equal(String(fits?.["sourcePodName"]).length, 40_000);
  assert.deepEqual(stream.lost(), {});
  const [not] = stream.records({
    startTs: { seconds: 0x1_0000_0000n },
    endTs: { seconds: -1n },
    transport: { protocolNumber: 256, sourcePort: 65536 },
    k8s: { flowType: -1 as never },
  });
  const names = ["flowStartSeconds", "flowEndSeconds", "protocolIdentifier", "sourceTransportPort", "flowType"];
  assert.deepEqual(stream.lost(), Object.fromEntries(names.map((name) => [name, 1])));
  assert.equal(not?.["sourceTransportPort"], 0);
  assert.equal(not?.["flowEndSeconds"], "1970-01-01T00:00:00Z");
});

Deno.test("a flow longer than a message is dropped and counted; those around it go out", () => {
  const stream = new Stream();
  const long = { k8s: { sourcePodName: "x".repeat(65_500) } };
  assert.equal(stream.records({}, long, {}).length, 2);
  assert.deepEqual([...stream.counters.recordsDropped], [["record_too_long", 1]]);
  assert.equal(stream.counters.recordsReceived, 1, "what no rewriter sees is counted here");
});

Deno.test("fields that the .proto file does not know are lost under their numbers, and not without bound", () => {
  const stream = new Stream();
  // Flow 99 = varint 1; Kubernetes 98 = "a"; end_reason of another wire type.
  const flow = octets(0x98, 0x06, 1, 0x42, 4, 0x92, 0x06, 1, 97, 0x2a, 1, 7);
  assert.equal(stream.sendOctets(octets(0x0a, flow.length, ...flow)).length, 3);
  assert.deepEqual(stream.lost(), { "flow/99": 1, "k8s/98": 1, "flow/5": 1 });
  const many = Array.from({ length: 1000 }, (_, index) => {
    const tag = (2000 + index) << 3;
    return [(tag & 0x7f) | 0x80, (tag >> 7 & 0x7f) | 0x80, tag >> 14, 1];
  }).flat();
  stream.sendOctets(octets(0x0a, (many.length & 0x7f) | 0x80, many.length >> 7, ...many));
  assert.ok(stream.counters.informationLost.size < 300);
});

Deno.test("what is no request is refused at the flow where it breaks; flows before it go out", () => {
  const good = toBinary(ExportRequestSchema, create(ExportRequestSchema, { flows: [FLOW] }));
  for (
    const [what, bad] of Object.entries({
      "a flow that leaves the request": octets(0x0a, 9, 1),
      "a message that leaves its flow": octets(0x0a, 4, 0x42, 9, 1, 1),
      "a string that overruns its message": octets(0x0a, 5, 0x42, 3, 0x12, 9, 65),
      "a varint without end": octets(0x0a, 11, 0x28, ...Array(10).fill(0xff)),
      "a tag of field 0": octets(0x0a, 2, 0, 0),
      "an end of a group": octets(0x0a, 1, 0x0c),
      "a value that overruns its message": octets(0x0a, 3, 0x42, 1, 0x08),
      "groups without end": octets(0x0a, 0xe8, 0x07, ...Array(1000).fill(0x0b)),
      "a group with the end of another": octets(0x0a, 3, 0xa3, 0x06, 0x9c),
      "more fields than any flow has": octets(0x0a, 0x82, 0x40, ...Array(4_097).fill([0x78, 1]).flat()),
      "more fields in a group": octets(0x0a, 0x84, 0x40, 0x7b, ...Array(4_097).fill([0x08, 1]).flat(), 0x7c),
      "more fields beside flows": octets(...Array(4_097).fill([0x78, 1]).flat()),
      "text": new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
    })
  ) {
    const stream = new Stream();
    const understood: Understood[] = [];
    const messages = () => stream.sendOctets(Uint8Array.from([...good, ...bad]), understood);
    assert.throws(messages, { reason: "request_malformed", offset: good.length }, what);
    assert.deepEqual(understood.at(-1)?.record, RECORD);
    assert.equal(understood.length, 3, what);
  }
});

Deno.test("elements that releases do not have are not made up", () => {
  const resolve = flowElements(RELEASES);
  assert.deepEqual(resolve(56506, 9999, 4, true), unknownElement(56506, 9999));
  assert.equal(resolve(29305, 86, 8, true).name, "reversePacketTotalCount");
  assert.equal(resolve(0, 86, 8, false).name, "packetTotalCount");
  assert.equal(resolve(0, 86, 8, true).known, false);
});
