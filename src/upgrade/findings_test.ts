import assert from "node:assert/strict";
import type { ClusterState } from "./cluster.ts";
import { findings } from "./findings.ts";
import { planUpgrade } from "./upgrade.ts";

/** A cluster before the upgrade from v1.15 to v2.0, as the plan expects it. */
const CLUSTER: ClusterState = {
  aggregator: { replicas: 1, image: "antrea/flow-aggregator:v1.15.2", initContainers: [], hasProxy: false },
  service: {
    selector: { app: "flow-aggregator" },
    sessionAffinity: "None",
    ports: [
      { name: "ipfix-udp", port: 4739, protocol: "UDP", targetPort: "4739" },
      { name: "ipfix-tcp", port: 4739, protocol: "TCP", targetPort: "4739" },
    ],
  },
  mode: "Aggregate",
  transport: "tls",
  agents: new Map([["v1.15.2", 3]]),
  proxyAuthorities: [],
};
const GATEWAY = { replicas: 1, initContainers: [], hasProxy: true };
const { aggregator: AGGREGATOR, service: SERVICE } = CLUSTER;
assert.ok(AGGREGATOR && SERVICE);

/** What is not as expected. */
function unexpected(change: Partial<ClusterState>, from = "v1.15", to = "v2.0"): string[] {
  return findings(planUpgrade(from, to, "agents-first"), { ...CLUSTER, ...change })
    .filter(({ expected }) => !expected).map(({ text }) => text);
}

function only(texts: readonly string[], pattern: RegExp): void {
  assert.equal(texts.length, 1, texts.join("\n"));
  assert.match(texts[0] ?? "", pattern);
}

Deno.test("a cluster as the plan expects it has nothing to say, before and on the way", () => {
  assert.deepEqual(unexpected({}), []);
  const said = findings(planUpgrade("v1.15", "v2.0", "agents-first"), CLUSTER).map(({ text }) => text);
  assert.ok(said.includes("the Aggregator has 1 replica in mode Aggregate"), said.join("\n"));
  const onTheWay = {
    gateway: GATEWAY,
    service: { ...SERVICE, selector: { app: "ipfix-skew-proxy" } },
    agents: new Map([["v1.15.2", 1], ["v2.0.1", 2]]),
  };
  assert.deepEqual(unexpected(onTheWay), []);
});

Deno.test("an Aggregator or Agents of another or an unknown release are reported", () => {
  only(
    unexpected({ aggregator: { ...AGGREGATOR, image: "antrea/flow-aggregator:v2.3.2" } }),
    /the Aggregator is v2\.3\.2, and the plan/,
  );
  only(
    unexpected({ aggregator: { ...AGGREGATOR, image: "antrea/flow-aggregator:latest" } }),
    /has the tag "latest".*name collector\.profile/,
  );
  only(unexpected({ agents: new Map([["v1.15.2", 2], ["v1.13.4", 1]]) }), /^1 Agent is v1\.13\.4, and the plan/);
  only(unexpected({ agents: new Map() }), /no AntreaAgentInfo/);
});

Deno.test("several gateways are refused before an Aggregator that shares templates, and before no other", () => {
  const scaled = { gateway: { ...GATEWAY, replicas: 2 } };
  only(unexpected(scaled), /there are 2 gateways.*scale deployment\/ipfix-skew-proxy to 1/);
  const later = {
    aggregator: { ...AGGREGATOR, image: "antrea/flow-aggregator:v2.3.2" },
    agents: new Map([["v2.3.2", 3]]),
    flowCollectorAddress: "flow-aggregator/flow-aggregator:4739:tls",
  };
  assert.deepEqual(unexpected({ ...later, ...scaled }, "v2.3", "v2.7"), []);
});

Deno.test("Aggregators scale in mode Proxy, and by UDP with sessionAffinity", () => {
  const scaled = {
    aggregator: { ...AGGREGATOR, image: "antrea/flow-aggregator:v2.6.3", replicas: 3 },
    agents: new Map([["v2.6.3", 9]]),
  };
  only(unexpected(scaled, "v2.6", "v2.7"), /3 replicas in mode Aggregate/);
  assert.deepEqual(unexpected({ ...scaled, mode: "Proxy" }, "v2.6", "v2.7"), []);
  only(unexpected({ ...scaled, mode: "Proxy", transport: "udp" }, "v2.6", "v2.7"), /UDP without sessionAffinity/);
  const together = { ...SERVICE, sessionAffinity: "ClientIP" };
  assert.deepEqual(unexpected({ ...scaled, mode: "Proxy", transport: "udp", service: together }, "v2.6", "v2.7"), []);
});

Deno.test("Agents that export by gRPC need the Service's port at the proxy, or a pin", () => {
  const before = {
    aggregator: { ...AGGREGATOR, image: "antrea/flow-aggregator:v2.3.2" },
    agents: new Map([["v2.3.2", 3]]),
  };
  assert.deepEqual(unexpected(before, "v2.3", "v2.7"), [], "no Agent exports by gRPC yet");
  const upgraded = { ...before, agents: new Map([["v2.3.2", 1], ["v2.7.0", 2]]) };
  only(unexpected(upgraded, "v2.3", "v2.7"), /^2 Agents export by gRPC, and port 14739 of the Service/);
  for (const targetPort of ["grpc", "grpc-proxy"]) {
    const ports = [...SERVICE.ports, { name: "grpc", port: 14739, protocol: "TCP", targetPort }];
    const turned: typeof SERVICE = { ...SERVICE, selector: { app: "ipfix-skew-proxy" }, ports };
    assert.deepEqual(unexpected({ ...upgraded, gateway: GATEWAY, service: turned }, "v2.3", "v2.7"), []);
    assert.equal(unexpected({ ...upgraded, service: turned }, "v2.3", "v2.7").length, 2, "there is no proxy");
  }
  const grpc = { flowCollectorAddress: "flow-aggregator/flow-aggregator:14739:grpc" };
  only(unexpected({ ...upgraded, ...grpc }, "v2.3", "v2.7"), /export by gRPC/);
  for (const flowCollectorAddress of ["flow-aggregator/flow-aggregator:4739:tls", "10.0.0.1:4739"]) {
    assert.deepEqual(unexpected({ ...upgraded, flowCollectorAddress }, "v2.3", "v2.7"), []);
  }
});

Deno.test("an Aggregator without IPFIX is no place for Agents that send nothing else", () => {
  const aggregator = { ...AGGREGATOR, image: "antrea/flow-aggregator:v2.4.5" };
  const agents = new Map([["v2.3.2", 3]]);
  only(
    unexpected({ aggregator, agents, transport: "none" }, "v2.3", "v2.4"),
    /takes no IPFIX.*collector\.transport: grpc/,
  );
  const later = { aggregator, agents: new Map([["v2.4.5", 3]]), transport: "none" };
  assert.deepEqual(unexpected(later, "v2.4", "v2.7"), []);
});

Deno.test("a release that is newer than any known is one of the plan's two", () => {
  const aggregator = { ...AGGREGATOR, image: "antrea/flow-aggregator:v2.8.1" };
  assert.deepEqual(unexpected({ aggregator, agents: new Map([["v2.8.1", 3]]) }, "v2.7", "v2.8.1"), []);
});

Deno.test("a Service that goes nowhere, or that the patches do not fit, is reported", () => {
  const [udp, tcp] = SERVICE.ports;
  assert.ok(udp && tcp);
  const service = { ...SERVICE, ports: [udp, { ...tcp, targetPort: "ipfix-proxy" }] };
  only(unexpected({ service }), /goes to a proxy that is not there/);
  assert.deepEqual(unexpected({ service, aggregator: { ...AGGREGATOR, hasProxy: true } }), []);
  only(unexpected({ service: { ...SERVICE, ports: [tcp, udp] } }), /first two ports/);
  only(unexpected({ gateway: GATEWAY, aggregator: { ...AGGREGATOR, hasProxy: true } }), /rewritten twice/);
});

Deno.test("the CA of a proxy that is gone is named, and that of one that runs is not", () => {
  const one = { name: "ipfix-skew-proxy-1", hasPod: true };
  const two = { name: "ipfix-skew-proxy-2", hasPod: false };
  only(
    unexpected({ proxyAuthorities: [two] }),
    /still holds the CA of a proxy that is gone \(ipfix-skew-proxy-2\).*deno task restore --config config\/kubernetes\/gateway/,
  );
  only(unexpected({ gateway: GATEWAY, proxyAuthorities: [one, two] }), /\(ipfix-skew-proxy-2\)/);
  assert.deepEqual(unexpected({ gateway: GATEWAY, proxyAuthorities: [one] }), []);
  assert.deepEqual(unexpected({ gateway: GATEWAY, proxyAuthorities: [two] }), [], "a CA that a Secret keeps");
});
