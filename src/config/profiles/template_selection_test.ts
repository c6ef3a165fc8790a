import assert from "node:assert/strict";
import fc from "fast-check";
import type { InformationElement } from "../../ipfix/registry/information_element.ts";
import { unknownElement } from "../../ipfix/registry/information_element.ts";
import { isSelected } from "../../mediation/mapping/profile/profile.ts";
import { registryHistory } from "./registries.ts";
import { selectLists } from "./template_selection.ts";

function element(name: string): InformationElement {
  const [pen, id] = name.split("/").map(Number);
  return registryHistory().newest.byName(name) ?? unknownElement(pen ?? NaN, id ?? NaN);
}

/** The elements that select each list, `not` those that exclude it, and `as N` where list N has the same ones. */
function selected(...lists: readonly (readonly string[])[]): string[] {
  return selectLists(lists.map((list) => list.map(element))).map(({ selectedBy, not, sameAs }) =>
    [
      ...selectedBy.map(({ name }) => name),
      ...not.map(({ name }) => `not ${name}`),
      ...(sameAs === undefined ? [] : [`as ${sameAs}`]),
    ].join(" ")
  );
}

Deno.test("source addresses select where they tell lists apart, whatever else does", () => {
  assert.deepEqual(
    selected(["destinationIPv6Address", "sourceIPv6Address", "flowId"], [
      "destinationIPv4Address",
      "sourceIPv4Address",
      "flowId",
    ]),
    ["sourceIPv6Address", "sourceIPv4Address"],
  );
  assert.deepEqual(selected(["flowId", "sourceIPv4Address"]), ["sourceIPv4Address"]);
});

Deno.test("else the element that the fewest lists have, known or not", () => {
  assert.deepEqual(selected(["flowId", "vlanId"], ["flowId", "64512/7"]), ["vlanId", "64512/7"]);
  assert.deepEqual(selected([]), [""]);
  assert.deepEqual(selected(), []);
});

Deno.test("where one element is not enough, others are added; a list in a larger one excludes what that is selected by", () => {
  assert.deepEqual(
    selected(["sourceIPv4Address", "flowId"], ["sourceIPv4Address", "vlanId"], [
      "sourceIPv4Address",
      "flowId",
      "ingressInterface",
    ]),
    ["sourceIPv4Address flowId not ingressInterface", "sourceIPv4Address vlanId", "sourceIPv4Address ingressInterface"],
  );
});

Deno.test("of lists with the same elements, the first is selected and the others only by their own templates", () => {
  assert.deepEqual(selected(["flowId", "vlanId"], ["vlanId", "flowId"]), ["flowId", "as 0"]);
  // A repeated element is no other element, and the list that keeps more of a template is another all the same.
  assert.deepEqual(selected(["flowId", "vlanId"], ["flowId", "flowId", "vlanId"]), ["flowId", "flowId"]);
});

Deno.test("no profile can name an element of PEN 0 with the enterprise bit", () => {
  const odd = unknownElement(0, 8, true);
  assert.deepEqual(selectLists([[odd], [odd, element("flowId")]]), [
    { selectedBy: [], not: [], sameAs: undefined },
    { selectedBy: [element("flowId")], not: [], sameAs: undefined },
  ]);
});

Deno.test("a template with a list's elements selects that list, and none with other elements", () => {
  const lists = fc.array(fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 6 }), { maxLength: 8 });
  fc.assert(fc.property(lists, (ids) => {
    const elements = ids.map((list) => list.map((id) => unknownElement(64512, id)));
    const selections = selectLists(elements);
    const templates = selections.map(({ selectedBy, not }, index) => ({
      name: `${index}`,
      selectedBy,
      not,
      fields: [],
    }));
    const setOf = (list: readonly number[] = []) => list.toSorted().join();
    for (const [index, list] of ids.entries()) {
      const keys = new Set(list.map((id) => `64512/${id}`));
      const follows = templates.flatMap((template, place) => isSelected(template, keys) ? [place] : []);
      assert.deepEqual(follows, [selections[index]?.sameAs ?? index]);
      assert.equal(
        selections[index]?.sameAs === undefined,
        ids.findIndex((one) => setOf(one) === setOf(list)) === index,
      );
    }
  }));
});
