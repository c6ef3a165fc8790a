import assert from "node:assert/strict";
import { definePlugin, encodeValue, findElement, type Plugin, z } from "@ipfix-skew-proxy/proxy/plugin";
import { exporterTemplates, templateOf, tryPlugin } from "@ipfix-skew-proxy/proxy/plugin/testing";

function pluginOf(rewrite: Plugin["rewrite"]) {
  const summary = "for a test";
  return definePlugin({ name: "own", summary, options: z.strictObject({}), create: () => ({ name: "own", rewrite }) });
}

const template = templateOf("rfc7011", ["protocolIdentifier", "interfaceName", "octetDeltaCount"]);
const record = [6, "eth0", 18446744073709551615n];

Deno.test("records come out as the mapping says: kept, moved, a constant, a fact of the session", () => {
  const kept = tryPlugin(pluginOf((mapping) => mapping), { profile: "rfc7011", template });
  assert.deepEqual(kept.rewrite(record), record);

  const made = pluginOf((mapping, { profile }) => {
    const [protocol, name] = mapping.fields;
    assert.ok(protocol !== undefined && name !== undefined);
    const octets = encodeValue("unsigned8", 1, 4);
    const domain = findElement(profile, "originalObservationDomainId");
    return {
      ...mapping,
      fields: [
        name,
        { ...protocol, value: { from: "constant", octets } },
        { target: { element: domain, length: 4 }, value: { from: "session", fact: "observationDomainId" } },
      ],
    };
  });
  const { target, rewrite } = tryPlugin(made, { profile: "rfc7011", template, observationDomain: 7 });
  assert.deepEqual(target.fields.map(({ element }) => element.name), [
    "interfaceName",
    "protocolIdentifier",
    "originalObservationDomainId",
  ]);
  assert.deepEqual(rewrite(record), ["eth0", 4, 7]);
  assert.deepEqual(rewrite([17, "x".repeat(60_000), 0n]), ["x".repeat(60_000), 4, 7]);
  assert.throws(() => rewrite([6]), /has 3 fields, not 1 values/);
});

Deno.test("a plugin that breaks its contract is refused, by name", () => {
  let calls = 0;
  const broken: readonly [Plugin["rewrite"], RegExp][] = [
    [() => assert.fail("no such template"), /no such template/],
    [(mapping) => Object.assign(mapping, { fields: [] }), /read only property 'fields'/],
    [(mapping) => ({ ...mapping, fields: mapping.fields.slice(calls++ % 2) }), /two calls with the same mapping/],
    [(mapping) => ({ ...mapping, source: { ...mapping.source, id: 999 } }), /another source template/],
    [(mapping) => ({
      ...mapping,
      fields: mapping.fields.map((field) => ({ ...field, value: { from: "record", index: 9 } })),
    }), /no source field 9/],
  ];
  for (const [rewrite, message] of broken) {
    assert.throws(() => tryPlugin(pluginOf(rewrite), { profile: "rfc7011", template }), (error) => {
      assert.ok(error instanceof Error && "plugin" in error);
      assert.equal(error.plugin, "own");
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("what is no plugin, or of another version of the contract, is refused as the proxy refuses it", () => {
  const right = pluginOf((mapping) => mapping);
  const trial = { profile: "rfc7011", template };
  assert.throws(
    () => tryPlugin({ ...right, apiVersion: 2 }, trial),
    /written for version 2 of the plugin contract \(1\)/,
  );
  const { options: _, ...without } = right;
  assert.throws(() => tryPlugin(without as typeof right, trial), /no plugin definition \(name, summary, options/);
  const createsNothing = { ...right, create: () => undefined as unknown as Plugin };
  assert.throws(() => tryPlugin(createsNothing, trial), /create returned no plugin/);
});

Deno.test("templates are made by elements' names or as a release sends them", () => {
  assert.throws(() => templateOf("antrea/v2.0", ["sourcePodNam"]), /nearest: sourcePodName/);
  assert.equal(templateOf("rfc7011", ["observationDomainId", "interfaceName"], 1).scopeFieldCount, 1);
  const [ipv4, ipv6, ...more] = exporterTemplates("antrea/v2.0");
  assert.equal(more.length, 0);
  for (const [each, name] of [[ipv4, "sourceIPv4Address"], [ipv6, "sourceIPv6Address"]] as const) {
    assert.ok(each?.fields.some(({ element }) => element.name === name));
  }
  assert.throws(
    () => tryPlugin(pluginOf((mapping) => mapping), { profile: "rfc7011", template, exporterAddress: "x" }),
    {
      message: "x is not an IPv4 or IPv6 address",
    },
  );
});
