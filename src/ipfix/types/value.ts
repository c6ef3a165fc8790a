import {
  type AbstractDataType,
  isLengthOfType,
  isSigned,
  isStructured,
  naturalLength,
  VARIABLE_LENGTH,
} from "./abstract_data_type.ts";
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "./address.ts";
import { decodeDateTime, encodeDateTime, formatDateTime, isDateTime, parseDateTime } from "./date_time.ts";
import { formatHex, parseHex } from "../octets/hex.ts";

/**
 * A field's value:
 *
 * | type | value |
 * |---|---|
 * | integers up to 32 bits | number |
 * | 64 bit integers, reduced ones too | bigint |
 * | float32, float64 | number |
 * | boolean | boolean |
 * | string | string |
 * | ipv4Address, ipv6Address, macAddress | canonical text: `192.0.2.1`, RFC 5952, `00:00:5e:00:53:01` |
 * | dateTime* | ISO 8601 in UTC with 0, 3, 6 or 9 digits after the second |
 * | octetArray, lists | its octets |
 * | anything that is no value of its type | its octets |
 */
export type Value = number | bigint | boolean | string | Uint8Array;

/**
 * Decodes the octets of a field (RFC 7011 §6.1). Never throws: for a length that the type cannot have, a string that is
 * not UTF-8, a boolean that is neither 1 nor 2, or a time that no calendar has, it returns a copy of the octets, so
 * that nothing is lost.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(decodeValue("unsigned32", Uint8Array.of(1, 0)), 256); // reduced size
 * assert.equal(decodeValue("signed64", Uint8Array.of(0xff)), -1n);
 * assert.equal(decodeValue("boolean", Uint8Array.of(2)), false);
 * assert.deepEqual(decodeValue("string", Uint8Array.of(0xff)), Uint8Array.of(0xff)); // no UTF-8
 * ```
 */
export function decodeValue(type: AbstractDataType, octets: Uint8Array): Value {
  return (isLengthOfType(type, octets.length) ? decodeOfType(type, octets) : undefined) ?? octets.slice();
}

// A byte order mark is not stripped, because it is part of the value.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined if the octets are not a value of the type, though their number is right. */
function decodeOfType(type: AbstractDataType, octets: Uint8Array): Value | undefined {
  if (isDateTime(type)) return formatDateTime(type, decodeDateTime(type, octets));
  switch (type) {
    case "boolean":
      return octets[0] === 1 ? true : octets[0] === 2 ? false : undefined;
    case "float32":
    case "float64": {
      const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
      return octets.length === 4 ? view.getFloat32(0) : view.getFloat64(0);
    }
    case "string":
      try {
        return UTF8.decode(octets);
      } catch {
        return undefined;
      }
    case "ipv4Address":
      return formatIPv4(octets);
    case "ipv6Address":
      return formatIPv6(octets);
    case "macAddress":
      return formatHex(octets, ":");
    case "octetArray":
    case "basicList":
    case "subTemplateList":
    case "subTemplateMultiList":
      return undefined;
    default: {
      const integer = decodeInteger(octets, isSigned(type));
      return naturalLength(type) === 8 ? integer : Number(integer);
    }
  }
}

function decodeInteger(octets: Uint8Array, signed: boolean): bigint {
  const unsigned = octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
  return signed ? BigInt.asIntN(octets.length * 8, unsigned) : unsigned;
}

/**
 * Encodes a value in exactly the field's length; for a variable field ({@link VARIABLE_LENGTH}) in as many octets as
 * the value needs, without length octets. Takes what {@link decodeValue} returns, and also:
 *
 * - integers as number, bigint or decimal text; times as a number of the type's own unit since 1970 as well
 * - octet arrays as hexadecimal text, `0a1b` or `0a:1b`
 * - octets for any type, unchanged, even if they are not a value of the type
 *
 * @throws RangeError, which says what is allowed, if value or length do not fit the type, a string or octet array does
 *   not have the length of its fixed field, or a list is not given as octets
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(encodeValue("signed32", 2, -2), Uint8Array.of(0xff, 0xfe));
 * assert.deepEqual(encodeValue("ipv4Address", 4, "192.0.2.1"), Uint8Array.of(192, 0, 2, 1));
 * assert.throws(() => encodeValue("unsigned8", 1, 256), {
 *   name: "RangeError",
 *   message: "256 is not a valid unsigned8 of 1 octet (allowed: integers from 0 to 255)",
 * });
 * ```
 */
export function encodeValue(type: AbstractDataType, length: number, value: Value): Uint8Array {
  const octets = value instanceof Uint8Array ? value.slice() : encodeOfType(type, checkedLength(type, length), value);
  const fits = length === VARIABLE_LENGTH ? octets.length <= VARIABLE_LENGTH : octets.length === length;
  if (fits) return octets;
  const allowed = length === VARIABLE_LENGTH ? `up to ${VARIABLE_LENGTH}` : `${length}`;
  throw new RangeError(`the ${type} has ${inOctets(octets.length)} (allowed: ${allowed})`);
}

function checkedLength(type: AbstractDataType, length: number): number {
  const isLength = Number.isInteger(length) && length >= 0 && length <= VARIABLE_LENGTH;
  if (isLength && isLengthOfType(type, length)) return length;
  const natural = naturalLength(type);
  const allowed = natural === VARIABLE_LENGTH
    ? `0 to ${VARIABLE_LENGTH}`
    : Array.from({ length: natural }, (_, index) => index + 1).filter((other) => isLengthOfType(type, other)).join(
      ", ",
    );
  throw new RangeError(`${length} is not a length of ${type} (allowed: ${allowed})`);
}

function encodeOfType(type: AbstractDataType, length: number, value: Exclude<Value, Uint8Array>): Uint8Array {
  if (isDateTime(type)) {
    const time = typeof value === "string" ? parseDateTime(type, value) ?? integerOf(value) : integerOf(value);
    const unit = type.slice("dateTime".length).toLowerCase();
    const allowed =
      `UTC as 2024-01-31T23:59:59Z with no digits beyond ${unit}, or ${unit} since 1970, within the type's range`;
    return (time === undefined ? undefined : encodeDateTime(type, time)) ?? refuse(type, length, value, allowed);
  }
  switch (type) {
    case "boolean":
      if (typeof value !== "boolean") return refuse(type, length, value, "true, false");
      return Uint8Array.of(value ? 1 : 2);
    case "float32":
    case "float64":
      return encodeFloat(type, length, value);
    case "string":
      if (typeof value !== "string" || !value.isWellFormed()) {
        return refuse(type, length, value, "text of whole characters");
      }
      return new TextEncoder().encode(value);
    case "ipv4Address":
      return ofText(value, parseIPv4) ?? refuse(type, length, value, "an address as 192.0.2.1");
    case "ipv6Address":
      return ofText(value, parseIPv6) ?? refuse(type, length, value, "an address as 2001:db8::1");
    case "macAddress": {
      const octets = ofText(value, parseHex);
      return octets?.length === 6 ? octets : refuse(type, length, value, "an address as 00:00:5e:00:53:01");
    }
    case "octetArray":
      return ofText(value, parseHex) ?? refuse(type, length, value, "pairs of hexadecimal digits");
    case "basicList":
    case "subTemplateList":
    case "subTemplateMultiList":
      return refuse(type, length, value, "octets");
    default:
      return encodeInteger(type, length, value);
  }
}

function ofText(value: unknown, parse: (text: string) => Uint8Array | undefined): Uint8Array | undefined {
  return typeof value === "string" ? parse(value) : undefined;
}

function encodeFloat(type: AbstractDataType, length: number, value: Exclude<Value, Uint8Array>): Uint8Array {
  const view = new DataView(new ArrayBuffer(length));
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number") return refuse(type, length, value, "a number");
  if (length === 4 && Number.isFinite(number) && !Number.isFinite(Math.fround(number))) {
    return refuse(type, length, value, "numbers up to 3.4028235e+38");
  }
  if (length === 4) view.setFloat32(0, number);
  else view.setFloat64(0, number);
  return new Uint8Array(view.buffer);
}

function encodeInteger(type: AbstractDataType, length: number, value: Exclude<Value, Uint8Array>): Uint8Array {
  const bits = BigInt(length * 8);
  const [least, most] = isSigned(type) ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
  const integer = integerOf(value);
  if (integer === undefined || integer < least || integer > most) {
    return refuse(type, length, value, `integers from ${least} to ${most}`);
  }
  return Uint8Array.from({ length }, (_, index) => Number((integer >> BigInt((length - 1 - index) * 8)) & 0xffn));
}

/** Undefined also for numbers past 2^53, which are not exact. */
function integerOf(value: Exclude<Value, Uint8Array>): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function refuse(type: AbstractDataType, length: number, value: Value, allowed: string): never {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
  const size = length === VARIABLE_LENGTH ? "" : ` of ${inOctets(length)}`;
  throw new RangeError(`${shown} is not a valid ${type}${size} (allowed: ${allowed})`);
}

/**
 * Empty lists (RFC 6313 §4.5) of undefined semantic: a basic list of paddingOctets (210), a multi list without
 * templates.
 */
const EMPTY_LISTS: Readonly<Partial<Record<AbstractDataType, readonly number[]>>> = {
  basicList: [0xff, 0, 210, 0xff, 0xff],
  subTemplateMultiList: [0xff],
};

/**
 * The type's zero, as the value of a field that has none: integers, floats and addresses 0, times 1970 (micro- and
 * nanoseconds: NTP's zero), boolean false (2), strings and octet arrays empty or, in a field of fixed length, all zero,
 * lists of nothing.
 *
 * @throws RangeError for a length that the type or its empty list cannot have, and for subTemplateList, which must name
 *   a template
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(defaultOctets("boolean", 1), Uint8Array.of(2));
 * assert.deepEqual(defaultOctets("string", 65535), new Uint8Array());
 * ```
 */
export function defaultOctets(type: AbstractDataType, length: number): Uint8Array {
  checkedLength(type, length);
  if (isStructured(type)) {
    const list = EMPTY_LISTS[type];
    if (list === undefined) throw new RangeError(`${type} has no default (allowed: a value given as octets)`);
    return encodeValue(type, length, Uint8Array.from(list));
  }
  const octets = new Uint8Array(length === VARIABLE_LENGTH ? 0 : length);
  return type === "boolean" ? octets.fill(2) : octets;
}

function inOctets(count: number): string {
  return `${count} ${count === 1 ? "octet" : "octets"}`;
}
