import type { AbstractDataType } from "./abstract_data_type.ts";

/** The types that hold a time. */
export type DateTimeType = Extract<AbstractDataType, `dateTime${string}`>;

/** Whether the type holds a time. */
export function isDateTime(type: AbstractDataType): type is DateTimeType {
  return type in DIGITS;
}

/** Digits of a second that each type has. */
const DIGITS: Readonly<Record<DateTimeType, number>> = {
  dateTimeSeconds: 0,
  dateTimeMilliseconds: 3,
  dateTimeMicroseconds: 6,
  dateTimeNanoseconds: 9,
};

/** Seconds from NTP's first epoch, 1900, to 1970. */
const NTP_EPOCH = 2208988800n;

/** Fractions below 2^11 are noise in dateTimeMicroseconds and ignored (RFC 7011 §6.1.9). */
const MICROSECOND_GRAIN = 1n << 11n;

/** The last moment that a Date can hold, in milliseconds since 1970, either way. */
const DATE_LIMIT = 8_640_000_000_000_000n;

/**
 * Decodes a time, in the type's own unit since 1970.
 *
 * NTP's seconds wrap every 136 years: as in RFC 4330 §3, the highest bit set means 1968 to 2036, else 2036 to 2104.
 *
 * @param octets as many as the type has (RFC 7011 §6.1.7 to §6.1.10)
 */
export function decodeDateTime(type: DateTimeType, octets: Uint8Array): bigint {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (type === "dateTimeSeconds") return BigInt(view.getUint32(0));
  if (type === "dateTimeMilliseconds") return view.getBigUint64(0);
  const seconds = BigInt(view.getUint32(0));
  const era = seconds < 1n << 31n ? 1n << 32n : 0n;
  const grain = type === "dateTimeMicroseconds" ? MICROSECOND_GRAIN : 1n;
  const fraction = BigInt(view.getUint32(4)) / grain * grain;
  const unit = unitsOfSecond(type);
  return (seconds + era - NTP_EPOCH) * unit + ((fraction * unit) >> 32n);
}

/**
 * Encodes a time given in the type's own unit since 1970; undefined if the type cannot hold it. {@link decodeDateTime}
 * returns the same number.
 */
export function encodeDateTime(type: DateTimeType, time: bigint): Uint8Array | undefined {
  const octets = new Uint8Array(type === "dateTimeSeconds" ? 4 : 8);
  const view = new DataView(octets.buffer);
  if (type === "dateTimeSeconds" || type === "dateTimeMilliseconds") {
    if (time < 0n || time >= 1n << BigInt(octets.length * 8)) return undefined;
    if (type === "dateTimeSeconds") view.setUint32(0, Number(time));
    else view.setBigUint64(0, time);
    return octets;
  }
  const unit = unitsOfSecond(type);
  const sinceNtp = time + NTP_EPOCH * unit;
  const seconds = sinceNtp / unit;
  if (sinceNtp < 0n || seconds < 1n << 31n || seconds >= 3n << 31n) return undefined;
  const grain = type === "dateTimeMicroseconds" ? MICROSECOND_GRAIN : 1n;
  // Rounded up, since reading rounds down.
  const fraction = (((sinceNtp % unit) << 32n) + unit * grain - 1n) / (unit * grain) * grain;
  view.setUint32(0, Number(BigInt.asUintN(32, seconds)));
  view.setUint32(4, Number(fraction));
  return octets;
}

/**
 * The ISO 8601 text of a time in the type's own unit, with the type's number of digits after the second; undefined past
 * the year 275760.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(formatDateTime("dateTimeSeconds", 1700000000n), "2023-11-14T22:13:20Z");
 * assert.equal(formatDateTime("dateTimeMicroseconds", 1700000000000001n), "2023-11-14T22:13:20.000001Z");
 * ```
 */
export function formatDateTime(type: DateTimeType, time: bigint): string | undefined {
  const unit = unitsOfSecond(type);
  // The rest is never negative, so that times before 1970 come out right.
  const rest = ((time % unit) + unit) % unit;
  const milliseconds = (time - rest) / unit * 1000n;
  if (milliseconds > DATE_LIMIT || milliseconds < -DATE_LIMIT) return undefined;
  const text = new Date(Number(milliseconds)).toISOString().slice(0, -".000Z".length);
  return DIGITS[type] === 0 ? `${text}Z` : `${text}.${rest.toString().padStart(DIGITS[type], "0")}Z`;
}

const FORM = /^((?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/;

/**
 * Parses ISO 8601 in UTC, as {@link formatDateTime} writes it, into the type's own unit since 1970; undefined for
 * anything else and for more digits than the type has.
 */
export function parseDateTime(type: DateTimeType, text: string): bigint | undefined {
  const match = FORM.exec(text);
  const [, seconds = "", digits = ""] = match ?? [];
  if (match === null || digits.length > DIGITS[type]) return undefined;
  const milliseconds = Date.parse(`${seconds}Z`);
  // Date.parse takes the 30th of February as the 1st of March.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(seconds)) return undefined;
  return BigInt(milliseconds) / 1000n * unitsOfSecond(type) + BigInt(digits.padEnd(DIGITS[type], "0") || "0");
}

function unitsOfSecond(type: DateTimeType): bigint {
  return 10n ** BigInt(DIGITS[type]);
}
