import assert from "node:assert/strict";
import type { AbstractDataType } from "../../ipfix/types/abstract_data_type.ts";
import { encodeValue, type Value } from "../../ipfix/types/value.ts";
import type { JsonValue } from "../../ipfix/types/json_value.ts";
import { lostValue } from "./lost_value.ts";

const KEPT = 64;

function shown(type: AbstractDataType, octets: Uint8Array): JsonValue {
  return lostValue({ type, length: octets.length, octets: octets.slice(0, KEPT) });
}

const VALUES: readonly (readonly [AbstractDataType, number, Value, JsonValue])[] = [
  ["unsigned16", 2, 443, 443],
  ["signed32", 2, -2, -2],
  ["unsigned64", 8, 2n ** 53n, "9007199254740992"],
  ["unsigned64", 8, 2n ** 53n - 1n, 9007199254740991],
  ["float64", 8, 0.5, 0.5],
  ["float64", 8, Infinity, "Infinity"],
  ["boolean", 1, true, true],
  ["string", 65535, "pod-ü", "pod-ü"],
  ["ipv4Address", 4, "192.0.2.1", "192.0.2.1"],
  ["ipv6Address", 16, "2001:db8::1", "2001:db8::1"],
  ["macAddress", 6, "00:00:5e:00:53:01", "00:00:5e:00:53:01"],
  ["dateTimeSeconds", 4, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
  ["octetArray", 65535, Uint8Array.of(10, 27), "0a1b"],
];

Deno.test("lost values are shown by their type, as JSON can write them", () => {
  for (const [type, length, value, expected] of VALUES) {
    const json = JSON.stringify(shown(type, encodeValue(type, length, value)));
    assert.equal(JSON.parse(json), expected, type);
  }
});

Deno.test("a long value is cut, a text between two characters, and marked as cut", () => {
  const text = (value: string) => shown("string", new TextEncoder().encode(value));
  assert.equal(text("x".repeat(64)), "x".repeat(64));
  assert.equal(text("x".repeat(65)), `${"x".repeat(64)}…`);
  assert.equal(text(`${"x".repeat(63)}ü`), `${"x".repeat(63)}…`);
  assert.equal(shown("string", new Uint8Array(65).fill(0xff)), `${"ff".repeat(64)}…`);
  assert.equal(shown("octetArray", new Uint8Array(65).fill(0x61)), `${"61".repeat(64)}…`);
});
