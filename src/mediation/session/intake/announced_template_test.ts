import assert from "node:assert/strict";
import { unknownElement } from "../../../ipfix/registry/information_element.ts";
import { encodeTemplateRecord, templateRecordPlaces } from "../../../ipfix/record/template_record.ts";
import { OctetReader } from "../../../ipfix/octets/octet_reader.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { StoredTemplate } from "../../templates/stored_template.ts";
import { complete } from "../../mapping/chain/steps.ts";
import { announced, registryHistory, template } from "../../../../test/support/mediation.ts";
import { TemplateInMessage } from "./announced_template.ts";

const known = template(256, ["octetDeltaCount", "userName"]);
const mixed: Template = {
  ...known,
  fields: [
    ...known.fields,
    { element: unknownElement(56506, 900), length: 65535 },
    { element: unknownElement(0, 2, true), length: 8 },
  ],
};

Deno.test("a template is known by its octets: elements, lengths, scope and order, whatever its id", () => {
  const variants: Template[] = [
    known,
    mixed,
    { ...mixed, fields: mixed.fields.toReversed() },
    { ...mixed, fields: mixed.fields.map((field) => ({ ...field, length: 4 })) },
    { ...mixed, fields: mixed.fields.with(2, { element: unknownElement(56507, 900), length: 65535 }) },
    { ...mixed, fields: mixed.fields.with(3, { element: unknownElement(0, 2), length: 8 }) },
    { ...mixed, scopeFieldCount: 1 },
    { ...mixed, scopeFieldCount: 2 },
  ];
  for (const [index, one] of variants.entries()) {
    for (const [other, template] of variants.entries()) {
      const isLike = announced(one).isLike({ ...template, id: 999 });
      assert.equal(isLike, index === other, `${index} and ${other}`);
      assert.equal(announced(one).isLike(new StoredTemplate(template, registryHistory.resolve)), isLike);
    }
    assert.deepEqual(complete(announced(one).decode()), one);
  }
});

Deno.test("elements that no registry knows are counted before anything is decoded", () => {
  assert.equal(announced(known).unknownFields(), 0);
  assert.equal(announced(mixed).unknownFields(), 2);
});

Deno.test("a long template is decoded in steps, wherever its octets lie by then", () => {
  const huge = template(256, Array(16_000).fill("userName"));
  const record = encodeTemplateRecord(huge);
  const [place] = templateRecordPlaces(new OctetReader(record), "template");
  assert.ok(place !== undefined);
  const source = { octets: Uint8Array.of(1, 2, 3, ...record), start: 1, address: 0 };
  const steps = new TemplateInMessage(source, 2, place, registryHistory).decode();
  let count = 0;
  for (let step = steps.next();; step = steps.next()) {
    if (step.done === true) {
      assert.deepEqual(step.value, huge);
      break;
    }
    count++;
    source.octets = Uint8Array.of(...Array(count).fill(0), ...source.octets);
    source.start += count;
  }
  assert.equal(count, 15);
});
