import assert from "node:assert/strict";
import { decodeDataRecords } from "./data_record.ts";
import type { DecodeError } from "../../../src/ipfix/octets/decode_error.ts";
import { unknownElement } from "../../../src/ipfix/registry/information_element.ts";
import { MessageBuilder } from "./message_builder.ts";
import { decodeMessageHeader } from "../../../src/ipfix/message/message_header.ts";
import { OctetReader } from "../../../src/ipfix/octets/octet_reader.ts";
import { type MessageSet, setsOfMessage } from "../../../src/ipfix/message/set.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";
import { decodeTemplateRecords, type TemplateRecord } from "../../../src/ipfix/record/template_record.ts";

const TEMPLATE: Template = {
  id: 256,
  fields: [{ element: unknownElement(0, 1), length: 2 }, { element: unknownElement(9, 2), length: 65535 }],
  scopeFieldCount: 0,
};
const OPTIONS: Template = { ...TEMPLATE, id: 300, scopeFieldCount: 1 };
const RECORD = [Uint8Array.of(1, 2), Uint8Array.of(3)];

function read(octets: Uint8Array): { sets: readonly MessageSet[]; templates: TemplateRecord[] } {
  const { length } = decodeMessageHeader(octets);
  const sets = setsOfMessage(octets, 0, length);
  const templates = sets.filter(({ id }) => id === 2 || id === 3).flatMap((set) => {
    const reader = new OctetReader(octets, set.contentOffset, set.end);
    const kind = set.id === 2 ? "template" : "options-template";
    return decodeTemplateRecords(reader, kind, (pen, id, _length, bit) => unknownElement(pen, id, bit));
  });
  return { sets, templates };
}

Deno.test("a message of every kind of set is read back", () => {
  const octets = new MessageBuilder({ observationDomainId: 7, sequenceNumber: 3, exportTime: 5 })
    .templateSet([TEMPLATE, { withdraw: 400 }], { padding: 3 })
    .optionsTemplateSet([OPTIONS, { withdraw: 3 }])
    .dataSet(TEMPLATE, [RECORD, Uint8Array.of(5, 6, 1, 7)], { padding: Uint8Array.of(9, 9) })
    .dataSet(OPTIONS, [RECORD], { lengthForm: "long" })
    .set(99, Uint8Array.of(1))
    .build();
  assert.deepEqual(decodeMessageHeader(octets), {
    version: 10,
    length: octets.length,
    exportTime: 5,
    sequenceNumber: 3,
    observationDomainId: 7,
  });
  const { sets, templates } = read(octets);
  assert.deepEqual(sets.map(({ id }) => id), [2, 3, 256, 300, 99]);
  assert.deepEqual(templates, [
    { kind: "template", template: TEMPLATE },
    { kind: "withdrawal", id: 400 },
    { kind: "template", template: OPTIONS },
    { kind: "withdrawal", id: 3 },
  ]);
  const records = (index: number) => {
    const set = sets[index];
    assert.ok(set);
    return [...decodeDataRecords(new OctetReader(octets, set.contentOffset, set.end), TEMPLATE)];
  };
  assert.deepEqual(records(2), [RECORD, [Uint8Array.of(5, 6), Uint8Array.of(7)]]);
  assert.deepEqual(records(3), [RECORD]);
  assert.deepEqual(sets.map(({ length }) => length), [23, 22, 10, 6, 1]);
});

Deno.test("a builder can be continued in two ways", () => {
  const begin = new MessageBuilder().templateSet([TEMPLATE]);
  const one = begin.dataSet(TEMPLATE, [RECORD]).build();
  const other = begin.header({ sequenceNumber: 9 }).build();
  assert.equal(read(one).sets.length, 2);
  assert.equal(read(other).sets.length, 1);
  assert.equal(decodeMessageHeader(one).sequenceNumber, 0);
});

const begin = new MessageBuilder().templateSet([TEMPLATE]);
const LIES: readonly [lie: string, MessageBuilder, DecodeError["reason"]][] = [
  ["version", begin.header({ version: 9 }), "message_version"],
  ["a message length too small", begin.header({ length: 15 }), "message_length"],
  ["a message length too large", begin.header({ length: 65535 }), "message_truncated"],
  ["a set length too small", begin.set(256, new Uint8Array(4), { length: 3 }), "set_length"],
  ["a set length too large", begin.set(256, new Uint8Array(4), { length: 9 }), "set_overrun"],
  ["octets after the last set", begin.octets(Uint8Array.of(1)), "trailing_octets"],
  ["a field count", begin.templateSet([{ template: TEMPLATE, fieldCount: 65535 }]), "template_truncated"],
  ["a template id", begin.templateSet([{ template: TEMPLATE, id: 255 }]), "template_id"],
  ["a scope of none", begin.optionsTemplateSet([{ template: OPTIONS, scopeFieldCount: 0 }]), "scope_field_count"],
  ["a scope too large", begin.optionsTemplateSet([{ template: OPTIONS, scopeFieldCount: 3 }]), "scope_field_count"],
  ["half a template", begin.templateSet([Uint8Array.of(1, 0, 0, 1, 0, 1)]), "template_truncated"],
];

for (const [lie, builder, reason] of LIES) {
  Deno.test(`a lie is told: ${lie}`, () => assert.throws(() => read(builder.build()), { name: "DecodeError", reason }));
}

Deno.test("a message of 65535 octets is built, one more only with a lie", () => {
  const set = (octets: number) => new MessageBuilder().set(256, new Uint8Array(octets - 20));
  assert.equal(read(set(65535).build()).sets[0]?.length, 65515);
  assert.throws(() => set(65536).build(), RangeError);
  assert.equal(set(65536).header({ length: 100 }).build().length, 65536);
  assert.throws(() => new MessageBuilder().set(256, new Uint8Array(65532)), RangeError);
});

Deno.test("templates of the other kind are a mistake of the test, not a lie", () => {
  assert.throws(() => new MessageBuilder().templateSet([OPTIONS]), RangeError);
  assert.throws(() => new MessageBuilder().optionsTemplateSet([TEMPLATE]), RangeError);
  assert.throws(() => new MessageBuilder().templateSet([{ template: TEMPLATE, scopeFieldCount: 1 }]), RangeError);
  assert.throws(() => new MessageBuilder().dataSet(TEMPLATE, [[1]]), RangeError);
});
