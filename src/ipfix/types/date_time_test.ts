import assert from "node:assert/strict";
import fc from "fast-check";
import { type DateTimeType, decodeDateTime, encodeDateTime, formatDateTime, parseDateTime } from "./date_time.ts";

function ofHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Worked out by hand: seconds since 1900 (or 1970), fraction of 2^32. */
const KNOWN: readonly [DateTimeType, hex: string, text: string][] = [
  ["dateTimeSeconds", "00000000", "1970-01-01T00:00:00Z"],
  ["dateTimeSeconds", "ffffffff", "2106-02-07T06:28:15Z"],
  ["dateTimeMilliseconds", "0000000000000001", "1970-01-01T00:00:00.001Z"],
  ["dateTimeMilliseconds", "0000018bcfe56800", "2023-11-14T22:13:20.000Z"],
  ["dateTimeMicroseconds", "83aa7e8080000000", "1970-01-01T00:00:00.500000Z"],
  ["dateTimeNanoseconds", "83aa7e8080000000", "1970-01-01T00:00:00.500000000Z"],
  ["dateTimeNanoseconds", "83aa7e8000000005", "1970-01-01T00:00:00.000000001Z"],
  ["dateTimeNanoseconds", "8000000000000000", "1968-01-20T03:14:08.000000000Z"],
  ["dateTimeNanoseconds", "83aa7e7f80000000", "1969-12-31T23:59:59.500000000Z"],
  ["dateTimeNanoseconds", "ffffffffffffffff", "2036-02-07T06:28:15.999999999Z"],
  ["dateTimeNanoseconds", "0000000000000000", "2036-02-07T06:28:16.000000000Z"],
  ["dateTimeMicroseconds", "7fffffffffffffff", "2104-02-26T09:42:23.999999Z"],
];

for (const [type, hex, text] of KNOWN) {
  Deno.test(`${type} ${hex} is ${text}`, () => {
    const time = decodeDateTime(type, ofHex(hex));
    assert.equal(formatDateTime(type, time), text);
    assert.equal(parseDateTime(type, text), time);
  });
}

Deno.test("the 11 lowest bits of dateTimeMicroseconds do not count", () => {
  const time = decodeDateTime("dateTimeMicroseconds", ofHex("83aa7e8000001000"));
  assert.equal(decodeDateTime("dateTimeMicroseconds", ofHex("83aa7e80000017ff")), time);
  assert.deepEqual(encodeDateTime("dateTimeMicroseconds", 1n), ofHex("83aa7e8000001800"));
});

const RANGES: readonly [DateTimeType, first: bigint, last: bigint][] = [
  ["dateTimeSeconds", 0n, 2n ** 32n - 1n],
  ["dateTimeMilliseconds", 0n, 2n ** 64n - 1n],
  ["dateTimeMicroseconds", (2n ** 31n - 2208988800n) * 10n ** 6n, (3n * 2n ** 31n - 2208988800n) * 10n ** 6n - 1n],
  ["dateTimeNanoseconds", (2n ** 31n - 2208988800n) * 10n ** 9n, (3n * 2n ** 31n - 2208988800n) * 10n ** 9n - 1n],
];

for (const [type, first, last] of RANGES) {
  Deno.test(`every ${type} comes back from its octets and from its text; outside its range there is none`, () => {
    fc.assert(fc.property(
      fc.oneof(fc.bigInt({ min: first, max: last }), fc.constantFrom(first, last)),
      (time) => {
        const octets = encodeDateTime(type, time);
        assert.ok(octets);
        assert.equal(decodeDateTime(type, octets), time);
        const text = formatDateTime(type, time);
        if (text !== undefined) assert.equal(parseDateTime(type, text), time);
      },
    ));
    assert.equal(encodeDateTime(type, first - 1n), undefined);
    assert.equal(encodeDateTime(type, last + 1n), undefined);
  });
}

Deno.test("milliseconds past the calendar have no text, the calendar's last has", () => {
  assert.equal(formatDateTime("dateTimeMilliseconds", 8640000000000000n), "+275760-09-13T00:00:00.000Z");
  assert.equal(formatDateTime("dateTimeMilliseconds", 8640000000001000n), undefined);
  assert.equal(formatDateTime("dateTimeMilliseconds", 2n ** 64n - 1n), undefined);
});

Deno.test("fewer digits than the type tells apart are right, more are not", () => {
  assert.equal(parseDateTime("dateTimeMilliseconds", "1970-01-01T00:00:01Z"), 1000n);
  assert.equal(parseDateTime("dateTimeMicroseconds", "1970-01-01T00:00:00.5Z"), 500000n);
  assert.equal(parseDateTime("dateTimeMilliseconds", "1970-01-01T00:00:00.0001Z"), undefined);
  assert.equal(parseDateTime("dateTimeSeconds", "1970-01-01T00:00:00.0Z"), undefined);
});

Deno.test("text that is not a time in UTC is refused", () => {
  const days = ["1970-02-30", "1970-13-01", "1970-00-01", "1970-1-1", "+001970-01-01"].map((day) => `${day}T00:00:00Z`);
  const others = ["", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00:00+01:00", "1970-01-01T24:00:01Z", "now"];
  for (const text of [...days, ...others, "1970-01-01T24:00:00Z", "1970-01-01T00:00:60Z"]) {
    assert.equal(parseDateTime("dateTimeSeconds", text), undefined, text);
  }
});
