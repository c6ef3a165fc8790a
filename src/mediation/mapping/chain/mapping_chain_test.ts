import assert from "node:assert/strict";
import { ChainError, runChain } from "./mapping_chain.ts";
import type { Plugin, PluginContext } from "../plugin.ts";
import type { Profile } from "../profile/profile.ts";
import { identity, type TemplateMapping } from "../template_mapping.ts";
import {
  constant,
  element,
  field,
  fromRecord,
  GO_IPFIX,
  profileOf,
  RFC7011,
  template,
} from "../../../../test/support/mediation.ts";

const source = template(256, ["sourceTransportPort", "octetDeltaCount"]);
const plugin = (name: string, rewrite: Plugin["rewrite"]): Plugin => ({ name, rewrite });
const run = (plugins: readonly Plugin[], profile = profileOf(RFC7011), from = source) =>
  runChain(from, { profile, plugins }, { exporterFamily: undefined });

Deno.test("without plugins a template is mapped to itself", () => {
  assert.deepEqual(run([]), identity(source));
});

Deno.test("plugins run in order, each on what the one before made", () => {
  const add = (name: string) =>
    plugin(
      name,
      (mapping) => ({ ...mapping, fields: [...mapping.fields, constant("protocolIdentifier", mapping.fields.length)] }),
    );
  const values = run([add("one"), add("two")]).fields.map(({ value }) =>
    value.from === "constant" ? value.octets[0] : ""
  );
  assert.deepEqual(values, ["", "", 2, 3]);
});

Deno.test("plugins receive the profile, the list that the template selects, the release and the exporter's family", () => {
  const list = { name: "IPv4", selectedBy: [element("octetDeltaCount")], fields: [] };
  const profile = profileOf(GO_IPFIX, { templates: [{ ...list, selectedBy: [element("sourceIPv4Address")] }, list] });
  const seen: PluginContext[] = [];
  const spy = plugin("spy", (mapping, context) => (seen.push(context), mapping));
  runChain(source, { profile, plugins: [spy] }, { detectedProfile: "antrea/v2.0", exporterFamily: 6 });
  assert.deepEqual(seen, [{ profile, expected: list, detectedProfile: "antrea/v2.0", exporterFamily: 6 }]);

  const options = template(256, ["sourceTransportPort", "octetDeltaCount"], 1);
  run([spy], { ...profile, dialect: RFC7011 }, options);
  assert.equal(seen[1]?.expected, undefined, "an options template selects none");
});

const CULPRITS: readonly [what: string, rewrite: (mapping: TemplateMapping) => unknown, message: RegExp][] = [
  ["throws", () => {
    throw new Error("no such luck");
  }, /no such luck/],
  ["throws what has no text", () => {
    throw Object.create(null);
  }, /^something was thrown that has no text$/],
  ["throws what does not say what it is", () => {
    const refuse = () => {
      throw new Error("refused");
    };
    throw new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse });
  }, /^something was thrown that has no text$/],
  ["throws what is no error", () => {
    const word: unknown = "a word";
    throw word;
  }, /a word/],
  ["gives an accessor, which could answer otherwise each time", (mapping) => ({
    source: mapping.source,
    get fields() {
      return mapping.fields;
    },
  }), /the answer\.fields is an accessor, not data/],
  ["gives nothing", () => undefined, /the answer is not an object/],
  [
    "gives what does not check",
    (mapping) => ({ ...mapping, fields: [fromRecord("octetDeltaCount", 7)] }),
    /source field 7/,
  ],
  ["gives another template's mapping", () => identity(template(256, ["octetDeltaCount"])), /another source template/],
];

for (const [what, rewrite, message] of CULPRITS) {
  Deno.test(`a plugin that ${what} is named, and what runs after it is not blamed`, () => {
    const culprit = plugin("culprit", rewrite as Plugin["rewrite"]);
    const after = plugin("after", () => assert.fail("it ran"));
    assert.throws(() => run([plugin("before", (mapping) => mapping), culprit, after]), (error: unknown) => {
      assert.ok(error instanceof ChainError);
      assert.equal(error.plugin, "culprit");
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("a plugin can change nothing of the profile, which all templates share", () => {
  const changes: ((profile: Profile) => unknown)[] = [
    (profile) => Object.assign(profile, { name: "mine" }),
    (profile) => Object.assign(profile.templates, { length: 0 }),
    (profile) => Object.assign(profile.dialect, { setsPerMessage: 0 }),
    (profile) => Object.assign(profile.registry, { lookup: () => undefined }),
    (profile) => Object.assign(profile.registry.byName("octetDeltaCount") ?? {}, { length: 1 }),
  ];
  for (const change of changes) {
    const hostile = plugin("hostile", (mapping, context) => {
      change(context.profile);
      return mapping;
    });
    assert.throws(() => run([hostile]), /hostile|read only|not extensible/, String(change));
  }
});

Deno.test("the dialect is applied last, to what the plugins made", () => {
  const added = plugin(
    "adder",
    (mapping) => ({ ...mapping, fields: [...mapping.fields, constant(field("octetDeltaCount", 1), 9)] }),
  );
  const { fields } = run([added], profileOf(GO_IPFIX));
  assert.deepEqual(fields.map(({ target }) => target.length), [2, 8, 8]);
});
