import assert from "node:assert/strict";
import fc from "fast-check";
import { sameElement } from "../src/ipfix/registry/information_element.ts";
import type { Template } from "../src/ipfix/record/template.ts";
import { conversionBetween, narrowedSigns } from "../src/mediation/mapping/conversion.ts";
import type { PluginContext, PluginDefinition } from "../src/mediation/mapping/plugin.ts";
import { knowsElement, type Profile } from "../src/mediation/mapping/profile/profile.ts";
import {
  identity,
  isIdentity,
  targetTemplate,
  type TemplateMapping,
} from "../src/mediation/mapping/template_mapping.ts";
import {
  ANY_COLLECTOR,
  anyOptionsTemplate,
  anyTemplate,
  contextOf,
  field,
  frozen,
  names,
  NEW_COLLECTOR,
  OLD_COLLECTOR,
  template,
} from "../test/support/plugin_context.ts";
import { DEFAULT_CHAIN, SHIPPED } from "./mod.ts";

/** Runs the chain; each plugin is given a mapping in which any change throws. */
function run(
  chain: readonly PluginDefinition[],
  profile: Profile,
  source: Template,
  context?: PluginContext,
): TemplateMapping {
  return chain.map((definition) => definition.create(definition.options.parse({}), profile))
    .reduce(
      (mapping, plugin) => plugin.rewrite(frozen(mapping), context ?? contextOf(profile, source)),
      identity(source),
    );
}

const chains = fc.constantFrom(DEFAULT_CHAIN, SHIPPED);
const profiles = fc.constantFrom(OLD_COLLECTOR, NEW_COLLECTOR);

/** As {@link anyTemplate}, with what selects one of the lists somewhere in it. */
const listedTemplate = fc.tuple(anyTemplate, fc.nat(), fc.constantFrom("sourceIPv4Address", "sourceIPv6Address")).map(
  ([source, at, name]) => ({
    ...source,
    fields: source.fields.toSpliced(at % (source.fields.length + 1), 0, field(name)),
  }),
);

Deno.test("shipped plugins: each by its folder's name, once, the default chain without annotate-exporter", () => {
  assert.deepEqual(SHIPPED.map(({ name }) => name), [
    "map-fields",
    "strip-unknown",
    "annotate-exporter",
    "pad-missing",
    "match-order",
  ]);
  assert.deepEqual(DEFAULT_CHAIN.map(({ name }) => name), [
    "map-fields",
    "strip-unknown",
    "pad-missing",
    "match-order",
  ]);
  const folders = [...Deno.readDirSync(new URL(".", import.meta.url))].filter(({ isDirectory }) => isDirectory);
  assert.deepEqual(folders.map(({ name }) => name).sort(), SHIPPED.map(({ name }) => name).sort());
  for (const definition of SHIPPED) {
    assert.equal(definition.create(definition.options.parse({}), OLD_COLLECTOR).name, definition.name);
    assert.match(definition.summary, /^[a-z].*[^.]$/);
    assert.equal(definition.options.safeParse({ nosuchoption: 1 }).success, false);
  }
});

Deno.test("default chain: a newer exporter to an older collector, field by field", () => {
  const source = template([
    "flowStartSeconds",
    "sourceIPv4Address",
    "octetDeltaCount",
    "tcpState",
    "egressName",
    "egressNodeName",
    "destinationServiceIPv4",
  ]);
  const mapping = run(DEFAULT_CHAIN, OLD_COLLECTOR, source);
  const given = mapping.fields.map((
    { target, value, by },
  ) => [target.element.name, value.from === "record" ? value.index : by]);
  assert.deepEqual(given, [
    ["flowStartSeconds", 0],
    ["forwardingStatus", "pad-missing"],
    ["sourceIPv4Address", 1],
    ["destinationIPv4Address", "pad-missing"],
    ["packetDeltaCount", "pad-missing"],
    ["protocolIdentifier", "pad-missing"],
    ["reversePacketDeltaCount", "pad-missing"],
    ["sourcePodName", "pad-missing"],
    ["tcpState", 3],
    ["egressName", 4],
    ["destinationClusterIPv4", 6],
  ]);
  assert.deepEqual([...mapping.stripped ?? []], [[2, "strip-unknown"], [5, "strip-unknown"]]);
});

Deno.test("chain: any template that selects a list comes out as exactly that list, in its order", () => {
  fc.assert(fc.property(listedTemplate, profiles, chains, (source, profile, chain) => {
    const { expected } = contextOf(profile, source);
    assert.ok(expected);
    const mapping = run(chain, profile, source);
    assert.equal(mapping.fields.length, expected.fields.length);
    mapping.fields.forEach(({ target }, place) => {
      const wanted = expected.fields[place];
      assert.ok(wanted && sameElement(target.element, wanted.element), `place ${place}: ${target.element.name}`);
    });
  }));
});

Deno.test("chain: a field from the record carries its own value, without loss where it fits, or no octets at all", () => {
  fc.assert(fc.property(fc.oneof(listedTemplate, anyTemplate), profiles, chains, (source, profile, chain) => {
    for (const { target, value } of run(chain, profile, source).fields) {
      if (value.from !== "record") continue;
      const origin = source.fields[value.index];
      assert.ok(origin);
      if (origin.length === 0 && value.convert === undefined) assert.equal(target, origin);
      else if (value.convert === "narrow") assert.ok(narrowedSigns(origin, target) !== undefined);
      else assert.equal(value.convert ?? "none", conversionBetween(origin, target));
      if (!sameElement(origin.element, target.element)) {
        assert.ok(
          profile.renames.some(({ from, to }) => sameElement(from, origin.element) && sameElement(to, target.element)),
        );
      }
      assert.ok(knowsElement(profile, target.element));
    }
  }));
});

Deno.test("chain: every source field is used once or noted as stripped", () => {
  fc.assert(fc.property(fc.oneof(listedTemplate, anyTemplate), profiles, chains, (source, profile, chain) => {
    const mapping = run(chain, profile, source);
    const used = mapping.fields.flatMap(({ value }) => value.from === "record" ? [value.index] : []);
    const all = [...used, ...mapping.stripped?.keys() ?? []].toSorted((one, other) => one - other);
    assert.deepEqual(all, source.fields.map((_, index) => index));
  }));
});

// Not so with annotate-exporter: an original exporter that was stripped for its odd length is not replaced by the
// exporter in front of us, while the stripped template alone would get it.
Deno.test("default chain: what came out of it goes through it unchanged", () => {
  fc.assert(fc.property(fc.oneof(listedTemplate, anyTemplate), profiles, (source, profile) => {
    const target = targetTemplate(run(DEFAULT_CHAIN, profile, source), source.id);
    assert.ok(isIdentity(run(DEFAULT_CHAIN, profile, target)));
  }));
});

Deno.test("chain: a collector's own list is the identity", () => {
  for (const profile of [OLD_COLLECTOR, NEW_COLLECTOR]) {
    for (const { fields } of profile.templates) assert.ok(isIdentity(run(DEFAULT_CHAIN, profile, template(fields))));
  }
});

Deno.test("chain: a template that selects no list keeps its order", () => {
  fc.assert(fc.property(anyTemplate, profiles, (source, profile) => {
    fc.pre(contextOf(profile, source).expected === undefined);
    const mapping = run(DEFAULT_CHAIN, profile, source);
    const used = mapping.fields.map(({ value }) => value.from === "record" ? value.index : -1);
    assert.deepEqual(used, used.toSorted((one, other) => one - other));
    assert.equal(names(mapping).length + (mapping.stripped?.size ?? 0), source.fields.length);
  }));
});

Deno.test("chain: scope fields of options templates stay first, all of them; a collector without limits gets everything", () => {
  fc.assert(fc.property(anyOptionsTemplate, profiles, chains, (source, profile, chain) => {
    const mapping = run(chain, profile, source);
    mapping.fields.forEach(({ scope, value }, index) => {
      assert.equal(scope === true, index < source.scopeFieldCount);
      if (scope === true) assert.ok(value.from === "record" && value.index === index);
    });
  }));
  fc.assert(fc.property(fc.oneof(anyTemplate, anyOptionsTemplate), (source) => {
    assert.ok(isIdentity(run(DEFAULT_CHAIN, ANY_COLLECTOR, source)));
  }));
});

/** What a module imports, statically or not. */
function imports(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].flatMap(([, specifier]) => specifier ?? []);
}

/**
 * Whether a plugin may import it: the public modules of the proxy, its own files, in a test also test support and
 * libraries.
 */
function isAllowed(specifier: string, isTest: boolean): boolean {
  if (specifier.startsWith("./") || specifier === "@ipfix-skew-proxy/proxy/plugin") return true;
  return isTest && (specifier === "@ipfix-skew-proxy/proxy/plugin/testing" || specifier === "fast-check" ||
    specifier.startsWith("node:") || specifier.startsWith("../../test/support/"));
}

Deno.test("a plugin imports the public plugin module and nothing else of the proxy; its test the harness too", async () => {
  for (const { name } of SHIPPED) {
    const folder = new URL(`${name}/`, import.meta.url);
    for (const file of Deno.readDirSync(folder)) {
      if (!file.name.endsWith(".ts")) continue;
      const found = imports(await Deno.readTextFile(new URL(file.name, folder)));
      assert.ok(found.length > 0, file.name);
      const wrong = found.filter((specifier) => !isAllowed(specifier, file.name.endsWith("_test.ts")));
      assert.deepEqual(wrong, [], `${name}/${file.name}`);
    }
  }
  const text =
    `import { x } from "../../src/mediation/mapping/plugin.ts";\nexport * from "zod";\nawait import("../mod.ts");`;
  assert.deepEqual(imports(text).map((specifier) => isAllowed(specifier, false)), [false, false, false]);
});

Deno.test("a plugin outside of the proxy's folder imports the contract by the same name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/own.ts`;
    await Deno.copyFile(new URL("match-order/mod.ts", import.meta.url), file);
    const own: { default: PluginDefinition } = await import(`file://${file}`);
    const { fields } = template(["interfaceName", "sourceIPv4Address"]);
    const source = { id: 256, fields, scopeFieldCount: 0 };
    assert.deepEqual(names(run([own.default], OLD_COLLECTOR, source)), ["sourceIPv4Address", "interfaceName"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
