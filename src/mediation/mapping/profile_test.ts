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
} from "../../../test/support/mediation.ts";

const list = (name: string, selectedBy: string): ProfileTemplate => ({
  name,
  selectedBy: element(selectedBy),
  fields: [],
});
const [ipv4, ipv6] = [list("IPv4", "sourceIPv4Address"), list("IPv6", "sourceIPv6Address")];
const profile = profileOf(GO_IPFIX, { templates: [ipv4, ipv6] });

Deno.test("a template follows the list whose element it holds, wherever and in whatever length", () => {
  assert.equal(selectTemplate(profile, template(256, ["octetDeltaCount", "sourceIPv6Address"])), ipv6);
  assert.equal(selectTemplate(profile, template(256, [field("sourceIPv4Address", 3)])), ipv4);
  assert.equal(selectTemplate(profile, template(256, ["octetDeltaCount"])), undefined);
});

Deno.test("of two lists that it could follow, the profile's first, whatever its own order", () => {
  assert.equal(selectTemplate(profile, template(256, ["sourceIPv6Address", "sourceIPv4Address"])), ipv4);
});

Deno.test("a list may be selected by an element that no registry has: its collector knows it by number", () => {
  const own: ProfileTemplate = { name: "own", selectedBy: field("64512/7").element, fields: [] };
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
