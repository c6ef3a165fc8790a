import assert from "node:assert/strict";
import type { Peer } from "../mediation/mapping/treatment.ts";
import { SHIPPED } from "../../plugins/mod.ts";
import { buildConfiguration } from "./build_configuration.ts";
import type { Configuration } from "./configuration.ts";
import { ConfigurationReader } from "./configuration_reader.ts";
import { PluginModules } from "./plugin_modules.ts";
import { type PeerSection, readSections } from "./sections.ts";
import { formatMistake } from "./yaml/mistake.ts";
import { YamlDocument } from "./yaml/yaml_document.ts";
import { Authority } from "../../test/support/certificates.ts";
import { load, mistakes, RIGHT } from "../../test/support/configuration.ts";

function treated(configuration: Configuration, peer: Partial<Peer>): string {
  const { profile, plugins } = configuration.chooseTreatment({ observationDomain: 1, ...peer });
  return [profile.name, profile.dialect.name, ...plugins.map(({ name }) => name)].join(" ");
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

Deno.test("a rule's certificate name is the whole name", async () => {
  const authority = await Authority.create("cluster");
  const { certificate, key } = await authority.issue({ name: "aggregator" });
  const listen = "listen: [{ transport: tls, address: 0.0.0.0:1, tls: { certificate: c, key: k, ca: a } }]\n";
  const yaml = `${listen}${RIGHT.split("\n")[1]}\npeers: [{ match: { certificateName: agent }, plugins: [] }]\n`;
  const configuration = await load(yaml, { c: certificate, k: key, a: authority.pem });
  assert.equal(configuration.chooseSession({ certificateName: "agent" }).rule, "peers[0]");
  for (const certificateName of ["agent2", "Agent", ""]) {
    assert.equal(configuration.chooseSession({ certificateName }).rule, undefined);
  }
  assert.equal(configuration.chooseSession({}).rule, undefined);
});

/** Builds the configuration of this text, with rules that hold what the schema does not let a file say yet. */
function withOwn(yaml: string, own: Readonly<Record<number, Partial<PeerSection>>>) {
  const reader = new ConfigurationReader(new YamlDocument("proxy.yaml", yaml), () => "");
  const sections = readSections(reader);
  const peers = sections.peers.map((peer, index) => ({ ...peer, ...own[index] }));
  const modules = new PluginModules(reader, SHIPPED, () => Promise.reject(new Error("nothing is imported")));
  const configuration = buildConfiguration(reader, { ...sections, peers }, modules);
  return {
    configuration: configuration === undefined ? undefined : { ...configuration, close: () => {} },
    mistakes: reader.mistakes.map(formatMistake),
  };
}

function withOwnCollector(yaml: string): Configuration {
  const collector = { profile: "antrea/v0.12", address: { hostname: "other.example", port: 4739 } };
  const { configuration, mistakes } = withOwn(yaml, { 2: { mode: "observe", collector } });
  assert.deepEqual(mistakes, []);
  assert(configuration !== undefined);
  return configuration;
}

Deno.test("a rule for a domain has no mode or collector of its own; a tls collector needs its certificates", () => {
  const yaml = `${RIGHT}peers:
  - { match: { observationDomain: 5 } }
  - { match: { address: 10.0.0.1 } }
`;
  const address = { hostname: "other.example", port: 4739 };
  const why = "applies to whole sessions, but observation domain and release are known only per template " +
    "(where match has only address and certificateName)";
  assert.deepEqual(
    withOwn(yaml, { 0: { mode: "observe", collector: { address } }, 1: { collector: { transport: "tls" } } }).mistakes,
    [
      `proxy.yaml:4:5: peers[0].mode: ${why}`,
      `proxy.yaml:4:5: peers[0].collector.address: ${why}`,
      "proxy.yaml:5:5: peers[1].collector.tls: missing (a map: mode, ca; certificate, key, serverName)",
    ],
  );
});

const TWO_COLLECTORS = `${RIGHT}${only("match-order")}
peers:
  - match: { profile: antrea/v2.0 }
    ${only("strip-unknown")}
  - match: { observationDomain: 7 }
    collector: { profile: antrea/v2.7 }
  - match: { address: 10.0.0.0/8 }
    collector: { profile: antrea/v0.12 }
    ${only("pad-missing")}
  - match: { observationDomain: 8 }
    ${only("map-fields")}
`;

Deno.test("collector and mode are a session's, decided by the first rule that can be known when it opens", () => {
  const configuration = withOwnCollector(TWO_COLLECTORS);
  const other = configuration.chooseSession({ address: "10.1.1.1" });
  assert.deepEqual([other.rule, other.mode, other.collector.address.hostname, other.profile.name], [
    "peers[2]",
    "observe",
    "other.example",
    "antrea/v0.12",
  ]);
  const plan = configuration.chooseSession({ address: "11.1.1.1" });
  assert.deepEqual([plan.rule, plan.mode, plan.collector], [undefined, "rewrite", configuration.collector]);
  assert.deepEqual(configuration.collectors, [configuration.collector, other.collector]);
});

Deno.test("a template's rule replaces what its session's says, where it comes before it", () => {
  const configuration = withOwnCollector(TWO_COLLECTORS);
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
    /^proxy\.yaml:5:79: peers\[0\]\.plugins\[0\]\.with\.values\.ingressNetworkPolicyType: 1 is no /,
  );
  assert.deepEqual(more, []);
});
