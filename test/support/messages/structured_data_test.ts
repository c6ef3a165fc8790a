import assert from "node:assert/strict";
import fc from "fast-check";
import type { AbstractDataType, ListType } from "../../../src/ipfix/types/abstract_data_type.ts";
import { type InformationElement, unknownElement } from "../../../src/ipfix/registry/information_element.ts";
import { decodeStructuredData, type StructuredDataContext } from "./structured_data.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";

const TYPES: Readonly<Record<number, readonly [type: AbstractDataType, length: number]>> = {
  7: ["unsigned16", 2],
  82: ["string", 65535],
  291: ["basicList", 65535],
  292: ["subTemplateList", 65535],
  293: ["subTemplateMultiList", 65535],
};

function resolve(pen: number, id: number): InformationElement {
  const entry = pen === 0 ? TYPES[id] : undefined;
  if (entry === undefined) return unknownElement(pen, id);
  return { pen, id, name: `${id}`, type: entry[0], length: entry[1], known: true, enterpriseBit: false };
}

function template(id: number, ...fields: (readonly [id: number, length: number])[]): Template {
  return {
    id,
    scopeFieldCount: 0,
    fields: fields.map(([element, length]) => ({ element: resolve(0, element), length })),
  };
}

const TEMPLATES = new Map([
  template(256, [7, 2], [82, 65535]),
  template(257, [291, 65535]),
  template(258, [292, 65535]),
  template(259, [82, 0]),
].map((known) => [known.id, known]));

const CONTEXT: StructuredDataContext = { resolve, templateOf: (id) => TEMPLATES.get(id) };

function read(type: ListType, octets: readonly number[], limits: Partial<StructuredDataContext> = {}) {
  return decodeStructuredData(type, Uint8Array.from(octets), { ...CONTEXT, ...limits });
}

Deno.test("a basic list of strings, of an enterprise element, and of nothing", () => {
  assert.deepEqual(read("basicList", [4, 0, 82, 255, 255, 1, 65, 0, 255, 0, 1, 66]), {
    ok: true,
    list: { type: "basicList", semantic: "ordered", element: resolve(0, 82), items: ["A", "", "B"] },
  });
  assert.deepEqual(read("basicList", [0, 0x80, 9, 0, 1, 0, 0, 0, 5, 7, 8]), {
    ok: true,
    list: {
      type: "basicList",
      semantic: "noneOf",
      element: unknownElement(5, 9),
      items: [Uint8Array.of(7), Uint8Array.of(8)],
    },
  });
  assert.deepEqual(read("basicList", [255, 0, 7, 0, 2]), {
    ok: true,
    list: { type: "basicList", semantic: "undefined", element: resolve(0, 7), items: [] },
  });
});

Deno.test("a list of records of one template", () => {
  assert.deepEqual(read("subTemplateList", [3, 1, 0, 0, 80, 1, 65, 1, 187, 0]), {
    ok: true,
    list: { type: "subTemplateList", semantic: "allOf", templateId: 256, records: [[80, "A"], [443, ""]] },
  });
});

Deno.test("an empty list of records needs no template", () => {
  assert.deepEqual(read("subTemplateList", [255, 0, 0]), {
    ok: true,
    list: { type: "subTemplateList", semantic: "undefined", templateId: 0, records: [] },
  });
});

Deno.test("a list of records of several templates, their lengths counting their own headers", () => {
  const octets = [9, 1, 0, 0, 8, 0, 80, 1, 65, 1, 1, 0, 10, 5, 1, 0, 7, 0, 2, 1, 0, 0, 4];
  // The list of ports inside has no item: 5 octets.
  assert.deepEqual(read("subTemplateMultiList", octets), {
    ok: true,
    list: {
      type: "subTemplateMultiList",
      semantic: "unassigned 9",
      lists: [
        { templateId: 256, records: [[80, "A"]] },
        {
          templateId: 257,
          records: [[{ type: "basicList", semantic: "exactlyOneOf", element: resolve(0, 7), items: [] }]],
        },
        { templateId: 256, records: [] },
      ],
    },
  });
});

const FAILURES: readonly [what: string, ListType, octets: readonly number[], failure: string, offset: number][] = [
  ["no octets", "basicList", [], "malformed", 0],
  ["a semantic alone", "basicList", [3], "malformed", 1],
  ["a cut PEN", "basicList", [3, 0x80, 7, 0, 2, 0, 0], "malformed", 5],
  ["half an item", "basicList", [3, 0, 7, 0, 2, 0, 80, 1], "malformed", 7],
  ["an item over the end", "basicList", [3, 0, 82, 255, 255, 2, 65], "malformed", 5],
  ["items of no octets", "basicList", [3, 0, 82, 0, 0, 1], "malformed", 5],
  ["a cut template id", "subTemplateList", [3, 1], "malformed", 1],
  ["an unknown template", "subTemplateList", [3, 9, 9, 0], "unknown_template", 3],
  ["half a record", "subTemplateList", [3, 1, 0, 0], "malformed", 3],
  ["records of no octets", "subTemplateList", [3, 1, 3, 0], "malformed", 3],
  ["a length below 4", "subTemplateMultiList", [3, 1, 0, 0, 3], "malformed", 1],
  ["a length over the end", "subTemplateMultiList", [3, 1, 0, 0, 5], "malformed", 5],
  ["a record over its own list", "subTemplateMultiList", [3, 1, 0, 0, 7, 0, 80, 1, 65], "malformed", 7],
  ["a list in the list over its end", "subTemplateList", [3, 1, 1, 6, 3, 0, 7, 0, 2, 1, 0], "malformed", 9],
];

for (const [what, type, octets, failure, offset] of FAILURES) {
  Deno.test(`${type} with ${what} is ${failure}`, () => {
    const result = read(type, octets);
    assert.ok(!result.ok);
    assert.deepEqual([result.failure, result.offset], [failure, offset], result.message);
  });
}

/** Lists of lists of lists, so many, around an empty list. */
function nested(depth: number): number[] {
  let octets = [3, 1, 2];
  for (let level = 1; level < depth; level++) octets = [3, 1, 2, octets.length, ...octets];
  return octets;
}

Deno.test("eight lists in one another are read, nine are not; the bound can be set", () => {
  assert.equal(read("subTemplateList", nested(8)).ok, true);
  const deep = read("subTemplateList", nested(9));
  assert.equal(!deep.ok && deep.failure, "too_deep");
  assert.equal(read("subTemplateList", nested(3), { depth: 3 }).ok, true);
  assert.equal(read("subTemplateList", nested(4), { depth: 3 }).ok, false);
});

Deno.test("items are counted over all lists, and so are lists of no records", () => {
  const two = [3, 0, 7, 0, 2, 0, 1, 0, 2];
  assert.equal(read("basicList", two, { items: 2 }).ok, true);
  const limited = read("basicList", two, { items: 1 });
  assert.equal(!limited.ok && limited.failure, "too_many_items");
  const empty = [3, 1, 0, 0, 4, 1, 0, 0, 4];
  assert.equal(read("subTemplateMultiList", empty, { items: 2 }).ok, true);
  assert.equal(read("subTemplateMultiList", empty, { items: 1 }).ok, false);
});

Deno.test("records of many fields without octets are bounded too", () => {
  const wide = template(300, [7, 1], ...Array.from({ length: 1000 }, () => [82, 0] as const));
  const octets = Uint8Array.from([3, 1, 44, ...new Uint8Array(1000)]);
  const result = decodeStructuredData("subTemplateList", octets, { resolve, templateOf: () => wide });
  assert.equal(!result.ok && result.failure, "too_many_items");
});

Deno.test("any octets are read or refused, at a place inside the field", () => {
  const types = fc.constantFrom<ListType>("basicList", "subTemplateList", "subTemplateMultiList");
  const octet = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 7, 35, 36, 37, 82, 255), fc.nat(255));
  fc.assert(
    fc.property(types, fc.array(octet, { maxLength: 60, size: "max" }), (type, octets) => {
      const result = read(type, octets);
      if (!result.ok) assert.ok(result.offset >= 0 && result.offset <= octets.length);
    }),
    { numRuns: 3000 },
  );
});
