import type { AbstractDataType } from "./abstract_data_type.ts";
import { decodeValue, type Value } from "./value.ts";

/** A value as JSON can write it. */
export type JsonValue = string | number | boolean;

/**
 * The JSON form of a value. Octets become hexadecimal text. Integers beyond 2^53 and non-finite floats become text as
 * well, because JSON has no number for them that its readers would keep exact.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(jsonValue(256), 256);
 * assert.equal(jsonValue(2n ** 63n), "9223372036854775808");
 * ```
 */
export function jsonValue(value: Value): JsonValue {
  if (value instanceof Uint8Array) return value.toHex();
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/**
 * Decodes a field and returns the JSON form of its value, as {@link jsonValue} writes it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(decodeJsonValue("unsigned16", Uint8Array.of(1, 0)), 256);
 * assert.equal(decodeJsonValue("octetArray", Uint8Array.of(1, 0)), "0100");
 * ```
 */
export function decodeJsonValue(type: AbstractDataType, octets: Uint8Array): JsonValue {
  return jsonValue(decodeValue(type, octets));
}
