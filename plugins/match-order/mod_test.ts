import assert from "node:assert/strict";
import fc from "fast-check";
import { identity, isIdentity } from "@ipfix-skew-proxy/proxy/plugin";
import { targetTemplate } from "@ipfix-skew-proxy/proxy/plugin/testing";
import {
  anyOptionsTemplate,
  anyTemplate,
  contextOf,
  frozen,
  names,
  NEW_COLLECTOR,
  OLD_COLLECTOR,
  template,
} from "../../test/support/plugin_context.ts";
import matchOrder from "./mod.ts";

const plugin = matchOrder.create({}, OLD_COLLECTOR);

Deno.test("match-order: listed fields in the list's order, the others after them in their own", () => {
  const source = template([
    "tcpState",
    "octetDeltaCount",
    "packetDeltaCount",
    "interfaceName",
    "sourceIPv4Address",
    "flowStartSeconds",
  ]);
  const mapping = plugin.rewrite(frozen(identity(source)), contextOf(OLD_COLLECTOR, source));
  assert.deepEqual(names(mapping), [
    "flowStartSeconds",
    "sourceIPv4Address",
    "packetDeltaCount",
    "tcpState",
    "octetDeltaCount",
    "interfaceName",
  ]);
  assert.deepEqual(
    mapping.fields.map(({ value }) => value),
    [5, 4, 2, 0, 1, 3].map((index) => ({ from: "record", index })),
  );
});

Deno.test("match-order: fields that it moves carry its name, unless another plugin gave their value", () => {
  const source = template(["flowStartSeconds", "destinationIPv4Address", "sourceIPv4Address"]);
  const { fields } = identity(source);
  const given = { source, fields: fields.map((field, index) => index === 2 ? { ...field, by: "pad-missing" } : field) };
  const mapping = plugin.rewrite(given, contextOf(OLD_COLLECTOR, source));
  assert.deepEqual(mapping.fields.map(({ by }) => by), [undefined, "pad-missing", "match-order"]);
});

Deno.test("match-order: templates without a list and options templates stay as they are", () => {
  for (const source of [template(["tcpState", "flowStartSeconds"]), template(["tcpState", "sourceIPv4Address"], 1)]) {
    const mapping = identity(source);
    const context = contextOf(OLD_COLLECTOR, template(["sourceIPv4Address"]));
    assert.equal(
      plugin.rewrite(mapping, source.scopeFieldCount > 0 ? context : contextOf(OLD_COLLECTOR, source)),
      mapping,
    );
  }
});

Deno.test("match-order: every field once, nothing changed on the way, a second time changes nothing", () => {
  fc.assert(fc.property(anyTemplate, fc.constantFrom(OLD_COLLECTOR, NEW_COLLECTOR), (source, profile) => {
    const context = contextOf(profile, source);
    const mapping = plugin.rewrite(frozen(identity(source)), context);
    const indices = mapping.fields.map(({ value }) => value.from === "record" ? value.index : -1);
    assert.deepEqual(indices.toSorted((one, other) => one - other), source.fields.map((_, index) => index));
    for (const { target, value } of mapping.fields) {
      assert.equal(target, value.from === "record" ? source.fields[value.index] : undefined);
    }
    assert.ok(isIdentity(plugin.rewrite(identity(targetTemplate(mapping, 256)), context)));
  }));
  fc.assert(fc.property(anyOptionsTemplate, (source) => {
    assert.ok(isIdentity(plugin.rewrite(identity(source), contextOf(OLD_COLLECTOR, source))));
  }));
});
