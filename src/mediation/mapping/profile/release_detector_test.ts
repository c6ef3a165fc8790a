import assert from "node:assert/strict";
import { type InformationElement, unknownElement } from "../../../ipfix/registry/information_element.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { createReleaseDetector } from "./release_detector.ts";

const [a, b, c, reverse] = [
  unknownElement(0, 1),
  unknownElement(0, 2),
  unknownElement(56506, 3),
  unknownElement(29305, 1),
];

const detect = createReleaseDetector([
  { profile: "x/v1", range: "v1-v2", templates: [[a, b], [a, c]] },
  { profile: "x/v3", range: "v3", templates: [[a, b, c], [a, b]] },
]);

function template(elements: readonly InformationElement[], scopeFieldCount = 0): Template {
  return { id: 256, scopeFieldCount, fields: elements.map((element, index) => ({ element, length: index + 1 })) };
}

Deno.test("a template with exactly an era's elements in order is that era's, whatever the lengths and names", () => {
  assert.deepEqual(detect(template([a, c])), { profile: "x/v1", range: "v1-v2" });
  assert.deepEqual(detect(template([a, b, c])), { profile: "x/v3", range: "v3" });
  assert.equal(detect(template([{ ...a, name: "other", known: true, type: "unsigned8" }, c]))?.profile, "x/v1");
});

Deno.test("of two eras with one list, the first counts", () => {
  assert.equal(detect(template([a, b]))?.profile, "x/v1");
});

Deno.test("another order, one element more or less, or the same number elsewhere is no release", () => {
  const others = [[b, a], [a], [a, b, c, c], [c, b, a], [reverse, b], [unknownElement(0, 1, true), b], [
    a,
    unknownElement(0, 3),
  ]];
  for (const other of [...others, []]) assert.equal(detect(template(other)), undefined);
});

Deno.test("an options template is no release", () => {
  assert.equal(detect(template([a, b], 1)), undefined);
});

Deno.test("without eras nothing is recognised", () => {
  assert.equal(createReleaseDetector([])(template([a])), undefined);
});
