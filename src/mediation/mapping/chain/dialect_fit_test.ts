import assert from "node:assert/strict";
import { type Dialect, GO_IPFIX } from "../profile/dialect.ts";
import { DIALECT_STEP, fitToDialect } from "./dialect_fit.ts";
import { checkMapping } from "../mapping_check.ts";
import { identity, type MappedField } from "../template_mapping.ts";
import {
  constant,
  element,
  field,
  profileOf,
  RFC7011,
  template,
  VARIABLE_LENGTH,
} from "../../../../test/support/mediation.ts";

/** Source fields through the dialect's step, each as `name:length`, with what gives it where that is no plain copy. */
function fit(source: readonly (string | ReturnType<typeof field>)[], { expected = false, dialect = GO_IPFIX } = {}) {
  const mapping = fitToDialect(identity(template(256, source)), profileOf(dialect), expected);
  checkMapping(mapping);
  return {
    fields: mapping.fields.map(({ target, value, by }) =>
      `${target.element.name}:${target.length}` +
      (value.from === "constant" ? `=${value.octets.join(".")} by ${by}` : "") +
      (value.from === "record" && value.convert !== undefined ? ` ${value.convert}` : "")
    ),
    stripped: [...mapping.stripped ?? []],
  };
}

Deno.test("a decoder that goes by the template gets it as it is", () => {
  const mapping = identity(template(256, [field("octetDeltaCount", 3), field("interfaceName", 5)]));
  assert.equal(fitToDialect(mapping, profileOf(RFC7011), true), mapping);
});

Deno.test("a decoder that goes by its registry gets the registry's lengths: numbers widen, strings become variable", () => {
  assert.deepEqual(
    fit([
      field("octetDeltaCount", 3),
      field("mibObjectValueInteger", 2),
      field("samplingProbability", 4),
      field("interfaceName", 5),
      "sourceTransportPort",
    ]),
    {
      fields: [
        "octetDeltaCount:8 widen",
        "mibObjectValueInteger:4 widen",
        "samplingProbability:8 widen",
        `interfaceName:${VARIABLE_LENGTH} to-variable`,
        "sourceTransportPort:2",
      ],
      stripped: [],
    },
  );
});

Deno.test("a length that is none of the type's: default where the element is expected, else stripped", () => {
  const source = ["protocolIdentifier", field("sourceIPv4Address", 3), field("dataRecordsReliability", 2)];
  assert.deepEqual(fit(source), { fields: ["protocolIdentifier:1"], stripped: [[1, DIALECT_STEP], [2, DIALECT_STEP]] });
  assert.deepEqual(fit(source, { expected: true }).fields, [
    "protocolIdentifier:1",
    "sourceIPv4Address:4=0.0.0.0 by dialect",
    "dataRecordsReliability:1=2 by dialect",
  ]);
});

Deno.test("a field of no octets stands for the default, whether the element is expected or not; a string is empty", () => {
  assert.deepEqual(fit([field("octetDeltaCount", 0), field("interfaceName", 0), "protocolIdentifier"]).fields, [
    "octetDeltaCount:8=0.0.0.0.0.0.0.0 by dialect",
    `interfaceName:${VARIABLE_LENGTH} to-variable`,
    "protocolIdentifier:1",
  ]);
});

Deno.test("fields of types that it cannot decode are removed, also from templates that keep their lengths", () => {
  const byTemplate: Dialect = { ...RFC7011, undecodableTypes: new Set(["unsigned16"]) };
  assert.deepEqual(fit(["flowStartMicroseconds", "protocolIdentifier", "subTemplateList"]), {
    fields: ["protocolIdentifier:1"],
    stripped: [[0, DIALECT_STEP], [2, DIALECT_STEP]],
  });
  const { fields } = fit(["sourceTransportPort", field("octetDeltaCount", 3)], { dialect: byTemplate });
  assert.deepEqual(fields, ["octetDeltaCount:3"]);
});

Deno.test("a subTemplateList has no default: it is removed, even where it is expected", () => {
  const lists: Dialect = { ...GO_IPFIX, undecodableTypes: new Set() };
  const source = ["protocolIdentifier", field("subTemplateList", 0)];
  assert.deepEqual(fit(source, { dialect: lists, expected: true }).fields, ["protocolIdentifier:1"]);
});

Deno.test("what the collector does not know stays: its length is its own, and stripping it is a plugin's matter", () => {
  assert.deepEqual(fit([field("56506/999", 7)]).fields, ["56506/999:7"]);
});

Deno.test("the enterprise bit with PEN 0 is not the IANA element of that id", () => {
  const odd = { ...element("octetDeltaCount"), name: "odd", enterpriseBit: true, known: false };
  assert.deepEqual(fit([{ element: odd, length: 3 }]).fields, ["odd:3"]);
});

Deno.test("an element that the collector has as another type takes that type's length, or its default", () => {
  const old = { ...element("protocolIdentifier"), type: "unsigned8" as const };
  const registry = {
    ...profileOf(GO_IPFIX).registry,
    lookup: () => ({ ...old, type: "unsigned32" as const, length: 4 }),
  };
  const profile = profileOf(GO_IPFIX, { registry });
  const mapping = fitToDialect(identity(template(256, [{ element: old, length: 1 }])), profile, true);
  assert.deepEqual(mapping.fields[0]?.value, { from: "record", index: 0, convert: "widen" });
});

Deno.test("constants keep their value in the registry's length, sign and all; one that cannot is the default", () => {
  const constants: readonly [MappedField, readonly number[]][] = [
    [constant(field("octetDeltaCount", 2), 1, 2), [0, 0, 0, 0, 0, 0, 1, 2]],
    [constant(field("mibObjectValueInteger", 1), 0xfe), [255, 255, 255, 254]],
    [constant(field("mibObjectValueInteger", 1), 0x7e), [0, 0, 0, 126]],
    [constant(field("samplingProbability", 4), 0x3f, 0, 0, 0), [0x3f, 0xe0, 0, 0, 0, 0, 0, 0]],
    [constant(field("interfaceName", 2), 97, 98), [97, 98]],
    [constant("sourceTransportPort", 0, 80), [0, 80]],
    [constant(field("sourceIPv4Address", 3), 1, 2, 3), [0, 0, 0, 0]],
  ];
  for (const [given, expected] of constants) {
    const mapping = fitToDialect(
      { source: template(256, ["protocolIdentifier"]), fields: [given] },
      profileOf(GO_IPFIX),
      true,
    );
    checkMapping(mapping);
    const [fitted] = mapping.fields;
    assert.deepEqual(fitted?.value, { from: "constant", octets: Uint8Array.from(expected) }, given.target.element.name);
    assert.equal(fitted?.by, given.target.length === 3 ? DIALECT_STEP : undefined);
  }
});

Deno.test("an options template whose scope cannot be decoded keeps nothing", () => {
  const options: Dialect = { ...GO_IPFIX, optionsTemplates: true };
  const scoped = (first: string) => identity(template(256, [first, "octetDeltaCount"], 1));
  assert.equal(fitToDialect(scoped("sourceTransportPort"), profileOf(options), false).fields.length, 2);
  for (const first of ["flowStartMicroseconds", "56506/999"]) {
    assert.deepEqual(fitToDialect(scoped(first), profileOf(options), false).fields, []);
  }
});
