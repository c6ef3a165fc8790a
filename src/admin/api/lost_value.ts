import type { AbstractDataType } from "../../ipfix/abstract_data_type.ts";
import { decodeValue } from "../../ipfix/value.ts";
import type { LostValue } from "../../mediation/templates/counters.ts";

/** A value as JSON can write it. */
export type JsonValue = string | number | boolean;

/**
 * The value that octets hold by their type: octets are hexadecimal text; integers that JSON's readers would round, decimal text.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(jsonValue("unsigned16", Uint8Array.of(1, 0)), 256);
 * assert.equal(jsonValue("octetArray", Uint8Array.of(1, 0)), "0100");
 * ```
 */
export function jsonValue(type: AbstractDataType, octets: Uint8Array): JsonValue {
  const value = decodeValue(type, octets);
  if (value instanceof Uint8Array) return value.toHex();
  // JSON has no word for these.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** A value that was lost. Of one that is longer than what was kept: its beginning, and an ellipsis. */
export function lostValue({ type, length, octets }: LostValue): JsonValue {
  if (length <= octets.length) return jsonValue(type, octets);
  return `${(type === "string" ? wholeCharacters(octets) : undefined) ?? octets.toHex()}…`;
}

/** The text without a last character that is cut in two; undefined where it is no UTF-8. */
function wholeCharacters(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets, { stream: true });
  } catch {
    return undefined;
  }
}
