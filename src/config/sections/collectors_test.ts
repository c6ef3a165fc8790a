import assert from "node:assert/strict";
import type { Configuration, SessionPeer } from "../configuration.ts";
import { Authority } from "../../../test/support/certificates.ts";
import { load, mistakes, RIGHT } from "../../../test/support/configuration.ts";

/** Mode, collector, and the profile by which a first template is treated; or "undecided". */
function decided(configuration: Configuration, peer: SessionPeer): string {
  const plan = configuration.chooseSession(peer);
  if (plan === "undecided") return plan;
  const { observationDomain = 0, detectedProfile } = peer.decidedBy ?? {};
  const { profile } = configuration.chooseTreatment({
    observationDomain,
    ...(peer.address === undefined ? {} : { address: peer.address }),
    ...(detectedProfile === undefined ? {} : { detectedProfile }),
    ...(peer.decidedBy === undefined ? {} : { decidedBy: peer.decidedBy }),
  });
  assert.equal(plan.profile.dialect, profile.dialect, "what decodes it is the collector");
  return `${plan.rule ?? "none"} ${plan.mode} ${plan.collector.address.hostname} ${profile.name}`;
}

const BY_TEMPLATE = `${RIGHT}
peers:
  - { match: { address: 10.9.0.0/16 }, mode: observe }
  - match: { observationDomain: 7 }
    collector: { address: "seven.example:4739", profile: antrea/v2.0 }
  - match: { profile: antrea/v2.7, address: 10.0.0.0/8 }
    mode: observe
  - match: { observationDomain: 8 }
    collector: { profile: antrea/v2.7 }
`;

Deno.test("rules for a domain or release decide once the first template is there", async () => {
  const configuration = await load(BY_TEMPLATE);
  assert.equal(decided(configuration, { address: "10.9.0.1" }), "peers[0] observe 127.0.0.1 antrea/v1.15");
  for (const address of ["10.1.0.1", "11.1.0.1", undefined]) {
    assert.equal(configuration.chooseSession({ address }), "undecided");
  }
  const by = (address: string, observationDomain: number, detectedProfile = "antrea/v1.15") =>
    decided(configuration, { address, decidedBy: { observationDomain, detectedProfile } });
  assert.equal(by("10.1.0.1", 7), "peers[1] rewrite seven.example antrea/v2.0");
  assert.equal(by("10.1.0.1", 7, "antrea/v2.7"), "peers[1] rewrite seven.example antrea/v2.0");
  assert.equal(by("10.1.0.1", 9, "antrea/v2.7"), "peers[2] observe 127.0.0.1 antrea/v1.15");
  assert.equal(by("11.1.0.1", 9, "antrea/v2.7"), "none rewrite 127.0.0.1 antrea/v1.15");
  assert.equal(by("11.1.0.1", 8), "none rewrite 127.0.0.1 antrea/v2.7", "a rule for templates decides no session");
});

Deno.test("without such rules every session is decided when it opens", async () => {
  const configuration = await load(`${RIGHT}
peers:
  - { match: { address: 10.9.0.0/16 }, collector: { address: "nine.example:4739" } }
  - { match: { observationDomain: 8 }, collector: { profile: antrea/v2.7 } }
`);
  assert.equal(decided(configuration, { address: "10.9.0.1" }), "peers[0] rewrite nine.example antrea/v1.15");
  assert.equal(decided(configuration, { address: "10.8.0.1" }), "none rewrite 127.0.0.1 antrea/v1.15");
});

Deno.test("a session goes on as its first template decided; later templates of another rule's collector change nothing", async () => {
  const { chooseTreatment } = await load(BY_TEMPLATE);
  const decidedBy = { observationDomain: 7 };
  const of = (observationDomain: number) => chooseTreatment({ observationDomain, decidedBy }).profile.name;
  assert.deepEqual([of(7), of(9), of(8)], ["antrea/v2.0", "antrea/v2.0", "antrea/v2.7"]);
  const base = { observationDomain: 9 };
  assert.equal(chooseTreatment({ observationDomain: 7, decidedBy: base }).profile.name, "antrea/v1.15");
});

Deno.test("rules that name one collector share it, with its profile; each collector has treatments of its own", async () => {
  const configuration = await load(`${RIGHT}
peers:
  - { match: { address: 10.1.0.0/16 }, collector: { address: "other.example:4739", profile: antrea/v2.0 } }
  - { match: { address: 10.2.0.0/16 }, collector: { address: "other.example:4739" }, plugins: [] }
  - { match: { address: 10.3.0.0/16 }, collector: { address: "127.0.0.1:4739", profile: antrea/v2.7 } }
  - { match: { observationDomain: 4 }, collector: { profile: antrea/v0.12 } }
`);
  const [top, other, ...more] = configuration.plans;
  assert.equal(more.length, 0);
  assert.equal(top.collector, configuration.collector);
  assert.deepEqual(top.rules, ["peers[2]"]);
  assert.deepEqual(other?.rules, ["peers[0]", "peers[1]"]);
  assert.equal(other?.treatment.profile.name, "antrea/v2.0");
  const of = (address: string) => other?.chooseTreatment({ observationDomain: 1, address });
  assert.deepEqual([of("10.2.0.1")?.profile.name, of("10.2.0.1")?.plugins.length], ["antrea/v2.0", 0]);
  assert.equal(of("10.3.0.1")?.profile.name, "antrea/v2.0", "never what another collector expects");
  assert.deepEqual(top.peers.map(({ name }) => name), ["peers[2]", "peers[3]"]);
});

Deno.test("a rule's collector has its own candidates and switch, or those of the top level", async () => {
  const yaml = (rule: string) =>
    `${RIGHT.replace("profile: antrea/v1.15", "candidates: [antrea/v2.3, antrea/v2.0], switch: now")}
peers: [{ match: { address: 10.1.0.1 }, collector: { address: "other.example:1", ${rule} } }]
`;
  const of = async (rule: string) => {
    const [, other] = (await load(yaml(rule))).plans;
    const { candidates = [], switch: when, acceptedAfter, treatment } = other ?? {};
    return [treatment?.profile.name, candidates.map((one) => one.treatment.profile.name).join(), when, acceptedAfter];
  };
  assert.deepEqual(await of("acceptedAfter: 3s"), ["antrea/v2.3", "antrea/v2.3,antrea/v2.0", "now", 3000]);
  assert.deepEqual(await of("profile: antrea/v1.15, switch: restart"), ["antrea/v1.15", "", "restart", 10_000]);
  assert.deepEqual(await of("candidates: [antrea/v2.7, antrea/v2.6]"), [
    "antrea/v2.7",
    "antrea/v2.7,antrea/v2.6",
    "now",
    10_000,
  ]);
});

Deno.test("a rule's collector over tls has its own trust, or that of the top level", async () => {
  const { pem } = await Authority.create("cluster");
  const configuration = await load(
    `listen: [{ address: 0.0.0.0:24739 }]
collector: { transport: tls, address: "127.0.0.1:4739", profile: antrea/v1.15, tls: { ca: a, serverName: top } }
peers:
  - { match: { address: 10.1.0.1 }, collector: { address: "one.example:1" } }
  - { match: { address: 10.1.0.2 }, collector: { address: "two.example:1", tls: { ca: b } } }
  - { match: { address: 10.1.0.3 }, collector: { transport: udp, address: "three.example:1", templateRefresh: 2s } }
`,
    { a: pem, b: pem },
  );
  const [, one, two, three] = configuration.plans;
  assert.deepEqual([one?.collector.tls, two?.collector.tls], [{ ca: "a", serverName: "top" }, { ca: "b" }]);
  assert.deepEqual([three?.collector.tls, three?.collector.templateRefresh], [undefined, 2000]);
});

Deno.test("mistakes in a rule's collector are reported with their place", async () => {
  const rule = (collector: string) =>
    `${RIGHT}peers:\n  - match: { address: 10.0.0.1 }\n    collector: { ${collector} }\n`;
  const of = async (collector: string) =>
    (await mistakes(rule(collector))).map((each) => each.replace("proxy.yaml:", ""));
  assert.deepEqual(await of("address: nowhere"), [
    '5:27: peers[0].collector.address: "nowhere" is not allowed (host:port or [v6]:port, port 1 to 65535)',
  ]);
  assert.deepEqual(await of('transport: tls, address: "other:1"'), [
    "5:16: peers[0].collector.tls: missing (a map: mode, ca; certificate, key, serverName)",
  ]);
  assert.deepEqual(await of('address: "127.0.0.1:24739"'), [
    "5:27: peers[0].collector.address: is this proxy's own listener tcp 0.0.0.0:24739: every message would come back (the collector's address)",
  ]);
  assert.deepEqual(await of('address: "other:1", templateRefresh: 2s'), [
    "5:38: peers[0].collector.templateRefresh: not with transport tcp (transport: udp)",
  ]);
  assert.deepEqual(await of("switch: now"), [
    "5:18: peers[0].collector.switch: is the collector of collector, tcp 127.0.0.1:4739, with another switch (the same, or an address of its own)",
  ]);
  const [unknown] = await of('address: "other:1", profile: antrea/v9.9');
  assert.match(unknown ?? "", /^5:47: peers\[0\]\.collector\.profile: /);
  const [automatic] = await of('address: "other:1", profile: auto');
  assert.match(automatic ?? "", /^5:47: peers\[0\]\.collector\.profile: only where collector\.profile is auto, too/);
});
