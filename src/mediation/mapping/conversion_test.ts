import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ABSTRACT_DATA_TYPES,
  type AbstractDataType,
  isLengthOfType,
  naturalLength,
} from "../../ipfix/types/abstract_data_type.ts";
import { unknownElement } from "../../ipfix/registry/information_element.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { conversionBetween, narrowedSigns, readType } from "./conversion.ts";

function field(type: AbstractDataType, length = naturalLength(type), id = 1): FieldSpecifier {
  const element = { pen: 0, id, name: type, type, length: naturalLength(type), known: true, enterpriseBit: false };
  return { element, length };
}

/** The same field of another element. */
function another({ element, length }: FieldSpecifier): FieldSpecifier {
  return { element: { ...element, id: 2 }, length };
}

const VARIABLE = 65535;

Deno.test("one element of two types is read by the target's registry, where its type may have the length", () => {
  const rows: [FieldSpecifier, FieldSpecifier, string | undefined][] = [
    [field("unsigned16"), field("signed32", 2), "none"],
    [field("unsigned16"), field("signed32"), "widen"],
    [field("signed16"), field("unsigned64"), "widen"],
    [field("octetArray"), field("string"), "none"],
    [field("dateTimeSeconds"), field("dateTimeMilliseconds"), "seconds-to-milliseconds"],
    [field("string"), field("unsigned8"), undefined],
    [field("signed32"), field("unsigned16"), undefined],
  ];
  for (const [source, target, expected] of rows) {
    const text = `${source.element.type}[${source.length}] to ${target.element.type}[${target.length}]`;
    assert.equal(conversionBetween(source, target), expected, text);
  }
  assert.equal(readType(field("unsigned16"), field("signed32").element), "signed32");
  assert.equal(readType(field("signed32"), field("unsigned16").element), "signed32");
  assert.equal(readType(field("unsigned16"), another(field("signed32")).element), "unsigned16");
});

Deno.test("an integer in more octets narrows to fewer of the same element, with the signs of both", () => {
  const [no, yes] = [false, true];
  const rows: [FieldSpecifier, FieldSpecifier, { source: boolean; target: boolean } | undefined][] = [
    [field("unsigned8", 4), field("unsigned8"), { source: no, target: no }],
    [field("unsigned32"), field("unsigned8"), { source: no, target: no }],
    [field("signed32"), field("unsigned16"), { source: yes, target: no }],
    [field("unsigned64"), field("signed32"), { source: no, target: yes }],
    [field("signed64", 9), field("signed64"), { source: yes, target: yes }],
    [field("octetArray", 4), field("unsigned8"), undefined],
    [{ element: unknownElement(0, 1), length: 4 }, field("signed16"), { source: yes, target: yes }],
    [field("unsigned8"), field("unsigned8"), undefined],
    [field("unsigned8"), field("unsigned16"), undefined],
    [field("unsigned16", VARIABLE), field("unsigned16"), undefined],
    [field("float64"), field("float32"), undefined],
    [field("boolean", 4), field("boolean"), undefined],
    [field("unsigned8", 4), another(field("unsigned8")), undefined],
  ];
  for (const [source, target, expected] of rows) {
    const text = `${source.element.type}[${source.length}] to ${target.element.type}[${target.length}]`;
    assert.deepEqual(narrowedSigns(source, target), expected, text);
  }
});

Deno.test("conversionBetween: every lossless pair and its neighbours", () => {
  const rows: [FieldSpecifier, FieldSpecifier, string | undefined][] = [
    [field("unsigned8"), field("unsigned32"), "widen"],
    [field("unsigned64", 3), field("unsigned64"), "widen"],
    [field("unsigned32", 2), field("unsigned16"), "none"],
    [field("unsigned32"), field("unsigned8"), undefined],
    [field("signed16"), field("signed64"), "widen"],
    [field("signed16"), field("unsigned64"), undefined],
    [field("unsigned16"), field("signed16"), undefined],
    [field("unsigned16"), field("signed32"), "widen"],
    [field("float32"), field("float64"), "widen"],
    [field("float64", 4), field("float32"), "none"],
    [field("float64"), field("float32"), undefined],
    [field("unsigned32"), field("float64"), undefined],
    [field("string", 12), field("string"), "to-variable"],
    [field("string", 0), field("string"), "to-variable"],
    [field("string"), field("string", 12), undefined],
    [field("string", 11), field("string", 12), undefined],
    [field("string"), field("octetArray"), "none"],
    [field("string", 16), field("octetArray"), "to-variable"],
    [field("string", 16), field("octetArray", 16), "none"],
    [field("octetArray"), field("string"), undefined],
    [field("octetArray", 16), field("octetArray"), "to-variable"],
    [field("dateTimeSeconds"), field("dateTimeMilliseconds"), "seconds-to-milliseconds"],
    [field("dateTimeMilliseconds"), field("dateTimeSeconds"), undefined],
    [field("dateTimeSeconds"), field("dateTimeNanoseconds"), undefined],
    [field("dateTimeSeconds"), field("unsigned32"), undefined],
    [field("ipv4Address"), field("ipv6Address"), "ipv4-to-ipv6"],
    [field("ipv6Address"), field("ipv4Address"), undefined],
    [field("ipv4Address"), field("unsigned32"), undefined],
    [field("boolean"), field("unsigned8"), undefined],
    [field("basicList"), field("octetArray"), undefined],
    [field("basicList", 20), field("basicList"), undefined],
  ];
  for (const [source, same, expected] of rows) {
    const target = another(same);
    const text = `${source.element.type}[${source.length}] to ${target.element.type}[${target.length}]`;
    assert.equal(conversionBetween(source, target), expected, text);
  }
});

Deno.test("conversionBetween: a field becomes itself unchanged, unless its type cannot have its length", () => {
  for (const type of ABSTRACT_DATA_TYPES) {
    for (const length of [0, 1, 2, 3, 4, 5, 6, 8, 9, 16, 17, VARIABLE]) {
      const expected = isLengthOfType(type, length) ? "none" : undefined;
      assert.equal(conversionBetween(field(type, length), field(type, length)), expected, `${type}[${length}]`);
    }
  }
});

Deno.test("conversionBetween: an element no registry knew is read as the target where it is the same one, else as octets", () => {
  const unknown = { element: unknownElement(0, 7), length: 2 };
  assert.equal(conversionBetween(unknown, field("unsigned32", 4, 7)), "widen");
  assert.equal(conversionBetween(unknown, field("unsigned32", 4, 8)), undefined);
  assert.equal(conversionBetween({ ...unknown, length: 5 }, field("unsigned32", 4, 7)), undefined);
});

const INTEGERS = ABSTRACT_DATA_TYPES.filter((type) => /^(un)?signed/.test(type));

/** What a field can hold, worked out from nothing but sign and length. */
function range({ element, length }: FieldSpecifier): [bigint, bigint] {
  const bits = BigInt(length * 8);
  return element.type.startsWith("signed") ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
}

Deno.test("conversionBetween: integers convert exactly where the target's range holds the source's", () => {
  const integer = fc.constantFrom(...INTEGERS).chain((type) =>
    fc.integer({ min: 1, max: naturalLength(type) }).map((length) => field(type, length))
  );
  fc.assert(fc.property(integer, integer, (source, same) => {
    const target = another(same);
    const [least, most] = range(source);
    const [low, high] = range(target);
    assert.equal(conversionBetween(source, target) !== undefined, low <= least && most <= high);
    if (source.length === target.length) assert.notEqual(conversionBetween(source, target), "widen");
  }));
});
