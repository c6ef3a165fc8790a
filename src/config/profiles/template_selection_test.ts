import assert from "node:assert/strict";
import fc from "fast-check";
import type { InformationElement } from "../../ipfix/information_element.ts";
import { unknownElement } from "../../ipfix/information_element.ts";
import { registryHistory } from "./registries.ts";
import { selectLists } from "./template_selection.ts";

function element(name: string): InformationElement {
  const [pen, id] = name.split("/").map(Number);
  return registryHistory().newest.byName(name) ?? unknownElement(pen ?? NaN, id ?? NaN);
}

/** `index element`, and `follows index` where another list comes first. */
function selected(...lists: readonly (readonly string[])[]): string[] {
  return selectLists(lists.map((list) => list.map(element))).map(({ index, selectedBy, shadowedBy }) =>
    `${index} ${selectedBy.name}${shadowedBy === undefined ? "" : ` follows ${shadowedBy}`}`
  );
}

Deno.test("source addresses select where they tell lists apart, whatever else does", () => {
  assert.deepEqual(
    selected(["destinationIPv6Address", "sourceIPv6Address", "flowId"], [
      "destinationIPv4Address",
      "sourceIPv4Address",
      "flowId",
    ]),
    ["0 sourceIPv6Address", "1 sourceIPv4Address"],
  );
  assert.deepEqual(selected(["flowId", "sourceIPv4Address"]), ["0 sourceIPv4Address"]);
});

Deno.test("else the first element that no other list has, known or not", () => {
  assert.deepEqual(selected(["flowId", "vlanId"], ["flowId", "64512/7"]), ["0 vlanId", "1 64512/7"]);
  assert.deepEqual(selected([]), []);
});

Deno.test("a list that holds all of an earlier one goes before it", () => {
  assert.deepEqual(
    selected(["sourceIPv4Address", "flowId"], ["sourceIPv6Address"], ["sourceIPv4Address", "flowId", "vlanId"]),
    ["1 sourceIPv6Address", "2 vlanId", "0 sourceIPv4Address"],
  );
});

Deno.test("lists that no single element tells apart say which one is followed", () => {
  assert.deepEqual(selected(["flowId", "vlanId"], ["vlanId", "flowId"]), ["0 flowId", "1 vlanId follows 0"]);
  assert.deepEqual(selected(["flowId", "vlanId"], ["vlanId", "tcpControlBits"], ["tcpControlBits", "flowId"]), [
    "0 flowId",
    "1 vlanId",
    "2 tcpControlBits follows 0",
  ]);
});

Deno.test("each list is given once, and one without a shadow is the first whose element it holds", () => {
  const lists = fc.array(fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 6 }), { maxLength: 8 });
  fc.assert(fc.property(lists, (ids) => {
    const selections = selectLists(ids.map((list) => list.map((id) => unknownElement(64512, id))));
    assert.deepEqual(selections.map(({ index }) => index).sort(), [...ids.keys()]);
    for (const { index, selectedBy, shadowedBy } of selections) {
      assert.ok(ids[index]?.includes(selectedBy.id));
      const followed = selections.find((other) => ids[index]?.includes(other.selectedBy.id))?.index;
      assert.equal(followed, shadowedBy ?? index);
    }
    // Where an order exists in which each can be told apart, it is found: tried by brute force over what is left.
    const separable = (rest: readonly number[]): boolean =>
      rest.length === 0 || rest.some((index) => {
        const others = rest.filter((other) => other !== index);
        return ids[index]?.some((id) => others.every((other) => !ids[other]?.includes(id))) && separable(others);
      });
    assert.equal(selections.every(({ shadowedBy }) => shadowedBy === undefined), separable([...ids.keys()]));
  }));
});
