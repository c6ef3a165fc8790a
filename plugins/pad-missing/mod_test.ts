import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type FieldSpecifier,
  identity,
  isIdentity,
  type MappedField,
  type Profile,
  type TemplateMapping,
} from "@ipfix-skew-proxy/proxy/plugin";
import { targetTemplate, unknownElement } from "@ipfix-skew-proxy/proxy/plugin/testing";
import {
  anyOptionsTemplate,
  anyTemplate,
  contextOf,
  element,
  field,
  frozen,
  names,
  NEW_COLLECTOR,
  OLD_COLLECTOR,
  template,
} from "../../test/support/plugin_context.ts";
import padMissing from "./mod.ts";

function pad(
  profile: Profile,
  fields: readonly (string | FieldSpecifier)[],
  values: unknown = {},
  scope = 0,
): TemplateMapping {
  const source = template(fields, scope);
  const plugin = padMissing.create(padMissing.options.parse({ values }), profile);
  return plugin.rewrite(frozen(identity(source)), contextOf(profile, source));
}

/** A collector that expects just these fields behind sourceIPv4Address. */
function expecting(...fields: FieldSpecifier[]): Profile {
  const selectedBy = element("sourceIPv4Address");
  return {
    ...NEW_COLLECTOR,
    templates: [{ name: "IPv4", selectedBy: [selectedBy], fields: [field("sourceIPv4Address"), ...fields] }],
  };
}

/** What each padded field carries, by its name. */
function padded(mapping: TemplateMapping): Record<string, readonly number[]> {
  return Object.fromEntries(mapping.fields.flatMap(({ target, value, by }) => {
    if (value.from !== "constant") return [];
    assert.equal(by, "pad-missing");
    return [[target.element.name, [...value.octets]]];
  }));
}

Deno.test("pad-missing: what the list has and the template lacks stands at its place, with the type's zero", () => {
  const mapping = pad(NEW_COLLECTOR, [
    "flowStartSeconds",
    "sourceIPv4Address",
    "destinationIPv4Address",
    "packetDeltaCount",
    "protocolIdentifier",
    "reversePacketDeltaCount",
    "sourcePodName",
    "tcpState",
    "egressName",
  ]);
  assert.deepEqual(names(mapping), NEW_COLLECTOR.templates[0]?.fields.map((each) => each.element.name));
  assert.deepEqual(padded(mapping), {
    forwardingStatus: [0, 0, 0, 0],
    appProtocolName: [],
    egressNodeName: [],
    dataRecordsReliability: [2],
    destinationServiceIPv4: [0, 0, 0, 0],
  });
});

Deno.test("pad-missing: a padded field stands behind its neighbour, wherever the exporter has that one", () => {
  const profile = expecting(field("tcpState"), field("egressName"), field("flowType"));
  assert.deepEqual(names(pad(profile, ["tcpState", "octetDeltaCount", "sourceIPv4Address"])), [
    "tcpState",
    "egressName",
    "flowType",
    "octetDeltaCount",
    "sourceIPv4Address",
  ]);
  const first = {
    ...profile,
    templates: profile.templates.map((each) => ({ ...each, selectedBy: [element("tcpState")] })),
  };
  assert.deepEqual(names(pad(first, ["tcpState"])), ["sourceIPv4Address", "tcpState", "egressName", "flowType"]);
});

Deno.test("pad-missing: values by name or pen/id, of every kind, in the list's own length", () => {
  const unlisted = unknownElement(4711, 9);
  const profile = expecting(
    field("egressNodeName"),
    field("flowType"),
    field("packetDeltaCount", 3),
    field("dataRecordsReliability"),
    field("destinationServiceIPv4"),
    field("sourceMacAddress"),
    field("samplingProbability"),
    field("mibObjectValueInteger"),
    field("octetDeltaCount"),
    { element: unlisted, length: 2 },
  );
  const values = {
    egressNodeName: "né",
    "56506/137": 3,
    packetDeltaCount: 66051,
    dataRecordsReliability: true,
    destinationServiceIPv4: "192.0.2.1",
    sourceMacAddress: "00:00:5e:00:53:01",
    samplingProbability: 0.5,
    mibObjectValueInteger: -2,
    octetDeltaCount: 2n ** 64n - 1n,
    "4711/9": "0a1b",
  };
  assert.deepEqual(padded(pad(profile, ["sourceIPv4Address"], values)), {
    egressNodeName: [110, 195, 169],
    flowType: [3],
    packetDeltaCount: [1, 2, 3],
    dataRecordsReliability: [1],
    destinationServiceIPv4: [192, 0, 2, 1],
    sourceMacAddress: [0, 0, 0x5e, 0, 0x53, 1],
    samplingProbability: [0x3f, 0xe0, 0, 0, 0, 0, 0, 0],
    mibObjectValueInteger: [0xff, 0xff, 0xff, 0xfe],
    octetDeltaCount: [255, 255, 255, 255, 255, 255, 255, 255],
    "4711/9": [0x0a, 0x1b],
  });
});

Deno.test("pad-missing: a value that the list has no use for is ignored, even if only another release knows its element", () => {
  const mapping = pad(OLD_COLLECTOR, ["sourceIPv4Address"], {
    egressNodeName: "unknown",
    egressName: "none",
    flowType: 1,
  });
  assert.deepEqual(padded(mapping).egressName, [...new TextEncoder().encode("none")]);
  assert.deepEqual(names(mapping), OLD_COLLECTOR.templates[0]?.fields.map((each) => each.element.name));
});

Deno.test("pad-missing: what the exporter has keeps its value, whatever the options say", () => {
  const [mapped] = pad(expecting(field("tcpState")), ["tcpState", "sourceIPv4Address"], { tcpState: "LISTEN" }).fields;
  assert.deepEqual(mapped?.value, { from: "record", index: 0 });
});

Deno.test("pad-missing: an options template stays as it is, whatever the list", () => {
  const mapping = identity(template(["sourceIPv4Address", "tcpState"], 1));
  const context = contextOf(OLD_COLLECTOR, template(["sourceIPv4Address"]));
  assert.equal(padMissing.create({ values: {} }, OLD_COLLECTOR).rewrite(mapping, context), mapping);
});

Deno.test("pad-missing: an element that is expected twice is padded to two", () => {
  const profile = expecting(field("tcpState"), field("tcpState"));
  assert.deepEqual(names(pad(profile, ["sourceIPv4Address", "tcpState"])), [
    "sourceIPv4Address",
    "tcpState",
    "tcpState",
  ]);
});

Deno.test("pad-missing: wrong names and values are refused before anything runs, with what is allowed", () => {
  const rows: [Record<string, unknown>, RegExp][] = [
    [{ egresNodeName: "x" }, /no element is called "egresNodeName" \(nearest: egressNodeName/],
    [
      { flowType: 256 },
      /values: flowType: 256 is not a valid unsigned8 of 1 octet \(allowed: integers from 0 to 255\)/,
    ],
    [{ "56506/137": 256 }, /values: 56506\/137: 256 is not a valid unsigned8/],
    [{ flowType: "three" }, /values: flowType: "three" is not a valid unsigned8/],
    [{ egressName: 5 }, /values: egressName: 5 is not a valid string/],
    [{ destinationClusterIPv4: "::1" }, /values: destinationClusterIPv4: "::1" is not a valid ipv4Address/],
    [
      { dataRecordsReliability: 2 },
      /values: dataRecordsReliability: 2 is not a valid boolean of 1 octet \(allowed: true, false\)/,
    ],
    [{ forwardingStatus: 256 }, /values: forwardingStatus: 256 is not a valid unsigned8/],
    [{ egressName: "a", "56506/153": "b" }, /values: 56506\/153: egressName has a value already/],
  ];
  for (const [values, message] of rows) assert.throws(() => pad(OLD_COLLECTOR, [], values), message);
  assert.throws(
    () => pad(expecting(field("octetDeltaCount", 2)), [], { octetDeltaCount: 65536 }),
    /integers from 0 to 65535/,
  );
  for (const options of [{ value: {} }, { values: { flowType: null } }, { values: { flowType: [1] } }]) {
    assert.equal(padMissing.options.safeParse(options).success, false, JSON.stringify(options));
  }
});

Deno.test("pad-missing: a list of a template (RFC 6313) has no zero: that template fails, and says why", () => {
  assert.throws(
    () => pad(expecting(field("subTemplateList")), ["sourceIPv4Address"]),
    /subTemplateList: subTemplateList has no default/,
  );
});

Deno.test("pad-missing: after it every place of the list is filled and the exporter's fields keep their order", () => {
  fc.assert(fc.property(anyTemplate, fc.constantFrom(OLD_COLLECTOR, NEW_COLLECTOR), (source, profile) => {
    const mapping = pad(profile, source.fields);
    const own = mapping.fields.filter(({ value }) => value.from === "record");
    assert.deepEqual(own, identity(source).fields);
    const { expected } = contextOf(profile, source);
    const missing = (expected?.fields ?? []).filter((each) =>
      !source.fields.some((other) =>
        other.element.id === each.element.id && other.element.pen === each.element.pen &&
        other.element.enterpriseBit === each.element.enterpriseBit
      )
    );
    assert.deepEqual(
      mapping.fields.filter(({ value }) => value.from === "constant").map(({ target }) => target),
      missing.toSorted((one, other) =>
        names(mapping).indexOf(one.element.name) - names(mapping).indexOf(other.element.name)
      ),
    );
    assert.ok(isIdentity(pad(profile, targetTemplate(mapping, 256).fields)));
  }));
  fc.assert(fc.property(anyOptionsTemplate, (source) => {
    assert.ok(isIdentity(pad(OLD_COLLECTOR, source.fields, {}, source.scopeFieldCount)));
  }));
});

Deno.test("pad-missing: a narrowed field takes the pad value where its own does not fit, listed or not", () => {
  const plugin = padMissing.create(padMissing.options.parse({ values: { flowEndReason: 3 } }), NEW_COLLECTOR);
  const source = template([field("flowEndReason", 4), field("forwardingStatus", 8)]);
  const narrowed = (index: number, name: string, length: number): MappedField => ({
    target: field(name, length),
    value: { from: "record", index, convert: "narrow", otherwise: new Uint8Array(length) },
  });
  const mapping = { source, fields: [narrowed(0, "flowEndReason", 1), narrowed(1, "forwardingStatus", 4)] };
  const values = plugin.rewrite(mapping, contextOf(NEW_COLLECTOR, source)).fields.map(({ value }) =>
    value.from === "record" ? value.otherwise : undefined
  );
  assert.deepEqual(values, [Uint8Array.of(3), new Uint8Array(4)]);
});

Deno.test("pad-missing: of an element that the list has twice, the exporter's own keeps the first place", () => {
  const twice = ["interfaceName", "tcpState", "interfaceName"].map((name) => field(name));
  const profile = {
    ...NEW_COLLECTOR,
    templates: [{ name: "twice", selectedBy: [element("tcpState")], fields: twice }],
  };
  const source = template(["tcpState", "interfaceName"]);
  const plugin = padMissing.create(padMissing.options.parse({}), profile);
  const { fields } = plugin.rewrite(identity(source), contextOf(profile, source));
  assert.deepEqual(fields.map(({ target, value }) => `${target.element.name} ${value.from}`), [
    "tcpState record",
    "interfaceName record",
    "interfaceName constant",
  ]);
});
