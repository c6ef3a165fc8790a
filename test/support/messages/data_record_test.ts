import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ABSTRACT_DATA_TYPES,
  type AbstractDataType,
  isLengthOfType,
  naturalLength,
  VARIABLE_LENGTH,
} from "../../../src/ipfix/types/abstract_data_type.ts";
import { decodeDataRecords, walkDataRecord, walkDataRecords } from "./data_record.ts";
import { decodeDataRecord, encodeDataRecord } from "../../../src/ipfix/record/data_record.ts";
import { encodeVariableLength, type LengthForm } from "../../../src/ipfix/record/variable_length.ts";
import { OctetReader } from "../../../src/ipfix/octets/octet_reader.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";
import type { Value } from "../../../src/ipfix/types/value.ts";

function templateOf(...fields: (readonly [type: AbstractDataType, length: number])[]): Template {
  return {
    id: 256,
    scopeFieldCount: 0,
    fields: fields.map(([type, length], id) => ({
      element: { pen: 0, id, name: type, type, length: naturalLength(type), known: true, enterpriseBit: false },
      length,
    })),
  };
}

/** A field of any type and length, with any octets that it may hold. */
const FIELD = fc.constantFrom(...ABSTRACT_DATA_TYPES).chain((type) => {
  const fixed = Array.from({ length: 20 }, (_, length) => length).filter((length) => isLengthOfType(type, length));
  const lengths = naturalLength(type) === VARIABLE_LENGTH ? [...fixed, VARIABLE_LENGTH] : fixed;
  return fc.constantFrom(...lengths).chain((length) => {
    const bounds = length === VARIABLE_LENGTH ? { maxLength: 300 } : { minLength: length, maxLength: length };
    return fc.record({
      type: fc.constant(type),
      length: fc.constant(length),
      octets: fc.uint8Array({ ...bounds, size: "max" }),
    });
  });
});
const FORM = fc.constantFrom<LengthForm>("shortest", "long");

Deno.test("records of any fields come back, short or long form, and each field is found", () => {
  fc.assert(fc.property(fc.array(FIELD, { maxLength: 12 }), FORM, fc.nat(9), (fields, form, before) => {
    const template = templateOf(...fields.map(({ type, length }) => [type, length] as const));
    const values = fields.map(({ octets }) => octets);
    const encoded = encodeDataRecord(template, values, form);
    const octets = Uint8Array.of(...new Uint8Array(before), ...encoded, 9, 9);
    const reader = new OctetReader(octets, before, before + encoded.length);
    const record = walkDataRecord(reader, template);
    assert.equal(reader.remaining, 0);
    assert.deepEqual([record.offset, record.length], [before, encoded.length]);
    assert.deepEqual(record.fields.map(({ offset, length }) => octets.slice(offset, offset + length)), values);
    const decoded = decodeDataRecord(new OctetReader(octets, before), template);
    assert.equal(decoded.length, fields.length);
  }));
});

Deno.test("the records of a set are read in order with the same values", () => {
  const template = templateOf(["string", VARIABLE_LENGTH], ["unsigned64", 3], ["boolean", 1], ["octetArray", 0]);
  const record = fc.tuple(
    fc.string({ unit: "binary", maxLength: 300, size: "max" }),
    fc.bigInt({ min: 0n, max: 2n ** 24n - 1n }),
    fc.boolean(),
    fc.constant(new Uint8Array()),
  );
  fc.assert(fc.property(fc.array(record, { maxLength: 20 }), FORM, fc.nat(4), (records, form, padding) => {
    const octets = Uint8Array.from([
      ...records.flatMap((values) => [...encodeDataRecord(template, values, form)]),
      ...new Uint8Array(padding),
    ]);
    assert.deepEqual([...decodeDataRecords(new OctetReader(octets), template)], records);
    const ranges = [...walkDataRecords(new OctetReader(octets), template)];
    assert.equal(ranges.reduce((sum, { length }) => sum + length, 0), octets.length - padding);
  }));
});

for (const length of [0, 1, 254, 255, 256, 65500, 65535]) {
  Deno.test(`a string of ${length} octets takes its length in one octet or three`, () => {
    const template = templateOf(["string", VARIABLE_LENGTH]);
    const value = "x".repeat(length);
    const shortest = encodeDataRecord(template, [value]);
    assert.equal(shortest.length, length + (length < 255 ? 1 : 3));
    const long = encodeDataRecord(template, [value], "long");
    assert.equal(long.length, length + 3);
    for (const octets of [shortest, long]) {
      assert.deepEqual(decodeDataRecord(new OctetReader(octets), template), [value]);
    }
  });
}

Deno.test("length octets are those of RFC 7011, figures R and S", () => {
  assert.deepEqual(encodeVariableLength(254), Uint8Array.of(254));
  assert.deepEqual(encodeVariableLength(255), Uint8Array.of(255, 0, 255));
  assert.deepEqual(encodeVariableLength(5, "long"), Uint8Array.of(255, 0, 5));
  assert.deepEqual(encodeVariableLength(65535), Uint8Array.of(255, 255, 255));
  for (const length of [-1, 65536, 0.5]) assert.throws(() => encodeVariableLength(length), RangeError);
});

const VARIABLE_THEN_FIXED = templateOf(["string", VARIABLE_LENGTH], ["unsigned32", 4]);

const BROKEN: readonly [what: string, octets: readonly number[], reason: string, offset: number][] = [
  ["a variable field over the end", [6, 1, 2, 3, 4, 5], "field_overrun", 0],
  ["a long variable field over the end", [255, 1, 0, 4, 5, 6], "field_overrun", 0],
  ["a fixed field cut off", [3, 1, 2, 3, 0, 0, 0], "partial_record", 4],
  ["a second record with a variable field over the end", [0, 0, 0, 0, 1, 9, 1, 2, 3, 4], "field_overrun", 5],
  ["a second record with a fixed field cut off", [0, 0, 0, 0, 1, 4, 1, 2, 3, 4], "partial_record", 10],
];

for (const [what, content, reason, offset] of BROKEN) {
  Deno.test(`${what} is ${reason}, though the memory goes on`, () => {
    const octets = Uint8Array.from([...content, ...new Uint8Array(300)]);
    const reader = () => new OctetReader(octets, 0, content.length);
    assert.throws(() => [...walkDataRecords(reader(), VARIABLE_THEN_FIXED)], { name: "DecodeError", reason, offset });
    assert.throws(() => [...decodeDataRecords(reader(), VARIABLE_THEN_FIXED)], { name: "DecodeError", reason, offset });
  });
}

for (const rest of [[255], [255, 0]]) {
  Deno.test(`the marker 255 with ${rest.length - 1} octets after it is field_overrun`, () => {
    const template = templateOf(["string", VARIABLE_LENGTH]);
    const octets = Uint8Array.of(1, 65, ...rest);
    assert.throws(() => [...decodeDataRecords(new OctetReader(octets), template)], {
      reason: "field_overrun",
      offset: 2,
    });
  });
}

Deno.test("a rest shorter than the smallest record is padding whatever it holds, one as long is a record", () => {
  const records = (rest: number[]) => [
    ...decodeDataRecords(new OctetReader(Uint8Array.of(1, 65, 0, 0, 0, 7, ...rest)), VARIABLE_THEN_FIXED),
  ];
  const first: Value[] = ["A", 7];
  for (const rest of [[], [0], [255, 255], [9, 9, 9, 9]]) assert.deepEqual(records(rest), [first]);
  assert.deepEqual(records([0, 0, 0, 0, 0]), [first, ["", 0]]);
});

Deno.test("a template whose records may have no octets is refused at once, not read forever", () => {
  for (const template of [templateOf(), templateOf(["string", 0], ["octetArray", 0])]) {
    assert.throws(() => walkDataRecords(new OctetReader(new Uint8Array(8)), template).next(), RangeError);
    assert.throws(() => decodeDataRecords(new OctetReader(new Uint8Array(8)), template).next(), RangeError);
  }
});

Deno.test("65,000 records of one octet are read", () => {
  const octets = new Uint8Array(65000).fill(7);
  let sum = 0;
  for (const [value] of decodeDataRecords(new OctetReader(octets), templateOf(["unsigned8", 1]))) sum += Number(value);
  assert.equal(sum, 7 * 65000);
});

Deno.test("a value that does not fit names its element", () => {
  assert.throws(() => encodeDataRecord(VARIABLE_THEN_FIXED, ["a", -1]), {
    name: "RangeError",
    message: "unsigned32: -1 is not a valid unsigned32 of 4 octets (allowed: integers from 0 to 4294967295)",
  });
  assert.throws(() => encodeDataRecord(VARIABLE_THEN_FIXED, ["a"]), RangeError);
  assert.throws(() => encodeDataRecord(VARIABLE_THEN_FIXED, ["a", 1, 2]), RangeError);
});
