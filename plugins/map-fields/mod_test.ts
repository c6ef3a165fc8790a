import assert from "node:assert/strict";
import fc from "fast-check";
import {
  conversionBetween,
  type FieldSpecifier,
  identity,
  isIdentity,
  type Profile,
  type TemplateMapping,
} from "@ipfix-skew-proxy/proxy/plugin";
import { targetTemplate, unknownElement } from "@ipfix-skew-proxy/proxy/plugin/testing";
import {
  anyTemplate,
  contextOf,
  element,
  field,
  frozen,
  names,
  NEW_COLLECTOR,
  OLD_COLLECTOR,
  registry,
  template,
} from "../../test/support/plugin_context.ts";
import mapFields from "./mod.ts";

function map(profile: Profile, fields: readonly (string | FieldSpecifier)[], options: unknown = {}): TemplateMapping {
  const source = template(fields);
  const plugin = mapFields.create(mapFields.options.parse(options), profile);
  return plugin.rewrite(frozen(identity(source)), contextOf(profile, source));
}

const NO_RENAMES = { ...OLD_COLLECTOR, renames: [] };

Deno.test("map-fields: a field becomes another in its place, converted where the types differ", () => {
  const fields = {
    destinationServiceIPv4: "destinationClusterIPv4",
    flowStartSeconds: "flowStartMilliseconds",
    protocolIdentifier: "packetDeltaCount",
    sourceIPv4Address: "originalExporterIPv6Address",
    egressNodeName: "egressName",
  };
  const source = [...Object.keys(fields).slice(0, 4), field("egressNodeName", 9), "tcpState"];
  const mapping = map(NO_RENAMES, source, { fields });
  assert.deepEqual(mapping.fields.map(({ target, value, by }) => [target, value, by]), [
    [field("destinationClusterIPv4"), { from: "record", index: 0 }, "map-fields"],
    [field("flowStartMilliseconds"), { from: "record", index: 1, convert: "seconds-to-milliseconds" }, "map-fields"],
    [field("packetDeltaCount"), { from: "record", index: 2, convert: "widen" }, "map-fields"],
    [field("originalExporterIPv6Address"), { from: "record", index: 3, convert: "ipv4-to-ipv6" }, "map-fields"],
    [field("egressName"), { from: "record", index: 4, convert: "to-variable" }, "map-fields"],
    [field("tcpState"), { from: "record", index: 5 }, undefined],
  ]);
});

Deno.test("map-fields: a target that the template already has stays, and the source with it", () => {
  const options = { fields: { destinationServiceIPv4: "destinationClusterIPv4" } };
  const source = ["destinationServiceIPv4", "tcpState", "destinationClusterIPv4"];
  assert.deepEqual(names(map(NO_RENAMES, source, options)), source);
  const twice = map(NO_RENAMES, ["destinationServiceIPv4", "destinationServiceIPv4"], options);
  assert.deepEqual(names(twice), ["destinationClusterIPv4", "destinationServiceIPv4"]);
});

Deno.test("map-fields: the profile's renames apply, unless switched off or overruled for that element", () => {
  const source = ["destinationServiceIPv4", "destinationServiceIPv6"];
  assert.deepEqual(names(map(OLD_COLLECTOR, source)), ["destinationClusterIPv4", "destinationClusterIPv6"]);
  assert.deepEqual(names(map(OLD_COLLECTOR, source, { profileRenames: false })), source);
  const overruled = { fields: { destinationServiceIPv4: "destinationIPv4Address" } };
  assert.deepEqual(names(map(OLD_COLLECTOR, source, overruled)), ["destinationIPv4Address", "destinationClusterIPv6"]);
});

Deno.test("map-fields: a pair whose target the collector does not know is ignored", () => {
  const options = { fields: { destinationClusterIPv4: "destinationServiceIPv4" } };
  assert.deepEqual(names(map(NO_RENAMES, ["destinationClusterIPv4"], options)), ["destinationClusterIPv4"]);
  assert.deepEqual(names(map(NEW_COLLECTOR, ["destinationClusterIPv4"], options)), ["destinationServiceIPv4"]);
});

Deno.test("map-fields: pairs apply one after the other, each to the octets that came in", () => {
  const fields = { protocolIdentifier: "sourceTransportPort", sourceTransportPort: "packetDeltaCount" };
  const [only] = map(NO_RENAMES, ["protocolIdentifier"], { fields }).fields;
  assert.deepEqual(only?.target, field("packetDeltaCount"));
  assert.deepEqual(only?.value, { from: "record", index: 0, convert: "widen" });
});

Deno.test("map-fields: a field whose value would be lost because of its length keeps its element", () => {
  const options = {
    fields: { flowStartSeconds: "flowStartMilliseconds", destinationServiceIPv4: "destinationClusterIPv4" },
  };
  const source = [field("flowStartSeconds", 3), field("destinationServiceIPv4", 0)];
  assert.deepEqual(map(NO_RENAMES, source, options).fields, identity(template(source)).fields);
});

Deno.test("map-fields: an unregistered element, written as pen/id, is mapped where its octets may be copied", () => {
  const uuid = { ...unknownElement(4711, 9), name: "own", known: true };
  const profile = {
    ...NEW_COLLECTOR,
    templates: [{ name: "own", selectedBy: [uuid], fields: [{ element: uuid, length: 65535 }] }],
  };
  const source = [{ element: unknownElement(4711, 5), length: 7 }];
  const [only] = map(profile, source, { fields: { "4711/5": "own" } }).fields;
  assert.deepEqual(only?.value, { from: "record", index: 0, convert: "to-variable" });
});

Deno.test("map-fields: an element that only the collector knows is mapped where its octets can stay as they are", () => {
  const own = { ...unknownElement(4711, 5), name: "own", type: "unsigned16", length: 2, known: true } as const;
  const profile = {
    ...NEW_COLLECTOR,
    registry: registry(own, element("sourceTransportPort"), element("packetDeltaCount")),
  };
  const source = [{ element: unknownElement(4711, 5), length: 2 }];
  assert.deepEqual(map(profile, source, { fields: { own: "sourceTransportPort" } }).fields.map(({ value }) => value), [
    { from: "record", index: 0 },
  ]);
  assert.deepEqual(names(map(profile, source, { fields: { own: "sourceTransportPort" } })), ["sourceTransportPort"]);
  assert.deepEqual(names(map(profile, source, { fields: { own: "packetDeltaCount" } })), ["4711/5"]);
});

Deno.test("map-fields: impossible pairs and unknown names are refused before anything runs", () => {
  const rows: [Record<string, string>, RegExp][] = [
    [
      { packetDeltaCount: "flowType" },
      /^Error: fields: packetDeltaCount: packetDeltaCount \(unsigned64, length 8\) cannot become flowType \(unsigned8, length 1\): values would be lost/,
    ],
    [{ "4711/5": "tcpState" }, /fields: 4711\/5: 4711\/5 \(octetArray, variable length\) cannot become tcpState/],
    [{ flowStartSeconds: "packetDeltaCount" }, /allowed: the same type, a larger integer/],
    [{ tcpState: "56506/136" }, /tcpState cannot become itself/],
    [
      { destinationServiceIPv5: "destinationClusterIPv4" },
      /no element is called "destinationServiceIPv5" \(nearest: destinationServiceIPv4/,
    ],
    [
      { destinationServiceIPv4: "destinationClusterIP4" },
      /no element is called "destinationClusterIP4" \(nearest: destinationClusterIPv4/,
    ],
  ];
  for (const [fields, message] of rows) assert.throws(() => map(NO_RENAMES, [], { fields }), message);
  const badProfile = { ...OLD_COLLECTOR, renames: [{ from: element("tcpState"), to: element("flowType") }] };
  assert.throws(() => map(badProfile, []), /renames of profile old: tcpState \(.*\) cannot become flowType/);
  for (const options of [{ field: {} }, { fields: { tcpState: 1 } }, { profileRenames: "yes" }]) {
    assert.equal(mapFields.options.safeParse(options).success, false, JSON.stringify(options));
  }
});

Deno.test("map-fields: nothing is lost, added or moved on any template; a second time changes nothing", () => {
  fc.assert(fc.property(anyTemplate, (source) => {
    const mapping = map(OLD_COLLECTOR, source.fields);
    assert.deepEqual(
      mapping.fields.map(({ value }) => value.from === "record" && value.index),
      source.fields.map((_, index) => index),
    );
    for (const { target, value, by } of mapping.fields) {
      const origin = value.from === "record" ? source.fields[value.index] : undefined;
      assert.ok(origin);
      if (by === undefined) assert.equal(target, origin);
      else assert.ok(value.from === "record" && conversionBetween(origin, target) === (value.convert ?? "none"));
    }
    assert.ok(isIdentity(map(OLD_COLLECTOR, targetTemplate(mapping, 256).fields)));
  }));
});
