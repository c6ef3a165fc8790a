import assert from "node:assert/strict";
import { unknownElement } from "../../ipfix/registry/information_element.ts";
import { checkMapping, MappingError } from "./mapping_check.ts";
import { identity, type MappedField } from "./template_mapping.ts";
import { constant, element, field, fromRecord, template, VARIABLE_LENGTH } from "../../../test/support/mediation.ts";

const source = template(256, [
  "octetDeltaCount",
  field("sourceTransportPort", 1),
  "interfaceName",
  "sourceIPv4Address",
]);
const check = (...fields: MappedField[]) => checkMapping({ source, fields });
const scoped = template(256, ["sourceTransportPort", "octetDeltaCount"], 1);

Deno.test("what the shipped plugins make passes: identity, order, constants, facts, conversions, nothing at all", () => {
  checkMapping(identity(source));
  checkMapping(identity(scoped));
  check(fromRecord("interfaceName", 2), fromRecord("octetDeltaCount", 0), fromRecord("octetDeltaCount", 0));
  check(constant("interfaceName", 97, 98), constant("sourceTransportPort", 0, 80));
  check({ target: field("sourceIPv4Address"), value: { from: "session", fact: "exporterIPv4Address" } });
  check({ target: field("sourceTransportPort"), value: { from: "record", index: 1, convert: "widen" } });
  check({ target: field("sourceIPv6Address"), value: { from: "record", index: 3, convert: "ipv4-to-ipv6" } });
  check();
});

const own = element("octetDeltaCount");
const manyFields = template(256, Array(16379).fill(field("protocolIdentifier", 1)));

for (
  const [what, fields, message] of [
    ["a source field that is not there", [fromRecord("octetDeltaCount", 4)], /no source field 4/],
    ["a position that is no number", [fromRecord("octetDeltaCount", NaN)], /no source field NaN/],
    ["a copy into another length", [fromRecord("sourceTransportPort", 1)], /1 octets .* for a length of 2/],
    ["a constant that is too short", [constant("sourceTransportPort", 1)], /constant of 1 octets for a length of 2/],
    ["one that is too long", [constant("sourceTransportPort", 1, 2, 3)], /constant of 3 octets for a length of 2/],
    ["a fact of the wrong length", [{
      target: field("sourceIPv4Address"),
      value: { from: "session", fact: "exporterIPv6Address" },
    }], /has 16 octets, not 4/],
    ["a conversion that loses the value", [{
      target: field("sourceTransportPort"),
      value: { from: "record", index: 0, convert: "widen" },
    }], /widen cannot make it/],
    ["a conversion where none is needed", [{
      target: field("octetDeltaCount"),
      value: { from: "record", index: 0, convert: "widen" },
    }], /widen cannot make it/],
    ["a length beyond 16 bits", [constant(field("octetDeltaCount", 65536))], /65536 is not a length/],
    ["a length that is not a whole number", [constant(field("octetDeltaCount", 1.5))], /1.5 is not a length/],
    ["a constant longer than any message", [{
      target: field("interfaceName"),
      value: { from: "constant", octets: new Uint8Array(65516) },
    }], /constant of 65516 octets/],
    ["an id over 15 bits", [constant({ element: { ...own, id: 0x8000 }, length: 0 })], /PEN 0, id 32768/],
    ["a PEN over 32 bits", [constant({ element: unknownElement(2 ** 32, 1), length: 0 })], /PEN 4294967296/],
    [
      "a PEN without the enterprise bit",
      [constant({ element: unknownElement(9, 1, false), length: 0 })],
      /PEN 9, id 1/,
    ],
    ["scope in a template", [fromRecord("octetDeltaCount", 0, { scope: true })], /without scope was given one/],
    ["a record that fits no message", [constant("interfaceName"), {
      target: field("interfaceName", 65515),
      value: { from: "constant", octets: new Uint8Array(65515) },
    }], /fits no message/],
  ] satisfies [string, MappedField[], RegExp][]
) {
  Deno.test(`refused: ${what}`, () => {
    assert.throws(() => check(...fields), { name: "MappingError", message });
  });
}

Deno.test("refused: more fields than a template record can hold", () => {
  assert.throws(() => checkMapping(identity(manyFields)), /fits no message/);
});

Deno.test("an options template keeps scope fields, and keeps them first", () => {
  const [scope, other] = identity(scoped).fields;
  assert.ok(scope !== undefined && other !== undefined);
  assert.throws(() => checkMapping({ source: scoped, fields: [other, scope] }), /field 1 .*scope fields stand first/);
  assert.throws(() => checkMapping({ source: scoped, fields: [other] }), /no scope field is left/);
  checkMapping({ source: scoped, fields: [scope] });
});

Deno.test("the message says which field it is", () => {
  assert.throws(
    () => check(fromRecord("octetDeltaCount", 0), fromRecord(field("interfaceName", VARIABLE_LENGTH), 9)),
    (error: unknown) => error instanceof MappingError && error.message.startsWith("field 1 (interfaceName): "),
  );
});
