import assert from "node:assert/strict";
import fc from "fast-check";
import { ABSTRACT_DATA_TYPES, type AbstractDataType, isLengthOfType, naturalLength } from "./abstract_data_type.ts";
import { parseHex } from "../octets/hex.ts";
import { decodeValue, defaultOctets, encodeValue, type Value } from "./value.ts";

function octetsOf(hex: string): Uint8Array {
  const octets = parseHex(hex);
  assert.ok(octets);
  return octets;
}

const KNOWN: readonly [AbstractDataType, hex: string, Value][] = [
  ["unsigned8", "ff", 255],
  ["unsigned16", "0102", 258],
  ["unsigned16", "ff", 255],
  ["unsigned32", "ffffffff", 4294967295],
  ["unsigned32", "ffffff", 16777215],
  ["unsigned64", "ffffffffffffffff", 18446744073709551615n],
  ["unsigned64", "ffffffffffff", 281474976710655n],
  ["unsigned64", "01", 1n],
  ["signed8", "80", -128],
  ["signed16", "80", -128],
  ["signed32", "8000", -32768],
  ["signed32", "7fff", 32767],
  ["signed32", "ffffff", -1],
  ["signed64", "8000000000000000", -9223372036854775808n],
  ["signed64", "fffe", -2n],
  ["float32", "3fc00000", 1.5],
  ["float64", "3ff8000000000000", 1.5],
  ["float64", "3fc00000", 1.5],
  ["float64", "fff0000000000000", -Infinity],
  ["boolean", "01", true],
  ["boolean", "02", false],
  ["macAddress", "00005e005301", "00:00:5e:00:53:01"],
  ["string", "", ""],
  ["string", "efbbbf61", "\ufeffa"],
  ["string", "6100", "a\0"],
  ["string", "f09f9a80", "🚀"],
  ["dateTimeSeconds", "00000001", "1970-01-01T00:00:01Z"],
  ["dateTimeMilliseconds", "0000000000000001", "1970-01-01T00:00:00.001Z"],
  ["dateTimeMicroseconds", "83aa7e8080000000", "1970-01-01T00:00:00.500000Z"],
  ["dateTimeNanoseconds", "83aa7e8080000000", "1970-01-01T00:00:00.500000000Z"],
  ["ipv4Address", "c0000201", "192.0.2.1"],
  ["ipv6Address", "20010db8000000000000000000000001", "2001:db8::1"],
  ["octetArray", "0a1b", Uint8Array.of(10, 27)],
  ["octetArray", "", new Uint8Array()],
];

for (const [type, hex, value] of KNOWN) {
  Deno.test(`${type} ${hex || "of no octets"} is ${value}, both ways`, () => {
    assert.deepEqual(decodeValue(type, octetsOf(hex)), value);
    assert.deepEqual(encodeValue(type, hex.length / 2, value), octetsOf(hex));
  });
}

const NO_VALUES: readonly [what: string, AbstractDataType, hex: string][] = [
  ["5 octets of unsigned32", "unsigned32", "0102030405"],
  ["no octets of unsigned8", "unsigned8", ""],
  ["5 octets of float64", "float64", "0102030405"],
  ["2 octets of boolean", "boolean", "0101"],
  ["a boolean of 0", "boolean", "00"],
  ["a boolean of 3", "boolean", "03"],
  ["3 octets of ipv4Address", "ipv4Address", "010203"],
  ["4 octets of ipv6Address", "ipv6Address", "01020304"],
  ["7 octets of macAddress", "macAddress", "01020304050607"],
  ["4 octets of dateTimeMilliseconds", "dateTimeMilliseconds", "01020304"],
  ["milliseconds past the calendar", "dateTimeMilliseconds", "ffffffffffffffff"],
  ["UTF-8 cut in a character", "string", "61c3"],
  ["an overlong UTF-8 form", "string", "c080"],
  ["a surrogate in UTF-8", "string", "eda080"],
  ["a list", "basicList", "ff00d2ffff"],
];

for (const [what, type, hex] of NO_VALUES) {
  Deno.test(`${what}: the octets come through, both ways`, () => {
    assert.deepEqual(decodeValue(type, octetsOf(hex)), octetsOf(hex));
    assert.deepEqual(encodeValue(type, hex.length / 2, octetsOf(hex)), octetsOf(hex));
  });
}

Deno.test("octets given back are a copy", () => {
  const octets = Uint8Array.of(1, 2, 3);
  const value = decodeValue("octetArray", octets);
  octets.fill(9);
  assert.deepEqual(value, Uint8Array.of(1, 2, 3));
});

/** Any octets of any type, of a length that the type can have. */
const FIELD = fc.constantFrom(...ABSTRACT_DATA_TYPES).chain((type) => {
  const lengths = Array.from({ length: 21 }, (_, length) => length).filter((length) => isLengthOfType(type, length));
  return fc.constantFrom(...lengths).chain((length) =>
    fc.tuple(fc.constant(type), fc.uint8Array({ minLength: length, maxLength: length }))
  );
});

Deno.test("whatever is decoded encodes to the same octets", () => {
  fc.assert(
    fc.property(
      fc.oneof(FIELD, fc.tuple(fc.constantFrom(...ABSTRACT_DATA_TYPES), fc.uint8Array())),
      ([type, octets]) => {
        const value = decodeValue(type, octets);
        fc.pre(!Number.isNaN(value)); // one NaN stands for many
        // Those two hold finer times than their own unit: what is lost is below it.
        const again = encodeValue(type, octets.length, value);
        if (type === "dateTimeMicroseconds" || type === "dateTimeNanoseconds") {
          assert.deepEqual(decodeValue(type, again), value);
        } else assert.deepEqual(again, octets);
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("integers of every length come back with their sign", () => {
  const types = ABSTRACT_DATA_TYPES.filter((type) => /^(un)?signed/.test(type));
  for (const type of types) {
    for (let length = 1; length <= naturalLength(type); length++) {
      const bits = BigInt(length * 8);
      const [least, most] = type.startsWith("s")
        ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
        : [0n, 2n ** bits - 1n];
      for (const integer of [least, least + 1n, 0n, 1n, most - 1n, most]) {
        const octets = encodeValue(type, length, integer);
        assert.equal(octets.length, length);
        assert.equal(BigInt(String(decodeValue(type, octets))), integer);
        assert.deepEqual(encodeValue(type, length, String(integer)), octets);
      }
      assert.throws(() => encodeValue(type, length, least - 1n), RangeError);
      assert.throws(() => encodeValue(type, length, most + 1n), RangeError);
    }
  }
});

Deno.test("values that may be written in several ways", () => {
  assert.deepEqual(encodeValue("dateTimeSeconds", 4, 1), octetsOf("00000001"));
  assert.deepEqual(encodeValue("dateTimeMilliseconds", 8, "1"), octetsOf("0000000000000001"));
  assert.deepEqual(encodeValue("dateTimeNanoseconds", 8, 500000000n), octetsOf("83aa7e8080000000"));
  assert.deepEqual(encodeValue("octetArray", 65535, "0A:1b"), octetsOf("0a1b"));
  assert.deepEqual(encodeValue("macAddress", 6, "00-00-5E-00-53-01"), octetsOf("00005e005301"));
  assert.deepEqual(encodeValue("float64", 8, 3n), octetsOf("4008000000000000"));
  assert.deepEqual(encodeValue("string", 65535, "é"), octetsOf("c3a9"));
});

const REFUSED: readonly [AbstractDataType, length: number, Value, allowed: RegExp][] = [
  ["unsigned8", 1, -1, /-1 is not a valid unsigned8 of 1 octet \(allowed: integers from 0 to 255\)/],
  ["unsigned32", 4, 1.5, /integers from 0 to 4294967295/],
  ["unsigned32", 4, true, /integers/],
  ["unsigned32", 4, "", /"" is not a valid unsigned32/],
  ["unsigned32", 5, 1, /5 is not a length of unsigned32 \(allowed: 1, 2, 3, 4\)/],
  ["unsigned32", 65535, 1, /65535 is not a length/],
  ["unsigned64", 8, 2 ** 53, /integers from 0 to 18446744073709551615/],
  ["float32", 4, 1e39, /numbers up to/],
  ["float64", 5, 1, /allowed: 4, 8/],
  ["float64", 8, "1", /a number/],
  ["boolean", 1, 1, /true, false/],
  ["macAddress", 6, "00:00:5e:00:53", /00:00:5e:00:53:01/],
  ["macAddress", 6, 1, /00:00:5e:00:53:01/],
  ["ipv4Address", 4, "::1", /192\.0\.2\.1/],
  ["ipv6Address", 16, "192.0.2.1", /2001:db8::1/],
  ["string", 65535, 5, /text of whole characters/],
  ["string", 65535, "\ud800", /text of whole characters/],
  ["string", 4, "abc", /3 octets \(allowed: 4\)/],
  ["string", 65535, "a".repeat(65536), /65536 octets \(allowed: up to 65535\)/],
  ["string", 65536, "a", /allowed: 0 to 65535/],
  ["string", -1, "a", /allowed: 0 to 65535/],
  ["octetArray", 65535, "abc", /pairs of hexadecimal digits/],
  ["octetArray", 16, "00", /^the octetArray has 1 octet \(allowed: 16\)$/],
  ["octetArray", 65535, "00:11-22", /pairs/],
  ["dateTimeSeconds", 4, -1, /seconds since 1970/],
  ["dateTimeSeconds", 4, "2106-02-07T06:28:16Z", /within the type's range/],
  ["dateTimeMilliseconds", 8, "yesterday", /milliseconds since 1970/],
  ["dateTimeNanoseconds", 8, false, /nanoseconds since 1970/],
  ["basicList", 65535, "ff", /allowed: octets/],
  ["unsigned8", 1, new Uint8Array(2), /2 octets \(allowed: 1\)/],
];

for (const [type, length, value, allowed] of REFUSED) {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 20)) : String(value);
  Deno.test(`${shown} as ${type} of length ${length} is refused, saying what is allowed`, () => {
    assert.throws(() => encodeValue(type, length, value), (error: unknown) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, allowed);
      return true;
    });
  });
}

Deno.test("the zero of every type", () => {
  const zeros = ABSTRACT_DATA_TYPES.filter((type) => type !== "subTemplateList").map((type) => {
    const octets = defaultOctets(type, naturalLength(type));
    if (naturalLength(type) !== 65535) assert.equal(octets.length, naturalLength(type));
    return [type, decodeValue(type, octets)];
  });
  assert.deepEqual(Object.fromEntries(zeros), {
    octetArray: new Uint8Array(),
    unsigned8: 0,
    unsigned16: 0,
    unsigned32: 0,
    unsigned64: 0n,
    signed8: 0,
    signed16: 0,
    signed32: 0,
    signed64: 0n,
    float32: 0,
    float64: 0,
    boolean: false,
    macAddress: "00:00:00:00:00:00",
    string: "",
    dateTimeSeconds: "1970-01-01T00:00:00Z",
    dateTimeMilliseconds: "1970-01-01T00:00:00.000Z",
    dateTimeMicroseconds: "2036-02-07T06:28:16.000000Z",
    dateTimeNanoseconds: "2036-02-07T06:28:16.000000000Z",
    ipv4Address: "0.0.0.0",
    ipv6Address: "::",
    basicList: Uint8Array.of(255, 0, 210, 255, 255),
    subTemplateMultiList: Uint8Array.of(255),
  });
});

Deno.test("the zero has the field's length, and none that the type cannot have", () => {
  assert.deepEqual(defaultOctets("unsigned64", 3), new Uint8Array(3));
  assert.deepEqual(defaultOctets("octetArray", 16), new Uint8Array(16));
  assert.deepEqual(defaultOctets("string", 0), new Uint8Array());
  const wrong: [AbstractDataType, number][] = [["unsigned16", 4], ["boolean", 2], ["unsigned8", 65535], [
    "ipv4Address",
    0,
  ]];
  for (const [type, length] of wrong) assert.throws(() => defaultOctets(type, length), RangeError);
  assert.throws(() => defaultOctets("subTemplateList", 65535), RangeError);
  assert.throws(() => defaultOctets("basicList", 20), RangeError);
});
