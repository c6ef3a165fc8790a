import assert from "node:assert/strict";
import type { InformationElement } from "../ipfix/registry/information_element.ts";
import type { Registry } from "../ipfix/registry/registry.ts";
import { GO_IPFIX, GO_IPFIX_LEGACY } from "../mediation/mapping/profile/dialect.ts";
import { CollectorDied, FragileCollector, type FragileCollectorOptions } from "./fragile_collector.ts";

function element(id: number, name: string, type: InformationElement["type"], length: number): InformationElement {
  return { pen: 0, id, name, type, length, known: true, enterpriseBit: false };
}

const ELEMENTS = [
  element(1, "octetDeltaCount", "unsigned64", 8),
  element(4, "protocolIdentifier", "unsigned8", 1),
  element(8, "sourceIPv4Address", "ipv4Address", 4),
  element(96, "applicationName", "string", 65535),
];

const REGISTRY: Registry = {
  name: "four elements",
  lookup: (pen, id) => ELEMENTS.find((known) => known.pen === pen && known.id === id),
  byName: (name) => ELEMENTS.find((known) => known.name === name),
  elements: () => ELEMENTS,
};

const LEGACY: FragileCollectorOptions = {
  registry: REGISTRY,
  acceptsUnknownElements: false,
  templateScope: "observation-domain",
  closesOnDecodeError: false,
  undecodableTypes: GO_IPFIX_LEGACY.undecodableTypes,
};

const NEWER: FragileCollectorOptions = {
  registry: REGISTRY,
  acceptsUnknownElements: true,
  templateScope: "session",
  closesOnDecodeError: true,
  undecodableTypes: GO_IPFIX.undecodableTypes,
};

/** A message of domain 1 whose sets are given as a set id and the hexadecimal octets of the body. */
function message(...sets: (readonly [id: number, body: string])[]): Uint8Array {
  const hexadecimal = (value: number, octets: number) => value.toString(16).padStart(2 * octets, "0");
  const body = sets.map(([id, octets]) => hexadecimal(id, 2) + hexadecimal(4 + octets.length / 2, 2) + octets).join("");
  return Uint8Array.fromHex(`000a${hexadecimal(16 + body.length / 2, 2)}0000000000000000${"00000001"}${body}`);
}

const ADDRESS_AND_NAME = message([2, "01000002" + "00080004" + "0060ffff"]);
const ONE_RECORD = message([256, "0a000001" + "026869"]);

Deno.test("fragile collector: decodes what fits its registry", () => {
  const collector = new FragileCollector(LEGACY);
  assert.deepEqual(collector.receive("one", ADDRESS_AND_NAME), []);
  const records = collector.receive("one", ONE_RECORD);
  assert.deepEqual(records.map(({ fields }) => fields), [[["sourceIPv4Address", "10.0.0.1"], [
    "applicationName",
    "hi",
  ]]]);
  assert.deepEqual([collector.received, collector.refused, collector.garbage], [1, 0, 0]);
});

Deno.test("fragile collector: registry lengths replace the template's", () => {
  const collector = new FragileCollector(LEGACY);
  collector.receive("one", message([2, "01000002" + "00010004" + "00040001"]));
  assert.throws(() => collector.receive("one", message([256, "00000007" + "06"])), CollectorDied);
});

Deno.test("fragile collector: up to v0.11 the old template stays where the new one is refused", () => {
  const collector = new FragileCollector(LEGACY);
  collector.receive("before", ADDRESS_AND_NAME);
  collector.close("before");
  collector.receive("one", message([2, "01000003" + "00080004" + "01f40002" + "0060ffff"]));
  assert.equal(collector.refused, 1);
  assert.equal(collector.isClosed("one"), false);
  const [first, second] = collector.receive("one", message([256, "0a000001" + "0003" + "01616200"]));
  assert.deepEqual(first?.fields, [["sourceIPv4Address", "10.0.0.1"], ["applicationName", ""]]);
  assert.deepEqual([first?.garbage, second?.garbage, collector.garbage], [true, true, 2]);
});

Deno.test("fragile collector: from v0.12 on unknown elements are accepted and templates belong to a session", () => {
  const collector = new FragileCollector(NEWER);
  collector.receive("one", message([2, "01000002" + "01f40002" + "00040001"]));
  const [record] = collector.receive("one", message([256, "beef" + "06"]));
  assert.deepEqual(record?.fields, [["0/500", "beef"], ["protocolIdentifier", 6]]);
  assert.deepEqual(collector.receive("other", message([256, "beef" + "06"])), []);
  assert.deepEqual([collector.isClosed("one"), collector.isClosed("other")], [false, true]);
});

Deno.test("fragile collector: the second set is read as records of the first", () => {
  const collector = new FragileCollector(LEGACY);
  collector.receive("one", message([2, "01000001" + "00010008"]));
  const two = message([256, "0000000000000001"], [256, "0000000000000002"]);
  assert.throws(() => collector.receive("one", two), CollectorDied);
  assert.equal(collector.dead, true);
  assert.throws(() => collector.receive("one", ADDRESS_AND_NAME), CollectorDied);
});

Deno.test("fragile collector: data of a withdrawn template loops without end", () => {
  const collector = new FragileCollector(NEWER);
  collector.receive("one", message([2, "01000000"]));
  assert.throws(() => collector.receive("one", ONE_RECORD), /endless loop/);
});

Deno.test("fragile collector: an empty message is refused", () => {
  const collector = new FragileCollector(LEGACY);
  collector.receive("one", message());
  assert.equal(collector.refused, 1);
});
