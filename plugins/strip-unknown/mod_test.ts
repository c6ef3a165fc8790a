import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type FieldSpecifier,
  identity,
  isIdentity,
  type Profile,
  type TemplateMapping,
} from "@ipfix-skew-proxy/proxy/plugin";
import { targetTemplate, unknownElement } from "@ipfix-skew-proxy/proxy/plugin/testing";
import {
  ANY_COLLECTOR,
  anyOptionsTemplate,
  anyTemplate,
  contextOf,
  element,
  field,
  frozen,
  names,
  NEW_COLLECTOR,
  OLD_COLLECTOR,
  OLD_FORWARDING_STATUS,
  registry,
  template,
} from "../../test/support/plugin_context.ts";
import stripUnknown from "./mod.ts";

const UNKNOWN = { element: unknownElement(4711, 1), length: 65535 };

function strip(
  profile: Profile,
  fields: readonly (string | FieldSpecifier)[],
  options: unknown = {},
  scope = 0,
): TemplateMapping {
  const source = template(fields, scope);
  const plugin = stripUnknown.create(stripUnknown.options.parse(options), profile);
  return plugin.rewrite(frozen(identity(source)), contextOf(profile, source));
}

Deno.test("strip-unknown: a listed template keeps only its list's fields, in its own order; removed fields are noted", () => {
  const mapping = strip(OLD_COLLECTOR, ["tcpState", "egressNodeName", "octetDeltaCount", "sourceIPv4Address", UNKNOWN]);
  assert.deepEqual(names(mapping), ["tcpState", "sourceIPv4Address"]);
  assert.deepEqual(mapping.fields.map(({ value }) => value), [{ from: "record", index: 0 }, {
    from: "record",
    index: 3,
  }]);
  assert.deepEqual([...mapping.stripped ?? []], [[1, "strip-unknown"], [2, "strip-unknown"], [4, "strip-unknown"]]);
});

Deno.test("strip-unknown: a template without a list loses what the collector does not know; so does every template with remove: unknown", () => {
  assert.deepEqual(names(strip(OLD_COLLECTOR, ["tcpState", "egressNodeName", "octetDeltaCount"])), [
    "tcpState",
    "octetDeltaCount",
  ]);
  const fields = ["octetDeltaCount", "egressNodeName", "sourceIPv4Address", "octetDeltaCount"];
  assert.deepEqual(names(strip(OLD_COLLECTOR, fields, { remove: "unknown" })), [
    "octetDeltaCount",
    "sourceIPv4Address",
    "octetDeltaCount",
  ]);
});

Deno.test("strip-unknown: of an element that comes twice, a list gets the first that can be passed on", () => {
  const twice = strip(OLD_COLLECTOR, ["sourceIPv4Address", "tcpState", "tcpState"]);
  assert.deepEqual([...twice.stripped ?? []], [[2, "strip-unknown"]]);
  const firstBroken = strip(OLD_COLLECTOR, [
    "sourceIPv4Address",
    field("destinationIPv4Address", 3),
    "destinationIPv4Address",
  ]);
  assert.deepEqual([...firstBroken.stripped ?? []], [[1, "strip-unknown"]]);
  assert.deepEqual(
    names(strip(OLD_COLLECTOR, ["tcpState", "tcpState"])),
    ["tcpState", "tcpState"],
    "own shape: both stay",
  );
});

Deno.test("strip-unknown: a field of a length that its type cannot have is removed; an empty or reduced one stays", () => {
  const own = [
    field("dataRecordsReliability", 9),
    field("sourceMacAddress", 5),
    field("packetDeltaCount", 0),
    field("packetDeltaCount", 3),
  ];
  for (const profile of [OLD_COLLECTOR, NEW_COLLECTOR]) {
    assert.deepEqual([...strip(profile, own).stripped?.keys() ?? []], [0, 1]);
  }
});

Deno.test("strip-unknown: an integer in more octets than the collector's registry has is narrowed", () => {
  const four = field("forwardingStatus");
  const listed = {
    ...NEW_COLLECTOR,
    templates: [{
      name: "odd",
      selectedBy: [element("tcpState")],
      fields: [field("flowEndReason", 4), field("tcpState")],
    }],
  };
  for (
    const [profile, fields, wanted] of [
      [OLD_COLLECTOR, ["tcpState", four], { element: OLD_FORWARDING_STATUS, length: 1 }],
      [OLD_COLLECTOR, ["sourceIPv4Address", four], { element: OLD_FORWARDING_STATUS, length: 1 }],
      [NEW_COLLECTOR, ["tcpState", field("flowEndReason", 4)], field("flowEndReason")],
      [NEW_COLLECTOR, ["tcpState", field("packetDeltaCount", 9)], field("packetDeltaCount")],
    ] as const
  ) {
    const mapping = strip(profile, fields);
    const otherwise = new Uint8Array(wanted.length);
    assert.deepEqual(mapping.fields[1], {
      target: wanted,
      value: { from: "record", index: 1, convert: "narrow", otherwise },
    });
    assert.equal(mapping.stripped?.size ?? 0, 0);
  }
  const [, asListed] = strip(listed, ["tcpState", field("flowEndReason", 4)]).fields;
  assert.deepEqual(asListed?.value, { from: "record", index: 1 });
});

Deno.test("strip-unknown: a field that does not fit the element as the collector knows it is removed", () => {
  const one = { element: OLD_FORWARDING_STATUS, length: 1 };
  assert.deepEqual(names(strip(OLD_COLLECTOR, ["tcpState", one])), ["tcpState", "forwardingStatus"]);
  assert.deepEqual(names(strip(NEW_COLLECTOR, ["tcpState", one])), ["tcpState", "forwardingStatus"]);
  const uuid = {
    ...OLD_COLLECTOR,
    dialect: { ...OLD_COLLECTOR.dialect, undecodableTypes: new Set<never>() },
    registry: registry(element("sourcePodUUID")),
  };
  assert.deepEqual(names(strip(uuid, [field("sourcePodUUID"), field("sourcePodUUID", 65535)])), ["sourcePodUUID"]);
});

Deno.test("strip-unknown: an element that the collector alone knows is read as the collector has it", () => {
  const own = { ...unknownElement(4711, 1), name: "own", type: "unsigned32", length: 4, known: true } as const;
  const profile = { ...OLD_COLLECTOR, registry: registry(own) };
  const { fields } = strip(profile, [{ ...UNKNOWN, length: 2 }, { ...UNKNOWN, length: 5 }, UNKNOWN]);
  assert.deepEqual(fields.map(({ value }) => value.from === "record" && value.convert), [undefined, "narrow"]);
});

Deno.test("strip-unknown: an enterprise bit with PEN 0 and undecodable types are unknown", () => {
  const bit = { element: unknownElement(0, 2, true), length: 8 };
  assert.deepEqual(names(strip(OLD_COLLECTOR, [bit, "flowStartNanoseconds", "basicList", "tcpState"])), ["tcpState"]);
  assert.deepEqual(names(strip(NEW_COLLECTOR, [bit, "flowStartNanoseconds", "basicList"])), [
    "flowStartNanoseconds",
    "basicList",
  ]);
});

Deno.test("strip-unknown: elements named under also are removed, even if known or expected", () => {
  const options = { also: ["tcpState", "56506/153"] };
  assert.deepEqual(names(strip(OLD_COLLECTOR, ["sourceIPv4Address", "tcpState", "egressName"], options)), [
    "sourceIPv4Address",
  ]);
  assert.deepEqual(names(strip(ANY_COLLECTOR, ["tcpState", "octetDeltaCount"], options)), ["octetDeltaCount"]);
});

Deno.test("strip-unknown: wrong options say what is allowed", () => {
  assert.throws(
    () => strip(OLD_COLLECTOR, [], { also: ["tcpStat"] }),
    /no element is called "tcpStat" \(nearest: tcpState/,
  );
  for (const options of [{ remove: "all" }, { keep: [] }, { also: "tcpState" }, { also: [""] }]) {
    assert.equal(stripUnknown.options.safeParse(options).success, false, JSON.stringify(options));
  }
  assert.deepEqual(stripUnknown.options.parse({}), { remove: "unexpected", also: [] });
});

Deno.test("strip-unknown: scope fields stay, whatever they are; the rest of an options template loses what is unknown", () => {
  const mapping = strip(
    OLD_COLLECTOR,
    [UNKNOWN, "egressNodeName", "tcpState", UNKNOWN],
    { also: ["egressNodeName"] },
    2,
  );
  assert.deepEqual(mapping.fields.map(({ value, scope }) => [value.from === "record" && value.index, scope]), [
    [0, true],
    [1, true],
    [2, undefined],
  ]);
});

Deno.test("strip-unknown: values from other plugins stay or go by their element; a source field still in use is not noted", () => {
  const source = template(["tcpState"]);
  const [first] = identity(source).fields;
  assert.ok(first);
  const mapping: TemplateMapping = {
    source,
    fields: [
      { target: field("egressNodeName"), value: { from: "record", index: 0 } },
      first,
      { target: field("destinationServiceIPv4"), value: { from: "constant", octets: new Uint8Array(4) } },
      { target: field("octetDeltaCount"), value: { from: "constant", octets: new Uint8Array(8) } },
    ],
    stripped: new Map([[7, "before"]]),
  };
  const plugin = stripUnknown.create({ remove: "unexpected", also: [] }, OLD_COLLECTOR);
  const stripped = plugin.rewrite(mapping, contextOf(OLD_COLLECTOR, source));
  assert.deepEqual(names(stripped), ["tcpState", "octetDeltaCount"]);
  assert.deepEqual([...stripped.stripped ?? []], [[7, "before"]]);
  assert.deepEqual([...mapping.stripped ?? []], [[7, "before"]], "the mapping given is as it was");
});

Deno.test("strip-unknown: every source field is kept where it was or noted; a second time removes nothing", () => {
  const profiles = fc.constantFrom(OLD_COLLECTOR, NEW_COLLECTOR);
  fc.assert(
    fc.property(
      fc.oneof(anyTemplate, anyOptionsTemplate),
      profiles,
      fc.constantFrom("unexpected", "unknown"),
      (source, profile, remove) => {
        const mapping = strip(profile, source.fields, { remove }, source.scopeFieldCount);
        const kept = mapping.fields.map(({ value }) => value.from === "record" ? value.index : -1);
        const all = [...kept, ...mapping.stripped?.keys() ?? []].toSorted((one, other) => one - other);
        assert.deepEqual(
          all,
          source.fields.map((_, index) => index),
        );
        assert.deepEqual(kept, kept.toSorted((one, other) => one - other));
        const target = targetTemplate(mapping, 256);
        assert.ok(isIdentity(strip(profile, target.fields, { remove }, target.scopeFieldCount)));
      },
    ),
  );
});

Deno.test("strip-unknown: a collector without limits gets every template as it is", () => {
  fc.assert(fc.property(fc.oneof(anyTemplate, anyOptionsTemplate), (source) => {
    assert.ok(isIdentity(strip(ANY_COLLECTOR, source.fields, {}, source.scopeFieldCount)));
  }));
});
