import assert from "node:assert/strict";
import { unknownElement } from "../../ipfix/registry/information_element.ts";
import type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";
import { type Dialect, DIALECTS, RFC7011 } from "../../mediation/mapping/profile/dialect.ts";
import { learnProfile } from "./learnt_profile.ts";
import { loadProfile } from "./profiles.ts";
import { registryHistory } from "./registries.ts";

/** `name`, `name:length`, `pen/id:length`; `!id:length` is an element of PEN 0 with the enterprise bit. */
function field(text: string): FieldSpecifier {
  const [name = "", length] = text.split(":");
  const [pen, id] = name.split("/").map(Number);
  const element = name.startsWith("!")
    ? unknownElement(0, Number(name.slice(1)), true)
    : registryHistory().newest.byName(name) ?? unknownElement(pen ?? NaN, id ?? NaN);
  return { element, length: length === undefined ? element.length : Number(length) };
}

function template(id: number, fields: string, scopeFieldCount = 0): Template {
  return { id, fields: fields.split(" ").map(field), scopeFieldCount };
}

function learn(templates: readonly (Template | readonly [number, Template])[], dialect: Dialect = RFC7011) {
  const seen = templates.map((one) =>
    "id" in one ? { observationDomain: 7, template: one } : { observationDomain: one[0], template: one[1] }
  );
  return learnProfile(seen, "p", dialect);
}

/** One line for each list. */
function lists(...of: Parameters<typeof learn>): string[] {
  return learn(...of).templates.map(({ name, selectedBy, fields }) =>
    [
      name,
      selectedBy.join("+"),
      ...fields.map((one) =>
        typeof one === "string"
          ? one
          : `${one.enterpriseBit === true ? "!" : ""}${one.element}:${one.length ?? `${one.unusualLength} unusual`}`
      ),
    ].join(" ")
  );
}

const dialectOf = (name: string) => DIALECTS.get(name) ?? assert.fail();

Deno.test("elements go by name, by number where nothing knows them, with their length where it is not the element's own", () => {
  assert.deepEqual(
    lists([
      template(
        256,
        "sourceIPv4Address octetDeltaCount:4 octetDeltaCount interfaceName interfaceName:16 64512/7 64512/8:6 0/32000:2",
      ),
    ]),
    ["IPv4 sourceIPv4Address sourceIPv4Address octetDeltaCount:4 octetDeltaCount interfaceName interfaceName:16 64512/7 64512/8:6 0/32000:2"],
  );
});

Deno.test("a layout of several ids or observation domains appears once, with where it was seen", () => {
  const { templates } = learn([
    [1, template(256, "sourceIPv4Address flowId")],
    [1, template(257, "sourceIPv6Address flowId")],
    [2, template(256, "sourceIPv6Address flowId")],
    [2, template(300, "sourceIPv4Address flowId")],
    [3, template(256, "sourceIPv4Address flowId")],
    [4, template(256, "sourceIPv4Address flowId")],
  ]);
  assert.deepEqual(templates.map(({ name, seen }) => [name, seen]), [
    [
      "IPv4",
      "template 256 of observation domain 1, template 300 of observation domain 2, template 256 of observation domain 3 and 1 more",
    ],
    ["IPv6", "template 257 of observation domain 1, template 256 of observation domain 2"],
  ]);
});

Deno.test("a list without a source address of its own is named after its id, each name once", () => {
  assert.deepEqual(
    lists([
      [1, template(256, "flowId vlanId")],
      [2, template(256, "flowId tcpControlBits")],
      [2, template(257, "sourceIPv4Address egressInterface")],
      [2, template(258, "sourceIPv4Address ingressInterface")],
    ]),
    [
      "template-256 vlanId flowId vlanId",
      "template-256-2 tcpControlBits flowId tcpControlBits",
      "template-257 sourceIPv4Address+egressInterface sourceIPv4Address egressInterface",
      "template-258 sourceIPv4Address+ingressInterface sourceIPv4Address ingressInterface",
    ],
  );
});

Deno.test("a profile says lengths that the type cannot have, PEN 0 with the enterprise bit, and options templates", () => {
  const odd = [
    template(256, "sourceIPv4Address !8:4 interfaceName:0 sourceIPv6Address:4 64512/7:0 flowId"),
    template(257, "!8:4"),
    template(258, "meteringProcessId flowId", 1),
  ];
  assert.deepEqual(lists(odd), [
    "IPv4 sourceIPv4Address sourceIPv4Address !0/8:4 interfaceName:0 unusual sourceIPv6Address:4 unusual " +
    "64512/7:0 unusual flowId",
    "template-257  !0/8:4",
    "options-258  meteringProcessId flowId",
  ]);
  assert.deepEqual(learn(odd).templates.map(({ scope }) => scope), [0, 0, 1]);
  assert.deepEqual(learn(odd).notes, []);
});

Deno.test("lists that no decoder of the dialect can take are left out and reported", () => {
  const { templates, notes } = learn([
    template(256, "sourceIPv4Address !8:4 64512/7:0 flowId"),
    template(257, "!8:4"),
    template(258, "meteringProcessId flowId", 1),
  ], dialectOf("go-ipfix"));
  assert.deepEqual(templates.map(({ fields }) => fields), [["sourceIPv4Address", "flowId"]]);
  assert.deepEqual(notes, [
    "Options template 258 of observation domain 7 is left out: the dialect go-ipfix takes no options templates.",
    "Template 256 of observation domain 7 lacks what a profile cannot say: element 8 of PEN 0 with the enterprise bit, " +
    "64512/7 of no octets.",
    "Template 257 of observation domain 7 is left out, since a profile can say none of its fields: element 8 of PEN 0 with the " +
    "enterprise bit.",
  ]);
});

Deno.test("for a decoder that uses its registry's lengths, elements have those lengths, and the output says so", () => {
  const { templates, notes, registry } = learn([
    template(256, "sourceIPv4Address octetDeltaCount:4 interfaceName:1 64512/7:3 observationTimeMicroseconds"),
  ], dialectOf("go-ipfix"));
  assert.equal(registry, "go-ipfix/v0.17.0");
  assert.deepEqual(templates[0]?.fields, [
    "sourceIPv4Address",
    "octetDeltaCount",
    "interfaceName",
    { element: "64512/7", length: 3 },
    "observationTimeMicroseconds",
  ]);
  assert.deepEqual(notes, [
    "Template 256 of observation domain 7 has octetDeltaCount of 4 octets as 8 octets, interfaceName of 1 octet as variable length: " +
    "the dialect go-ipfix decodes by the registry's lengths.",
    "Template 256 of observation domain 7 lists what the dialect go-ipfix cannot take, so it never goes out: " +
    "observationTimeMicroseconds (dateTimeMicroseconds).",
  ]);
});

Deno.test("a list of RFC 6313, which has no default, is kept, and the output says so", () => {
  const fields = "flowId subTemplateList subTemplateMultiList";
  assert.deepEqual(learn([template(256, fields)]).notes, [
    "Template 256 of observation domain 7 lists what has no default, so records of an exporter that lacks it are dropped: " +
    "subTemplateList (subTemplateList).",
  ]);
  assert.deepEqual(learn([template(256, fields)], dialectOf("go-ipfix")).notes, [
    "Template 256 of observation domain 7 lists what the dialect go-ipfix cannot take, so it never goes out: " +
    "subTemplateList (subTemplateList), subTemplateMultiList (subTemplateMultiList).",
  ]);
});

Deno.test("layouts that a profile cannot tell apart appear once", () => {
  const reduced = [template(256, "flowId octetDeltaCount"), template(257, "flowId octetDeltaCount:4")];
  assert.deepEqual(lists(reduced, dialectOf("go-ipfix")), ["template-256 flowId flowId octetDeltaCount"]);
});

Deno.test("lists of the same elements are all kept, the later ones for their own templates alone, and the output says so", () => {
  const { templates, notes } = learn([
    template(256, "flowId octetDeltaCount"),
    template(257, "flowId octetDeltaCount:4"),
  ]);
  assert.deepEqual(templates.map(({ name, selectedBy }) => [name, selectedBy]), [
    ["template-256", ["flowId"]],
    ["template-257", []],
  ]);
  assert.deepEqual(notes, [
    "template-257 has the same elements as template-256: only a template that equals it follows it.",
  ]);
});

Deno.test("the registry is IANA's, or the one of go-ipfix that has the elements as they are", () => {
  const registry = (fields: string, dialect = RFC7011) => learn([template(256, fields)], dialect).registry;
  assert.equal(registry("flowId 64512/7"), "iana");
  assert.equal(registry("flowId sourcePodName"), "go-ipfix/v0.17.0");
  // Of other lengths before: a string up to v0.5.0, and 1 octet up to v0.15.
  assert.equal(registry("sourcePodName 56506/115:65535"), "go-ipfix/v0.4.7");
  assert.equal(registry("sourcePodName forwardingStatus:1"), "go-ipfix/v0.14.0");
  // Towards a decoder of go-ipfix, that of a release which has it.
  assert.equal(registry("flowId", dialectOf("go-ipfix")), "go-ipfix/v0.17.0");
  assert.equal(registry("flowId", dialectOf("go-ipfix-legacy")), "go-ipfix/v0.11.0");
  assert.equal(registry("flowId", dialectOf("go-ipfix-stream-read")), "go-ipfix/v0.5.4");
});

Deno.test("an Antrea Agent's templates are recognised, with their release's registry", () => {
  const templates = (release: string) =>
    loadProfile(release).templates.map(({ fields }, index) => ({ id: 256 + index, fields, scopeFieldCount: 0 }));
  const { antrea, registry } = learn(templates("antrea/v2.0"));
  assert.deepEqual([antrea, registry], [{ profile: "antrea/v2.0", range: "v2.0-v2.5" }, "go-ipfix/v0.9.0"]);
  assert.equal(learn(templates("antrea/v2.0"), dialectOf("go-ipfix")).registry, "go-ipfix/v0.16.0");
  assert.equal(learn(templates("antrea/v2.7"), dialectOf("go-ipfix-legacy")).registry, "go-ipfix/v0.17.0");
  const both = learn([
    ...templates("antrea/v2.0").map((one) => [1, one] as const),
    ...templates("antrea/v1.15").map((one) => [2, one] as const),
  ]);
  assert.deepEqual([both.antrea, both.registry], [undefined, "go-ipfix/v0.9.0"]);
  assert.deepEqual(both.templates.map(({ name, selectedBy, not }) => [name, selectedBy, not]), [
    ["template-256", ["sourceIPv4Address", "egressNodeName"], []],
    ["template-257", ["sourceIPv6Address", "egressNodeName"], []],
    ["IPv4", ["sourceIPv4Address"], ["egressNodeName"]],
    ["IPv6", ["sourceIPv6Address"], ["egressNodeName"]],
  ]);
  assert.deepEqual(both.notes, [
    "These are templates of Antrea Agents of several releases (v2.0-v2.5, v1.15): a collector expects those of its own, so learn " +
    "from an exporter of that release alone.",
  ]);
});
