import assert from "node:assert/strict";
import type { InformationElement } from "../../ipfix/registry/information_element.ts";
import { explainMapping } from "./explanation.ts";
import type { MappedField, TemplateMapping } from "./template_mapping.ts";
import { identity } from "./template_mapping.ts";

function element(id: number, name: string): InformationElement {
  return { pen: 0, id, name, type: "unsigned16", length: 2, known: true, enterpriseBit: false };
}

const [A, B, C, D, E] = [element(1, "a"), element(2, "b"), element(3, "c"), element(4, "d"), element(5, "e")];
const source = { id: 256, scopeFieldCount: 0, fields: [A, B, C, D].map((element) => ({ element, length: 2 })) };

function record(element: InformationElement, index: number): MappedField {
  return { target: { element, length: 2 }, value: { from: "record", index } };
}

function explain(fields: MappedField[], more: Partial<TemplateMapping> = {}) {
  return explainMapping({ source, fields, ...more });
}

Deno.test("the identity keeps all and changes nothing", () => {
  const explanation = explainMapping(identity(source));
  assert.deepEqual(explanation.kept, ["a", "b", "c", "d"]);
  assert.deepEqual(explanation.target[1], {
    element: "b",
    pen: 0,
    id: 2,
    type: "unsigned16",
    length: 2,
    from: "record",
    index: 1,
  });
  for (const list of [explanation.stripped, explanation.padded, explanation.lost, explanation.renamed]) {
    assert.deepEqual(list, []);
  }
  assert.equal(explanation.moved, 0);
});

Deno.test("a field that another element carries on is stripped but not lost", () => {
  const { stripped, lost, renamed, kept } = explain([record(A, 0), record(E, 1), record(D, 3)]);
  assert.deepEqual(stripped, ["b", "c"]);
  assert.deepEqual(lost, ["c"]);
  assert.deepEqual(renamed, [{ from: "b", to: "e" }]);
  assert.deepEqual(kept, ["a", "d"]);
});

Deno.test("an element whose value comes from a constant is padded, and lost where the record had it", () => {
  const { padded, stripped, lost, target } = explain([
    record(A, 0),
    { target: { element: B, length: 2 }, value: { from: "constant", octets: Uint8Array.of(0, 2) }, by: "pad-missing" },
    { target: { element: E, length: 4 }, value: { from: "session", fact: "observationDomainId" } },
  ]);
  assert.deepEqual(padded, ["b", "e"]);
  assert.deepEqual(stripped, ["b", "c", "d"]);
  assert.deepEqual(lost, ["b", "c", "d"]);
  assert.equal(target[1]?.value, 2);
  assert.equal(target[1]?.by, "pad-missing");
  assert.equal(target[2]?.value, "observationDomainId");
});

Deno.test("moved counts the fewest fields that changed their place, not those that others pushed aside", () => {
  assert.equal(explain([record(B, 1), record(C, 2), record(D, 3)]).moved, 0);
  assert.equal(explain([record(D, 3), record(A, 0), record(B, 1), record(C, 2)]).moved, 1);
  assert.equal(explain([record(D, 3), record(C, 2), record(B, 1), record(A, 0)]).moved, 3);
});

Deno.test("the plugin that removed a field is named by the field's element", () => {
  assert.deepEqual(explain([record(A, 0)], { stripped: new Map([[1, "strip-unknown"]]) }).strippedBy, {
    b: "strip-unknown",
  });
});

Deno.test("the plugin that gives another value in a field's place is named, unless another one removed the field", () => {
  const fields: MappedField[] = [
    record(A, 0),
    { target: { element: B, length: 2 }, value: { from: "constant", octets: Uint8Array.of(0, 2) }, by: "redact" },
    { target: { element: C, length: 4 }, value: { from: "constant", octets: new Uint8Array(4) }, by: "pad-missing" },
  ];
  assert.deepEqual(explain(fields, { stripped: new Map([[2, "strip-unknown"]]) }).strippedBy, {
    b: "redact",
    c: "strip-unknown",
  });
});

Deno.test("moved: the fewest that stand out of the source's order, of a few fields and of thousands", () => {
  const moved = (positions: readonly number[]) => {
    const fields = positions.map((index) => record(A, index));
    return explainMapping(
      { source: { ...source, fields: positions.map(() => ({ element: A, length: 2 })) }, fields },
    ).moved;
  };
  assert.equal(moved([0, 1, 2, 3]), 0);
  assert.equal(moved([3, 0, 1, 2]), 1);
  assert.equal(moved([1, 2, 3, 0]), 1);
  assert.equal(moved([3, 2, 1, 0]), 3);
  assert.equal(moved([2, 0, 3, 1]), 2);
  assert.equal(moved([1, 1]), 1, "the same source field twice");
  const many = Array.from({ length: 16_000 }, (_, index) => index);
  assert.equal(moved([...many.slice(1), 0]), 1);
});

Deno.test("a narrowed element is kept, with what stands for a value that does not fit", () => {
  const wide = { ...source, fields: [{ element: A, length: 4 }] };
  const { kept, narrowed, lost, target } = explainMapping({
    source: wide,
    fields: [{
      target: { element: A, length: 2 },
      value: { from: "record", index: 0, convert: "narrow", otherwise: Uint8Array.of(0, 9) },
    }],
  });
  assert.deepEqual([kept, narrowed, lost, target[0]?.convert, target[0]?.otherwise], [["a"], ["a"], [], "narrow", 9]);
});

Deno.test("a value given to an IANA element takes no place of the element of its id with the enterprise bit and PEN 0", () => {
  const odd = { ...A, name: "0/1", known: false, enterpriseBit: true };
  const given = { from: "constant", octets: Uint8Array.of(0, 2) } as const;
  const { strippedBy } = explainMapping({
    source: { ...source, fields: [{ element: odd, length: 2 }, { element: B, length: 2 }] },
    fields: [A, B].map((element) => ({ target: { element, length: 2 }, value: given, by: "pad-missing" })),
  });
  assert.deepEqual(strippedBy, { b: "pad-missing" });
});
