import assert from "node:assert/strict";
import { identity, isIdentity, targetTemplate, type TemplateMapping } from "./template_mapping.ts";
import { constant, element, field, fromRecord, template } from "../../../test/support/mediation.ts";

const source = template(256, ["sourceTransportPort", "octetDeltaCount"]);
const options = template(257, ["sourceTransportPort", "octetDeltaCount"], 1);

Deno.test("the identity gives the same template out, scope and all, under the id that it is given", () => {
  assert.deepEqual(targetTemplate(identity(source), 300), { ...source, id: 300 });
  assert.deepEqual(targetTemplate(identity(options), 257), options);
  assert.equal(isIdentity(identity(options)), true);
});

const [port, octets] = identity(source).fields;
assert.ok(port !== undefined && octets !== undefined);
const OTHERS: readonly [what: string, fields: TemplateMapping["fields"]][] = [
  ["a field less", [port]],
  ["a field more", [port, octets, constant("protocolIdentifier", 6)]],
  ["another order", [octets, port]],
  ["one field twice", [port, port]],
  ["a constant in a field's place", [port, constant("octetDeltaCount", 0, 0, 0, 0, 0, 0, 0, 0)]],
  ["a conversion", [port, { ...octets, value: { from: "record", index: 1, convert: "widen" } }]],
  ["another id", [fromRecord({ element: { ...element("sourceTransportPort"), id: 11 }, length: 2 }, 0), octets]],
  ["another PEN", [fromRecord({ element: { ...element("sourceTransportPort"), pen: 9 }, length: 2 }, 0), octets]],
  ["the enterprise bit", [
    fromRecord({ element: { ...element("sourceTransportPort"), enterpriseBit: true }, length: 2 }, 0),
    octets,
  ]],
  ["another length", [port, fromRecord(field("octetDeltaCount", 4), 1)]],
];

for (const [what, fields] of OTHERS) {
  Deno.test(`a mapping with ${what} is no identity: its records must not be relayed unseen`, () => {
    assert.equal(isIdentity({ source, fields }), false);
  });
}

Deno.test("what the collector calls an element does not matter on the wire", () => {
  const renamed = fromRecord({ element: { ...element("sourceTransportPort"), name: "sourcePort" }, length: 2 }, 0);
  assert.equal(isIdentity({ source, fields: [renamed, octets] }), true);
});
