import assert from "node:assert/strict";
import { type InformationElement, unknownElement } from "../../../ipfix/registry/information_element.ts";
import type { Registry } from "../../../ipfix/registry/registry.ts";
import { RFC7011 } from "./dialect.ts";
import { findElement } from "./element_name.ts";
import type { Profile } from "./profile.ts";

function registry(...elements: InformationElement[]): Registry {
  return {
    name: "test",
    lookup: (pen, id) => elements.find((element) => element.pen === pen && element.id === id),
    byName: (name) => elements.find((element) => element.name === name),
    elements: () => elements,
  };
}

const status = (length: number): InformationElement => ({
  pen: 0,
  id: 89,
  name: "forwardingStatus",
  type: length === 1 ? "unsigned8" : "unsigned32",
  length,
  known: true,
  enterpriseBit: false,
});
const egressNodeName: InformationElement = {
  pen: 56506,
  id: 157,
  name: "egressNodeName",
  type: "string",
  length: 65535,
  known: true,
  enterpriseBit: true,
};
const listedAlone = { ...egressNodeName, id: 900, name: "listedAlone" };

const profile: Profile = {
  name: "test",
  dialect: RFC7011,
  registry: registry(status(1)),
  acceptsUnknownElements: false,
  templates: [{ name: "only", selectedBy: [status(1)], fields: [{ element: listedAlone, length: 65535 }] }],
  renames: [],
  vocabulary: registry(status(4), egressNodeName),
};

Deno.test("findElement: the collector's own version of an element before the newest one", () => {
  assert.equal(findElement(profile, "forwardingStatus").length, 1);
  assert.equal(findElement(profile, "0/89").length, 1);
});

Deno.test("findElement: what only the list or only another release knows", () => {
  for (const name of ["egressNodeName", "56506/157"]) assert.deepEqual(findElement(profile, name), egressNodeName);
  for (const name of ["listedAlone", "56506/900"]) assert.deepEqual(findElement(profile, name), listedAlone);
});

Deno.test("findElement: numbers that nothing knows are an unknown element, impossible numbers a mistake", () => {
  assert.deepEqual(findElement(profile, "4294967295/32767"), unknownElement(4294967295, 32767));
  assert.deepEqual(findElement(profile, "0/501"), unknownElement(0, 501));
  assert.throws(() => findElement(profile, "4294967296/1"), /"4294967296\/1" is not an element: .* 4294967295\/32767/);
  assert.throws(() => findElement(profile, "0/32768"), /is not an element/);
});

Deno.test("findElement: a name that nothing knows is refused with the nearest ones", () => {
  assert.throws(
    () => findElement(profile, "egresNodename"),
    /no element is called "egresNodename" \(nearest: egressNodeName; or write pen\/id\)/,
  );
  assert.throws(() => findElement(profile, "zzzzzzzzzzz"), {
    message: 'no element is called "zzzzzzzzzzz" (a name of the registry, or pen/id)',
  });
  assert.throws(() => findElement({ ...profile, vocabulary: registry() }, "egressNodeName"), /no element is called/);
});
