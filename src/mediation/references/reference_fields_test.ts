import assert from "node:assert/strict";
import type { AbstractDataType } from "../../ipfix/types/abstract_data_type.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { FieldWalk, hasReferences, referenceKind, referencePlan } from "./reference_fields.ts";
import { identity } from "../mapping/template_mapping.ts";

function field(id: number, type: AbstractDataType, length: number, pen = 0): FieldSpecifier {
  return { element: { pen, id, name: `${id}`, type, length, known: true, enterpriseBit: pen !== 0 }, length };
}

const KINDS: readonly [FieldSpecifier, ReturnType<typeof referenceKind>][] = [
  [field(145, "unsigned16", 2), "templateId"],
  [field(145, "unsigned16", 1), "templateId"],
  [field(145, "unsigned16", 3), undefined],
  [field(145, "unsigned16", 65535), undefined],
  [field(145, "unsigned16", 2, 29305), undefined],
  [field(173, "unsigned64", 8), "flowKeyIndicator"],
  [field(173, "unsigned64", 9), undefined],
  [field(173, "unsigned64", 0), undefined],
  [field(484, "basicList", 65535), "basicList"],
  [field(7, "subTemplateList", 40, 9), "subTemplateList"],
  [field(7, "subTemplateList", 0, 9), undefined],
  [field(293, "subTemplateMultiList", 65535), "subTemplateMultiList"],
  [field(82, "string", 65535), undefined],
];

for (const [specifier, kind] of KINDS) {
  const { element, length } = specifier;
  Deno.test(`${element.pen}/${element.id} (${element.type}) of length ${length} refers by: ${kind ?? "nothing"}`, () => {
    assert.equal(referenceKind(specifier), kind);
    assert.equal(hasReferences(identity({ id: 256, scopeFieldCount: 0, fields: [specifier] })), kind !== undefined);
  });
}

Deno.test("a constant refers to nothing", () => {
  const target = field(145, "unsigned16", 2);
  const source = { id: 256, scopeFieldCount: 0, fields: [field(4, "unsigned8", 1)] };
  const mapping = { source, fields: [{ target, value: { from: "constant", octets: new Uint8Array(2) } }] } as const;
  assert.equal(hasReferences(mapping), false);
});

Deno.test("wanted fields are found behind fixed and variable ones, in either length form", () => {
  const fields = [
    field(1, "unsigned32", 4),
    field(82, "string", 65535),
    field(145, "unsigned16", 2),
    field(291, "basicList", 65535),
  ];
  const octets = Uint8Array.of(9, 0, 0, 0, 0, 2, 65, 66, 1, 2, 255, 0, 1, 7, 99);
  assert.deepEqual(new FieldWalk(fields, new Set([2, 3])).places(octets, 1), {
    wanted: [
      { start: 8, value: 8, end: 10 },
      { start: 10, value: 13, end: 14 },
    ],
    end: 14,
  });
  assert.deepEqual(new FieldWalk(fields.toReversed(), new Set([1])).places(octets, 9), {
    wanted: [{ start: 12, value: 12, end: 14 }],
    end: 118,
  });
});

Deno.test("the plan pairs each target field with its source, and names the first templateId", () => {
  const source = {
    id: 256,
    scopeFieldCount: 1,
    fields: [field(145, "unsigned16", 2), field(4, "unsigned8", 1), field(173, "unsigned64", 8)],
  };
  const mapping = identity(source);
  const { fields, named } = referencePlan({ source, fields: mapping.fields.toReversed() });
  assert.deepEqual(fields.map(({ kind, source }) => [kind, source]), [["flowKeyIndicator", 1], ["templateId", 0]]);
  assert.equal(named, 0);
});

/** Milliseconds that it takes to plan a template of this many lists. */
function planning(count: number): number {
  const fields = Array.from({ length: count }, () => field(291, "basicList", 65535));
  const mapping = identity({ id: 256, scopeFieldCount: 0, fields });
  const begin = performance.now();
  const plan = referencePlan(mapping);
  const milliseconds = performance.now() - begin;
  assert.equal(plan.fields.at(-1)?.source, count - 1);
  return milliseconds;
}

Deno.test("planning a template of 80,000 lists takes about eight times as long as 10,000, not sixty-four times", () => {
  let [few, many] = [Infinity, Infinity];
  // The least of several times each, and of more where a busy machine spoils them.
  for (let round = 0; round < 20 && (round < 3 || many >= 24 * few); round++) {
    few = Math.min(few, planning(10_000));
    many = Math.min(many, planning(80_000));
  }
  assert.ok(many < 24 * few, `${many.toFixed(1)} ms, ${few.toFixed(1)} for an eighth of them`);
});
