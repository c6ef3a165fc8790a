import assert from "node:assert/strict";
import fc from "fast-check";
import { unknownElement } from "../registry/information_element.ts";
import { DecodeError } from "../octets/decode_error.ts";
import { OctetReader } from "../octets/octet_reader.ts";
import type { Template } from "./template.ts";
import {
  countTemplateRecords,
  decodeFieldSpecifier,
  decodeTemplateRecord,
  decodeTemplateRecords,
  encodeTemplateRecord,
  encodeWithdrawal,
  type ResolveElement,
  templateRecordPlaces,
} from "./template_record.ts";

const resolve: ResolveElement = (pen, id, _length, enterpriseBit) => unknownElement(pen, id, enterpriseBit);

const ELEMENT = fc.tuple(fc.nat(32767), fc.boolean(), fc.nat(0xffffffff))
  .map(([id, enterpriseBit, pen]) => unknownElement(enterpriseBit ? pen : 0, id, enterpriseBit));

const TEMPLATE: fc.Arbitrary<Template> = fc.array(
  fc.record({ element: ELEMENT, length: fc.nat(65535) }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 50 },
).chain((fields) =>
  fc.record({
    id: fc.integer({ min: 256, max: 65535 }),
    fields: fc.constant(fields),
    scopeFieldCount: fc.nat(fields.length),
  }, { noNullPrototype: true })
);

function decode(octets: Uint8Array, options: boolean) {
  const reader = new OctetReader(octets, 0, octets.length, "message_truncated");
  const record = decodeTemplateRecord(reader, options ? "options-template" : "template", resolve);
  return { record, offset: reader.offset };
}

Deno.test("templates and options templates come back as they were written, to the last octet", () => {
  fc.assert(fc.property(TEMPLATE, (template) => {
    const octets = encodeTemplateRecord(template);
    const { record, offset } = decode(octets, template.scopeFieldCount > 0);
    assert.deepEqual(record, { kind: "template", template });
    assert.equal(offset, octets.length);
  }));
});

Deno.test("a record cut at any octet is refused as truncated", () => {
  fc.assert(fc.property(TEMPLATE, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (template, share) => {
    const octets = encodeTemplateRecord(template);
    const end = Math.floor(octets.length * share);
    assert.throws(() => decode(octets.subarray(0, end), template.scopeFieldCount > 0), {
      name: "DecodeError",
      reason: "template_truncated",
    });
  }));
});

Deno.test("the resolver is asked with the field's length, PEN, id and enterprise bit", () => {
  const asked: unknown[] = [];
  const octets = Uint8Array.of(
    1,
    0,
    0,
    3,
    0,
    1,
    0,
    8,
    0x80,
    2,
    0xff,
    0xff,
    0,
    0,
    0xdc,
    0xba,
    0x80,
    3,
    0,
    0,
    0,
    0,
    0,
    0,
  );
  decodeTemplateRecord(new OctetReader(octets), "template", (...question) => {
    asked.push(question);
    return unknownElement(question[0], question[1], question[3]);
  });
  assert.deepEqual(asked, [[0, 1, 8, false], [56506, 2, 65535, true], [0, 3, 0, true]]);
});

Deno.test("the enterprise bit with PEN 0 stays, in both directions", () => {
  const octets = Uint8Array.of(1, 0, 0, 1, 0x80, 8, 0, 4, 0, 0, 0, 0);
  const { record } = decode(octets, false);
  assert.ok(record.kind === "template");
  assert.equal(record.template.fields[0]?.element.enterpriseBit, true);
  assert.deepEqual(encodeTemplateRecord(record.template), octets);
});

Deno.test("a field count beyond the set is refused before any field is resolved", () => {
  const octets = Uint8Array.of(1, 0, 0xff, 0xff, 0, 1, 0, 4);
  const never: ResolveElement = () => assert.fail("a field was resolved");
  assert.throws(() => decodeTemplateRecord(new OctetReader(octets), "template", never), {
    reason: "template_truncated",
    offset: 4,
    extent: { wanted: 65535 * 4, available: 4 },
  });
});

Deno.test("a PEN that the set's end cuts is refused", () => {
  const octets = Uint8Array.of(1, 0, 0, 1, 0x80, 1, 0, 4, 0, 0, 0xdc, 0xba);
  assert.throws(() => decodeTemplateRecord(new OctetReader(octets, 0, 11), "template", resolve), {
    reason: "template_truncated",
    offset: 8,
    extent: { wanted: 4, available: 3 },
  });
});

for (const id of [0, 2, 3, 255]) {
  Deno.test(`template id ${id} with fields is refused, without fields it is a withdrawal`, () => {
    const octets = Uint8Array.of(0, id, 0, 1, 0, 1, 0, 4, 0, 0);
    assert.throws(() => decode(octets, false), { reason: "template_id", offset: 0 });
    assert.throws(() => decode(octets, true), { reason: "template_id", offset: 0 });
    octets[3] = 0;
    assert.deepEqual(decode(octets, false), { record: { kind: "withdrawal", id }, offset: 4 });
    assert.deepEqual(decode(octets, true), { record: { kind: "withdrawal", id }, offset: 4 });
  });
}

for (const scope of [0, 3, 65535]) {
  Deno.test(`scope field count ${scope} of two fields is refused`, () => {
    const octets = Uint8Array.of(1, 0, 0, 2, scope >> 8, scope & 0xff, 0, 1, 0, 4, 0, 2, 0, 4);
    assert.throws(() => decode(octets, true), { reason: "scope_field_count", offset: 4 });
  });
}

Deno.test("a scope of all fields is right", () => {
  const { record } = decode(Uint8Array.of(1, 0, 0, 1, 0, 1, 0, 1, 0, 4), true);
  assert.ok(record.kind === "template");
  assert.equal(record.template.scopeFieldCount, 1);
});

for (const padding of [0, 1, 2, 3]) {
  Deno.test(`a set of templates and withdrawals with ${padding} octets of padding`, () => {
    const template = { id: 256, fields: [{ element: unknownElement(0, 1), length: 8 }], scopeFieldCount: 0 };
    const octets = Uint8Array.of(
      ...encodeTemplateRecord(template),
      ...encodeWithdrawal(256, "template"),
      ...encodeTemplateRecord({ ...template, id: 257 }),
      ...new Uint8Array(padding).fill(0xaa),
    );
    assert.deepEqual(decodeTemplateRecords(new OctetReader(octets), "template", resolve), [
      { kind: "template", template },
      { kind: "withdrawal", id: 256 },
      { kind: "template", template: { ...template, id: 257 } },
    ]);
  });
}

for (const padding of [4, 6, 8, 12]) {
  Deno.test(`${padding} zero octets at the end of a set are padding; before another record they withdraw template 0`, () => {
    const template = { id: 256, fields: [{ element: unknownElement(0, 1), length: 8 }], scopeFieldCount: 0 };
    const record = encodeTemplateRecord(template);
    for (const kind of ["template", "options-template"] as const) {
      const reader = new OctetReader(
        Uint8Array.of(...encodeWithdrawal(256, kind), ...new Uint8Array(padding)),
      );
      assert.deepEqual(decodeTemplateRecords(reader, kind, resolve), [{ kind: "withdrawal", id: 256 }]);
      assert.equal(reader.remaining, padding, "the padding is left");
    }
    const between = new OctetReader(Uint8Array.of(0, 0, 0, 0, ...record, ...new Uint8Array(padding)));
    assert.deepEqual(decodeTemplateRecords(between, "template", resolve), [
      { kind: "withdrawal", id: 0 },
      { kind: "template", template },
    ]);
  });
}

Deno.test("the padding of a set is looked for once, not at each of its records", () => {
  const withdrawals = 131_072; // of template 0, which zero octets are before the last record
  const octets = new Uint8Array(withdrawals * 4 + 4);
  octets[octets.length - 4] = 1;
  const started = performance.now();
  assert.equal(countTemplateRecords(new OctetReader(octets), "template"), withdrawals + 1);
  // At each record it is 34 thousand million steps.
  assert.ok(performance.now() - started < 5_000);
});

Deno.test("withdrawals in an options template set have no scope field count", () => {
  const octets = Uint8Array.of(
    ...encodeWithdrawal(256, "options-template"),
    ...encodeWithdrawal(3, "options-template"),
    0,
  );
  assert.deepEqual(decodeTemplateRecords(new OctetReader(octets), "options-template", resolve), [
    { kind: "withdrawal", id: 256 },
    { kind: "withdrawal", id: 3 },
  ]);
});

Deno.test("the records of a set are found and checked without being decoded: the same records, errors and padding", () => {
  const record = fc.oneof(
    TEMPLATE.map((template) => encodeTemplateRecord({ ...template, scopeFieldCount: 0 })),
    fc.integer({ min: 256, max: 65535 }).map((id) => encodeWithdrawal(id, "template")),
    fc.uint8Array({ maxLength: 12 }),
  );
  fc.assert(fc.property(fc.array(record, { maxLength: 6 }), fc.boolean(), (records, options) => {
    const octets = Uint8Array.from(records.flatMap((part) => [...part]));
    const kind = options ? "options-template" : "template";
    const [one, other] = [new OctetReader(octets, 0), new OctetReader(octets, 0)];
    const outcome = (run: () => unknown) => {
      try {
        return run();
      } catch (error) {
        assert.ok(error instanceof DecodeError);
        return { ...error, message: error.message };
      }
    };
    const found = outcome(() =>
      templateRecordPlaces(one, kind).map(({ id, fieldCount, scopeFieldCount, fieldsAt }) => {
        const fields = new OctetReader(octets, fieldsAt);
        const decoded = Array.from({ length: fieldCount }, () => decodeFieldSpecifier(fields, resolve));
        return fieldCount === 0
          ? { kind: "withdrawal", id }
          : { kind: "template", template: { id, fields: decoded, scopeFieldCount } };
      })
    );
    assert.deepEqual(found, outcome(() => decodeTemplateRecords(other, kind, resolve)));
    assert.equal(one.offset, other.offset);
    const counting = new OctetReader(octets, 0);
    const count = outcome(() => countTemplateRecords(counting, kind));
    assert.deepEqual(count, Array.isArray(found) ? found.length : found);
    assert.equal(counting.offset, one.offset);
  }));
});

Deno.test("a template that no template record can express is not written", () => {
  const field = { element: unknownElement(1, 1), length: 4 };
  const good = { id: 256, fields: [field], scopeFieldCount: 0 };
  encodeTemplateRecord(good);
  const wrong: readonly Template[] = [
    { ...good, id: 255 },
    { ...good, id: 65536 },
    { ...good, fields: [] },
    { ...good, scopeFieldCount: 2 },
    { ...good, scopeFieldCount: -1 },
    { ...good, fields: [{ ...field, length: 65536 }] },
    { ...good, fields: [{ ...field, element: unknownElement(1, 32768) }] },
    { ...good, fields: [{ ...field, element: unknownElement(2 ** 32, 1) }] },
    { ...good, fields: [{ ...field, element: unknownElement(1, 1, false) }] },
  ];
  for (const template of wrong) assert.throws(() => encodeTemplateRecord(template), RangeError);
  assert.throws(() => encodeWithdrawal(3, "template"), RangeError);
  assert.throws(() => encodeWithdrawal(2, "options-template"), RangeError);
  assert.throws(() => encodeWithdrawal(255, "template"), RangeError);
});
