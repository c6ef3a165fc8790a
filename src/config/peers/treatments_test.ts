import assert from "node:assert/strict";
import type { Peer } from "../../mediation/mapping/chain/treatment.ts";
import type { Configuration, SessionPeer } from "../configuration.ts";
import { Authority } from "../../../test/support/certificates.ts";
import { load, mistakes, RIGHT } from "../../../test/support/configuration.ts";

function treated(configuration: Configuration, peer: Partial<Peer>): string {
  const { profile, plugins } = configuration.chooseTreatment({ observationDomain: 1, ...peer });
  return [profile.name, profile.dialect.name, ...plugins.map(({ name }) => name)].join(" ");
}

/** What is decided for a session, which can be decided. */
function planOf(configuration: Configuration, peer: SessionPeer) {
  const plan = configuration.chooseSession(peer);
  assert(plan !== "undecided");
  return plan;
}

const only = (plugin: string) => `plugins: [{ use: ${plugin} }]`;

Deno.test("without rules everyone has the same treatment", async () => {
  const configuration = await load(RIGHT);
  const chain = "antrea/v1.15 go-ipfix-legacy map-fields strip-unknown pad-missing match-order";
  for (const peer of [{}, { address: "10.0.0.1" }, { detectedProfile: "antrea/v2.0", observationDomain: 7 }]) {
    assert.equal(treated(configuration, peer), chain);
    assert.equal(configuration.chooseTreatment({ observationDomain: 1, ...peer }), configuration.treatment);
  }
});

Deno.test("rfc7011 has an empty chain of its own, and plugins that are named", async () => {
  const yaml = RIGHT.replace("antrea/v1.15", "rfc7011");
  assert.equal(treated(await load(yaml), {}), "rfc7011 rfc7011");
  assert.equal(treated(await load(`${yaml}${only("match-order")}`), {}), "rfc7011 rfc7011 match-order");
  assert.equal(treated(await load(`${RIGHT}plugins: []`), {}), "antrea/v1.15 go-ipfix-legacy");
});

Deno.test("rules match by address, network and family; an address that is not known matches none", async () => {
  const configuration = await load(`${RIGHT}${only("match-order")}
peers:
  - { match: { address: 10.10.0.7 }, ${only("pad-missing")} }
  - { match: { address: 10.10.0.0/24 }, ${only("strip-unknown")} }
  - { match: { address: "2001:db8::/32" }, ${only("map-fields")} }
`);
  for (
    const [address, plugin] of [
      ["10.10.0.7", "pad-missing"],
      ["10.10.0.8", "strip-unknown"],
      ["::ffff:10.10.0.8", "strip-unknown"],
      ["10.10.1.7", "match-order"],
      ["2001:db8:1::1", "map-fields"],
      ["2001:db9::1", "match-order"],
      ["unknown", "match-order"],
      [undefined, "match-order"],
    ] as const
  ) {
    const peer = address === undefined ? {} : { address };
    assert.equal(treated(configuration, peer), `antrea/v1.15 go-ipfix-legacy ${plugin}`, String(address));
  }
});

Deno.test("a release matches wherever its era is the one detected; all keys of a rule must match", async () => {
  const configuration = await load(`${RIGHT}${only("match-order")}
peers:
  - { match: { profile: antrea/v2.0, observationDomain: 7 }, ${only("pad-missing")} }
  - { match: { profile: antrea/v2.3.1 }, ${only("strip-unknown")} }
`);
  const of = (detectedProfile: string, observationDomain: number) =>
    treated(configuration, { detectedProfile, observationDomain }).split(" ")[2];
  assert.deepEqual(
    [of("antrea/v2.0", 7), of("antrea/v2.0", 8), of("antrea/v2.5", 8), of("antrea/v2.6", 7), of("x", 7)],
    ["pad-missing", "strip-unknown", "strip-unknown", "match-order", "match-order"],
  );
  assert.equal(treated(configuration, { observationDomain: 7 }), "antrea/v1.15 go-ipfix-legacy match-order");
});

Deno.test("a rule matches a certificate's whole name only", async () => {
  const authority = await Authority.create("cluster");
  const { certificate, key } = await authority.issue({ name: "aggregator" });
  const listen = "listen: [{ transport: tls, address: 0.0.0.0:1, tls: { certificate: c, key: k, ca: a } }]\n";
  const yaml = `${listen}${RIGHT.split("\n")[1]}\npeers: [{ match: { certificateName: agent }, plugins: [] }]\n`;
  const configuration = await load(yaml, { c: certificate, k: key, a: authority.pem });
  assert.equal(planOf(configuration, { certificateName: "agent" }).rule, "peers[0]");
  for (const certificateName of ["agent2", "Agent", ""]) {
    assert.equal(planOf(configuration, { certificateName }).rule, undefined);
  }
  assert.equal(planOf(configuration, {}).rule, undefined);
});

const TWO_COLLECTORS = `${RIGHT}${only("match-order")}
peers:
  - match: { profile: antrea/v2.0 }
    ${only("strip-unknown")}
  - match: { observationDomain: 7 }
    collector: { profile: antrea/v2.7 }
  - match: { address: 10.0.0.0/8 }
    mode: observe
    collector: { address: "other.example:4739", profile: antrea/v0.12 }
    ${only("pad-missing")}
  - match: { observationDomain: 8 }
    ${only("map-fields")}
`;

Deno.test("collector and mode are a session's, decided by the first rule that can be known when it opens", async () => {
  const configuration = await load(TWO_COLLECTORS);
  const other = planOf(configuration, { address: "10.1.1.1" });
  assert.deepEqual([other.rule, other.mode, other.collector.address.hostname, other.profile.name], [
    "peers[2]",
    "observe",
    "other.example",
    "antrea/v0.12",
  ]);
  const plan = planOf(configuration, { address: "11.1.1.1" });
  assert.deepEqual([plan.rule, plan.mode, plan.collector], [undefined, "rewrite", configuration.collector]);
  assert.deepEqual(configuration.collectors, [configuration.collector, other.collector]);
});

Deno.test("a template's rule replaces what its session's says, where it comes before it", async () => {
  const configuration = await load(TWO_COLLECTORS);
  const outside = { address: "11.1.1.1" };
  const inside = { address: "10.1.1.1" };
  const v20 = { detectedProfile: "antrea/v2.0" };
  const session = "antrea/v0.12 go-ipfix-stream-read pad-missing";
  assert.equal(treated(configuration, { ...outside }), "antrea/v1.15 go-ipfix-legacy match-order");
  assert.equal(treated(configuration, { ...outside, ...v20 }), "antrea/v1.15 go-ipfix-legacy strip-unknown");
  assert.equal(treated(configuration, { ...inside }), session);
  assert.equal(treated(configuration, { ...inside, ...v20 }), "antrea/v0.12 go-ipfix-stream-read strip-unknown");
  // The list is v2.7's, but what decodes it is the session's collector.
  assert.equal(treated(configuration, { ...outside, observationDomain: 7 }), "antrea/v2.7 go-ipfix-legacy match-order");
  assert.equal(
    treated(configuration, { ...inside, observationDomain: 7 }),
    "antrea/v2.7 go-ipfix-stream-read pad-missing",
  );
  // The rule for domain 8 comes after the session's.
  assert.equal(treated(configuration, { ...inside, observationDomain: 8 }), session);
  assert.equal(treated(configuration, { ...outside, observationDomain: 8 }), "antrea/v1.15 go-ipfix-legacy map-fields");
});

Deno.test("dialects: a name replaces the profile's, limits change it, rules over both", async () => {
  const configuration = await load(
    `${RIGHT.replace("v1.15", "v1.15, dialect: { maxDatagram: 512, setsPerMessage: unlimited }")}
peers:
  - { match: { address: 10.0.0.1 }, collector: { profile: antrea/v2.7 } }
  - { match: { address: 10.0.0.2 }, collector: { dialect: rfc7011 } }
`,
  );
  const of = (address: string) => configuration.chooseTreatment({ address, observationDomain: 1 }).profile;
  const changed = of("10.0.0.3").dialect;
  assert.equal(changed.name, "go-ipfix-legacy with other setsPerMessage, maxDatagram");
  assert.deepEqual([changed.maxDatagram, changed.setsPerMessage, changed.templateScope, changed.setPadding], [
    512,
    Infinity,
    "observation-domain",
    false,
  ]);
  const newer = of("10.0.0.1").dialect;
  assert.deepEqual([newer.maxDatagram, newer.templateScope], [512, "session"]);
  assert.deepEqual([of("10.0.0.2").dialect.name, of("10.0.0.2").name], ["rfc7011", "antrea/v1.15"]);
});

Deno.test("a plugin that can be made for each rule alone, but not where two of them meet, is a mistake", async () => {
  // ingressNetworkPolicyType was a text up to go-ipfix v0.5.0, and is a number since.
  const rules = (...rest: string[]) =>
    [
      `${RIGHT.replace("v1.15", "v2.7")}peers:`,
      "  - match: { observationDomain: 7 }",
      "    plugins: [{ use: pad-missing, with: { values: { ingressNetworkPolicyType: 1 } } }]",
      ...rest,
    ].join("\n");
  assert.deepEqual(await mistakes(rules()), []);
  const [mistake, ...more] = await mistakes(
    rules("  - { match: { address: 10.0.0.1 }, collector: { profile: antrea/v1.0 } }"),
  );
  assert.match(
    mistake ?? "",
    /^proxy\.yaml:5:79: peers\[0\]\.plugins\[0\]\.with\.values\.ingressNetworkPolicyType: 1 is not a valid string /,
  );
  assert.deepEqual(more, []);
});
