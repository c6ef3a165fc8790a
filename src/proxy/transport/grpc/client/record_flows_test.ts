import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { antreaEras } from "../../../../config/profiles/antrea_eras.ts";
import { loadProfile } from "../../../../config/profiles/profiles.ts";
import { MessageBuilder } from "../../../../../test/support/messages/message_builder.ts";
import type { Template } from "../../../../ipfix/record/template.ts";
import type { Value } from "../../../../ipfix/types/value.ts";
import { Counters } from "../../../../mediation/templates/counters.ts";
import { ExportRequestSchema, type Flow, FlowSchema } from "../flow/flow_export_pb.ts";
import { FlowLedger } from "../flow/flow_ledger.ts";
import { FlowMessages, LONGEST_MESSAGES } from "../server/flow_messages.ts";
import { FlowReleases } from "../server/flow_releases.ts";
import { flowElements, RecordFlows } from "./record_flows.ts";

const RELEASES = antreaEras().map(({ profile }) => {
  const [ipv4, ipv6] = loadProfile(profile).templates;
  return { ipv4: ipv4?.fields ?? [], ipv6: ipv6?.fields ?? [] };
});
const RESOLVE = flowElements(RELEASES);

function newLedger(): FlowLedger {
  const ledger = new FlowLedger();
  ledger.begin(new Counters());
  return ledger;
}

function requestsOf(flows: RecordFlows, messages: Uint8Array): Uint8Array[] {
  return [...flows.requests(messages)];
}

function flowsOf(flows: RecordFlows, messages: Uint8Array): Flow[] {
  return requestsOf(flows, messages).flatMap((request) => fromBinary(ExportRequestSchema, request).flows);
}

/** The IPv4 or IPv6 template of an era by the number of its fields. */
function template(fields: number, family: "ipv4" | "ipv6" = "ipv4"): Template {
  const found = RELEASES.find((release) => release[family].length === fields) ?? assert.fail(`no list of ${fields}`);
  return { id: family === "ipv4" ? 256 : 257, fields: found[family], scopeFieldCount: 0 };
}

const NUMBERS: Readonly<Record<string, Value>> = {
  sourceIPv4Address: "10.0.0.1",
  destinationIPv4Address: "10.0.0.2",
  sourceIPv6Address: "2001:db8::1",
  destinationIPv6Address: "2001:db8::2",
  destinationClusterIPv4: "10.96.0.1",
  destinationClusterIPv6: "2001:db8::96",
  destinationServiceIPv4: "10.96.0.1",
  proxySnatIPv4: "172.16.0.9",
  egressIP: "192.0.2.7",
};

/** A value for each field that says which one it is. */
function values({ fields }: Template, other: Readonly<Record<string, Value>> = {}): Value[] {
  return fields.map(({ element: { name, type } }, index) => {
    const given = other[name] ?? NUMBERS[name];
    if (given !== undefined) return given;
    if (type === "string") return name;
    if (type === "dateTimeSeconds") return 1_700_000_000 + index;
    return type === "unsigned64" ? BigInt(index) << 40n : index;
  });
}

/** A number of an enumeration that has no name for it. */
const number = (value: number) => value as never;
const octets = (...of: number[]) => Uint8Array.from(of);

Deno.test("a record of an Agent without gRPC becomes a flow with every value", () => {
  const ledger = newLedger();
  const flows = new RecordFlows(RESOLVE, ledger);
  const list = template(42);
  const builder = new MessageBuilder({ observationDomainId: 7, exportTime: 1_700_000_100 });
  assert.deepEqual(requestsOf(flows, builder.templateSet([list]).build()), [], "a template is no flow");
  const [flow, ...more] = flowsOf(flows, builder.dataSet(list, [values(list)]).build());
  assert.deepEqual(more, []);
  assert.deepEqual(
    flow,
    create(FlowSchema, {
      ipfix: { exportTime: { seconds: 1_700_000_100n }, observationDomainId: 7 },
      startTs: { seconds: 1_700_000_000n },
      endTs: { seconds: 1_700_000_001n },
      endReason: 2,
      ip: { version: 4, source: octets(10, 0, 0, 1), destination: octets(10, 0, 0, 2) },
      transport: {
        protocolNumber: 5,
        sourcePort: 3,
        destinationPort: 4,
        protocol: { case: "TCP", value: { stateName: "tcpState" } },
      },
      k8s: {
        flowType: number(35),
        sourcePodNamespace: "sourcePodNamespace",
        sourcePodName: "sourcePodName",
        sourceNodeName: "sourceNodeName",
        destinationPodNamespace: "destinationPodNamespace",
        destinationPodName: "destinationPodName",
        destinationNodeName: "destinationNodeName",
        destinationClusterIp: octets(10, 96, 0, 1),
        destinationServiceIp: octets(10, 96, 0, 1),
        destinationServicePort: 22,
        destinationServicePortName: "destinationServicePortName",
        ingressNetworkPolicyName: "ingressNetworkPolicyName",
        ingressNetworkPolicyNamespace: "ingressNetworkPolicyNamespace",
        ingressNetworkPolicyType: number(26),
        ingressNetworkPolicyRuleName: "ingressNetworkPolicyRuleName",
        ingressNetworkPolicyRuleAction: number(28),
        egressNetworkPolicyName: "egressNetworkPolicyName",
        egressNetworkPolicyNamespace: "egressNetworkPolicyNamespace",
        egressNetworkPolicyType: number(31),
        egressNetworkPolicyRuleName: "egressNetworkPolicyRuleName",
        egressNetworkPolicyRuleAction: number(33),
        egressName: "egressName",
        egressIp: octets(192, 0, 2, 7),
        egressNodeName: "egressNodeName",
      },
      stats: {
        packetTotalCount: 6n << 40n,
        octetTotalCount: 7n << 40n,
        packetDeltaCount: 8n << 40n,
        octetDeltaCount: 9n << 40n,
      },
      reverseStats: {
        packetTotalCount: 12n << 40n,
        octetTotalCount: 13n << 40n,
        packetDeltaCount: 14n << 40n,
        octetDeltaCount: 15n << 40n,
      },
      app: { protocolName: "appProtocolName", httpVals: new TextEncoder().encode("httpVals") },
    }),
  );
  assert.equal(ledger.counters?.informationLost.size, 0);
});

Deno.test("every message that collectors look into is there though all of it is zero; app only where the list has it", () => {
  for (const [fields, app] of [[42, true], [40, false]] as const) {
    const flows = new RecordFlows(RESOLVE, newLedger());
    const list = template(fields, "ipv6");
    const zeros = list.fields.map(({ element: { type } }): Value =>
      type === "string" ? "" : type === "ipv6Address" ? "::" : type === "unsigned64" ? 0n : 0
    );
    const [flow] = flowsOf(flows, new MessageBuilder().templateSet([list]).dataSet(list, [zeros]).build());
    assert.deepEqual(
      flow,
      create(FlowSchema, {
        ipfix: { exportTime: { seconds: 1_700_000_000n }, observationDomainId: 1 },
        startTs: {},
        endTs: {},
        ip: { version: 6, source: new Uint8Array(16), destination: new Uint8Array(16) },
        transport: {},
        k8s: {},
        stats: {},
        reverseStats: {},
        ...(app ? { app: {} } : {}),
      }),
    );
  }
});

Deno.test("many records become requests of at most 128 flows each, in order, whatever is converted in between", () => {
  const list = template(43);
  const name = (index: number) => values(list, { sourcePodName: `pod-${index}` });
  const names = (request: Uint8Array | undefined) =>
    fromBinary(ExportRequestSchema, request ?? octets()).flows.map(({ k8s }) => k8s?.sourcePodName);
  const many = Array.from({ length: 300 }, (_, index) => name(index));
  const message = () => {
    const part = (from: number) => new MessageBuilder().templateSet([list]).dataSet(list, many.slice(from, from + 100));
    return Uint8Array.from([0, 100, 200].flatMap((from) => [...part(from).build()]));
  };
  const [one, other] = [new RecordFlows(RESOLVE, newLedger()), new RecordFlows(RESOLVE, newLedger())];
  const [first, second] = [one.requests(message()), other.requests(message())];
  const requests = [];
  for (let more = true; more;) {
    const [here, there] = [first.next(), second.next()];
    assert.deepEqual(there.value, here.value);
    more = here.done !== true;
    if (here.done !== true) requests.push(names(here.value));
  }
  assert.deepEqual(requests.map(({ length }) => length), [128, 128, 44]);
  assert.deepEqual(requests.flat(), many.map((_, index) => `pod-${index}`));
});

Deno.test("several records, messages and domains of one write become one request, in order", () => {
  const flows = new RecordFlows(RESOLVE, newLedger());
  const list = template(43);
  const of = (domain: number, ...names: string[]) =>
    new MessageBuilder({ observationDomainId: domain }).templateSet([list])
      .dataSet(list, names.map((sourcePodName) => values(list, { sourcePodName }))).build();
  const sent = flowsOf(flows, octets(...of(1, "a", "b"), ...of(2, "c")));
  assert.deepEqual(sent.map(({ ipfix, k8s }) => [ipfix?.observationDomainId, k8s?.sourcePodName]), [
    ...[[1, "a"], [1, "b"], [2, "c"]],
  ]);
});

Deno.test("what a flow has no field for, or cannot hold, goes to the ledger", () => {
  const ledger = newLedger();
  const flows = new RecordFlows(RESOLVE, ledger);
  const element = (pen: number, id: number, length: number) => ({
    element: RESOLVE(pen, id, length, pen !== 0),
    length,
  });
  const list: Template = {
    id: 300,
    scopeFieldCount: 0,
    fields: [
      element(9, 9, 2),
      element(56506, 101, 65535),
      element(0, 8, 2),
      element(0, 7, 8),
      element(56506, 149, 65535),
    ],
  };
  const name = list.fields[4]?.element.name;
  const record = (...fields: number[][]) => octets(...fields.flat());
  const [flow, quiet] = flowsOf(
    flows,
    new MessageBuilder().templateSet([list]).dataSet(list, [
      record([0, 1], [2, 0x61, 0xff], [1, 2], [1, 0, 0, 0, 0, 0, 0, 9], [0]),
      record([0, 0], [0], [0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0]),
    ]).build(),
  );
  assert.equal(flow?.k8s?.sourcePodName, "a\ufffd", "a collector would refuse octets that are no UTF-8");
  assert.deepEqual(Object.fromEntries(ledger.counters?.informationLost ?? []), {
    "9/9": 1,
    sourcePodName: 1,
    sourceIPv4Address: 1,
    sourceTransportPort: 1,
  }, `${name} is empty`);
  assert.equal(quiet?.transport?.sourcePort, 0);
});

Deno.test("data without its template, and of options templates, is dropped and counted", () => {
  const ledger = newLedger();
  const flows = new RecordFlows(RESOLVE, ledger);
  const list = template(43);
  const options: Template = { ...list, id: 999, scopeFieldCount: 1 };
  const messages = new MessageBuilder().optionsTemplateSet([options]).dataSet(options, [values(list)]);
  assert.deepEqual(requestsOf(flows, messages.build()), []);
  assert.deepEqual(requestsOf(flows, new MessageBuilder().dataSet(list, [values(list)]).build()), []);
  const known = new MessageBuilder().templateSet([list, { withdraw: 2 }]).dataSet(list, [values(list)]);
  assert.deepEqual(requestsOf(flows, known.build()), []);
  assert.deepEqual(Object.fromEntries(ledger.counters?.recordsDropped ?? []), {
    options_template: 1,
    unknown_template: 2,
  });
});

const text = fc.string({ unit: "binary", maxLength: 300 });
const uint8 = fc.integer({ min: 0, max: 255 });
const uint16 = fc.integer({ min: 0, max: 65535 });
const uint64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const seconds = fc.record({ seconds: fc.bigInt({ min: 0n, max: 0xffff_ffffn }) });
const since1970 = seconds.filter(({ seconds }) => seconds > 0n);
const stats = fc.record({
  packetTotalCount: uint64,
  packetDeltaCount: uint64,
  octetTotalCount: uint64,
  octetDeltaCount: uint64,
});

/** What an Agent of the newest release can say, less what IPFIX has no element for. */
function flowOf(family: 4 | 6): fc.Arbitrary<MessageInitShape<typeof FlowSchema>> {
  const length = family === 4 ? 4 : 16;
  const address = fc.uint8Array({ minLength: length, maxLength: length });
  // Zeros stand for none where that can be, and an IPv4-mapped address has other texts too.
  const some = address.map((value) => Uint8Array.from(value, (octet, index) => index === 0 ? octet | 1 : octet));
  const optional = fc.oneof(fc.constant(new Uint8Array(0)), some);
  const policies = {
    ingressNetworkPolicyType: uint8,
    ingressNetworkPolicyNamespace: text,
    ingressNetworkPolicyName: text,
    ingressNetworkPolicyRuleName: text,
    ingressNetworkPolicyRuleAction: uint8,
    egressNetworkPolicyType: uint8,
    egressNetworkPolicyNamespace: text,
    egressNetworkPolicyName: text,
    egressNetworkPolicyRuleName: text,
    egressNetworkPolicyRuleAction: uint8,
  };
  return fc.record({
    ipfix: fc.record({ exportTime: since1970, observationDomainId: fc.integer({ min: 0, max: 3 }) }),
    startTs: seconds,
    endTs: seconds,
    endReason: uint8,
    ip: fc.record({ version: fc.constant(family), source: address, destination: address }),
    transport: fc.record({
      protocolNumber: uint8,
      sourcePort: uint16,
      destinationPort: uint16,
      protocol: text.map((stateName) =>
        stateName === "" ? { case: undefined } : { case: "TCP" as const, value: { stateName } }
      ),
    }),
    k8s: fc.record({
      flowType: uint8,
      sourcePodNamespace: text,
      sourcePodName: text,
      sourceNodeName: text,
      destinationPodNamespace: text,
      destinationPodName: text,
      destinationNodeName: text,
      destinationServicePort: uint16,
      destinationServicePortName: text,
      ...policies,
      egressName: text,
      egressIp: optional,
      egressNodeName: text,
      service: optional,
    }).map(({ service, ...k8s }) => ({ ...k8s, destinationClusterIp: service, destinationServiceIp: service })),
    stats,
    reverseStats: stats,
    proxySnatIp: optional,
    proxySnatPort: uint16,
  });
}

Deno.test("flows that become records and flows again are the same, octet for octet of every value", () => {
  const flow = fc.oneof(flowOf(4), flowOf(6));
  fc.assert(fc.property(fc.array(flow, { maxLength: 5 }), (inits) => {
    const sent = create(ExportRequestSchema, { flows: inits });
    const ledger = newLedger();
    const messages = new FlowMessages(new FlowReleases(RELEASES), ledger, () => assert.fail("each says its time"));
    const back = new RecordFlows(RESOLVE, ledger);
    messages.begin(toBinary(ExportRequestSchema, sent));
    const target = new Uint8Array(LONGEST_MESSAGES);
    const received: Flow[] = [];
    for (let end; (end = messages.next(target)) > 0;) received.push(...flowsOf(back, target.slice(0, end)));
    // Detection is by what a flow says: one without Service and SNAT goes by the list of those before it.
    assert.deepEqual(received, sent.flows);
    assert.deepEqual([...ledger.counters?.informationLost ?? []], []);
  }));
});
