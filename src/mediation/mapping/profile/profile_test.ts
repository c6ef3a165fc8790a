import assert from "node:assert/strict";
import { knowsElement, type ProfileTemplate, selectTemplate } from "./profile.ts";
import {
  element,
  field,
  GO_IPFIX,
  profileOf,
  registryWithout,
  RFC7011,
  template,
} from "../../../../test/support/mediation.ts";

const list = (name: string, selectedBy: string): ProfileTemplate => ({
  name,
  selectedBy: [element(selectedBy)],
  fields: [],
});
const [ipv4, ipv6] = [list("IPv4", "sourceIPv4Address"), list("IPv6", "sourceIPv6Address")];
const profile = profileOf(GO_IPFIX, { templates: [ipv4, ipv6] });

Deno.test("a template follows the list whose element it holds, wherever and in whatever length", () => {
  assert.equal(selectTemplate(profile, template(256, ["octetDeltaCount", "sourceIPv6Address"])), ipv6);
  assert.equal(selectTemplate(profile, template(256, [field("sourceIPv4Address", 3)])), ipv4);
  assert.equal(selectTemplate(profile, template(256, ["octetDeltaCount"])), undefined);
});

Deno.test("of two lists that keep as much of it, the profile's first, whatever its own order", () => {
  assert.equal(selectTemplate(profile, template(256, ["sourceIPv6Address", "sourceIPv4Address"])), ipv4);
});

const fields = (...names: readonly string[]) => names.map((name) => field(name));
const [wide, narrow] = [
  { name: "wide", selectedBy: [element("sourceIPv4Address")], fields: fields("sourceIPv4Address", "interfaceName") },
  { name: "narrow", selectedBy: [element("sourceIPv4Address")], fields: fields("sourceIPv4Address") },
];

Deno.test("a template that is listed to the letter follows that list, whichever others it selects", () => {
  const lists = profileOf(GO_IPFIX, { templates: [narrow, ipv4, wide] });
  assert.equal(selectTemplate(lists, template(300, ["sourceIPv4Address"])), narrow);
  assert.equal(selectTemplate(lists, template(300, ["sourceIPv4Address", "interfaceName"])), wide);
  const alone = { ...narrow, selectedBy: [] };
  const apart = profileOf(GO_IPFIX, { templates: [ipv4, alone] });
  assert.equal(selectTemplate(apart, template(300, ["sourceIPv4Address"])), alone);
  assert.equal(selectTemplate(apart, template(300, [field("sourceIPv4Address", 3)])), ipv4, "another length");
});

Deno.test("of several lists it follows the one that keeps most of its fields, then the one that needs the fewest", () => {
  const lists = profileOf(GO_IPFIX, { templates: [wide, narrow] });
  assert.equal(selectTemplate(lists, template(300, ["interfaceName", "sourceIPv4Address"])), wide);
  assert.equal(selectTemplate(lists, template(300, ["octetDeltaCount", "sourceIPv4Address"])), narrow);
});

Deno.test("all elements of selectedBy must be there, and none of not", () => {
  const picky: ProfileTemplate = {
    ...wide,
    selectedBy: [element("sourceIPv4Address"), element("interfaceName")],
    not: [element("octetDeltaCount")],
  };
  const lists = profileOf(GO_IPFIX, { templates: [picky] });
  assert.equal(selectTemplate(lists, template(300, ["interfaceName", "sourceIPv4Address"])), picky);
  assert.equal(selectTemplate(lists, template(300, ["sourceIPv4Address"])), undefined);
  const excluded = template(300, ["interfaceName", "sourceIPv4Address", "octetDeltaCount"]);
  assert.equal(selectTemplate(lists, excluded), undefined);
});

Deno.test("an options template follows the list that it equals, scope and all", () => {
  const options = {
    name: "options",
    selectedBy: [],
    fields: fields("octetDeltaCount", "interfaceName"),
    scopeFieldCount: 1,
  };
  const lists = profileOf(GO_IPFIX, { templates: [options] });
  assert.equal(selectTemplate(lists, template(300, ["octetDeltaCount", "interfaceName"], 1)), options);
  for (
    const other of [
      template(300, ["octetDeltaCount", "interfaceName"], 2),
      template(300, ["octetDeltaCount", "interfaceName"]),
    ]
  ) {
    assert.equal(selectTemplate(lists, other), undefined);
  }
});

Deno.test("a list may be selected by an element that no registry has: its collector knows it by number", () => {
  const own: ProfileTemplate = { name: "own", selectedBy: [field("64512/7").element], fields: [] };
  const numbered = profileOf(GO_IPFIX, { templates: [own] });
  assert.equal(selectTemplate(numbered, template(256, ["octetDeltaCount", field("64512/7")])), own);
  assert.equal(selectTemplate(numbered, template(256, [field("64512/8"), field("64513/7")])), undefined);
});

Deno.test("options templates follow none, nor does a template whose enterprise bit hides PEN 0", () => {
  assert.equal(selectTemplate(profile, template(256, ["sourceIPv4Address"], 1)), undefined);
  const hidden = { ...element("sourceIPv4Address"), known: false, enterpriseBit: true };
  assert.equal(selectTemplate(profile, template(256, [{ element: hidden, length: 4 }])), undefined);
});

Deno.test("a collector knows what its registry has; one that takes anything knows all", () => {
  const lacking = profileOf(GO_IPFIX, { registry: registryWithout("octetDeltaCount") });
  assert.equal(knowsElement(lacking, element("octetDeltaCount")), false);
  assert.equal(knowsElement(lacking, element("interfaceName")), true);
  assert.equal(
    knowsElement(lacking, { ...element("interfaceName"), enterpriseBit: true }),
    false,
    "the bit with PEN 0",
  );
  assert.equal(knowsElement(profileOf(RFC7011), field("56506/999").element), true);
});
