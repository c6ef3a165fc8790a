/**
 * Converts the values of a flow to a data record, and back, by the fields of a template.
 *
 * @module
 */
import { VARIABLE_LENGTH } from "../../../../ipfix/types/abstract_data_type.ts";
import { formatAddress, isIPv4Mapped } from "../../../../ipfix/types/address.ts";
import { DecodeError } from "../../../../ipfix/octets/decode_error.ts";
import type { Template } from "../../../../ipfix/record/template.ts";
import { u16At } from "../../../../ipfix/octets/network_order.ts";
import { LONG_FORM_MARKER } from "../../../../ipfix/record/variable_length.ts";
import { FLOW_FIELDS, type FlowField, flowFieldAt, IP_VERSION, ROWS_BY_ELEMENT } from "./flow_fields.ts";
import type { FlowLedger } from "./flow_ledger.ts";
import type { FlowValues } from "./flow_values.ts";

const VERSION = flowFieldAt(IP_VERSION);
/** Offset of the IPv4 address in an IPv4-mapped one. */
const IPV4_MAPPED = 12;

/** A field of a template, with its row. */
interface RecordField {
  readonly name: string;
  /** Undefined if the element has no row. */
  readonly row: number | undefined;
  readonly field: FlowField | undefined;
  /** The row to use if its own is empty. */
  readonly otherwise: number | undefined;
  readonly family: 4 | 6 | undefined;
  /** Length in octets, or {@link VARIABLE_LENGTH}. */
  readonly length: number;
}

/** A template with the rows of its fields. */
export interface RecordShape {
  readonly fields: readonly RecordField[];
  /** The address family of the template. */
  readonly family: 4 | 6 | undefined;
  /** Whether it has fields of `app`. */
  readonly app: boolean;
  /** Rows whose element the template does not contain. */
  readonly missing: readonly number[];
}

/** If an element occurs twice, or in both families, the first occurrence gets the row. */
export function recordShape({ fields }: Template): RecordShape {
  const taken = new Set<number>();
  const shape = fields.map(({ element, length }): RecordField => {
    const found = ROWS_BY_ELEMENT.get(element.name);
    const { row, family } = found === undefined || taken.has(found.row) ? {} : found;
    if (row !== undefined) taken.add(row);
    const field = row === undefined ? undefined : FLOW_FIELDS[row];
    const otherwise = field?.otherwise === undefined ? undefined : flowFieldAt(field.otherwise);
    return { name: element.name, row, field, otherwise, family, length };
  });
  return {
    fields: shape,
    family: shape.find(({ field, family }) => field?.always === true && family !== undefined)?.family,
    app: shape.some(({ field }) => field?.flow.startsWith("app.")),
    missing: FLOW_FIELDS.flatMap(({ element }, row) => element === undefined || taken.has(row) ? [] : [row]),
  };
}

/**
 * Writes a record of the values. Values without a field, and values that do not fit their field, go to the ledger; a
 * field without a value is zero.
 *
 * @returns the end of the record, or -1 if it does not fit the target
 */
export function writeRecord(
  shape: RecordShape,
  values: FlowValues,
  target: Uint8Array,
  start: number,
  ledger: FlowLedger,
): number {
  let at = start;
  for (const field of shape.fields) {
    at = writeField(field, values, target, at, ledger);
    if (at < 0) return -1;
  }
  for (const row of shape.missing) {
    if (!values.isSet(row) || isStandIn(shape, row, values)) continue;
    ledger.lose(nameOf(FLOW_FIELDS[row], shape.family));
  }
  return at;
}

/** Whether the record has the value in the field that the row stands in for. */
function isStandIn({ fields }: RecordShape, row: number, values: FlowValues): boolean {
  for (const { row: own, otherwise } of fields) {
    if (otherwise === row && own !== undefined) return !values.isSet(own) || sameOctets(values, own, row);
  }
  return false;
}

function sameOctets(values: FlowValues, one: number, other: number): boolean {
  const length = values.length(one);
  if (length !== values.length(other)) return false;
  const { octets } = values;
  const [first, second] = [values.start(one), values.start(other)];
  for (let index = 0; index < length; index++) if (octets[first + index] !== octets[second + index]) return false;
  return true;
}

function nameOf(field: FlowField | undefined, family: 4 | 6 | undefined): string {
  return (field?.element ?? "").replace("?", String(family ?? 4));
}

function writeField(
  { name, row: own, field, otherwise, length }: RecordField,
  values: FlowValues,
  target: Uint8Array,
  at: number,
  ledger: FlowLedger,
): number {
  const row = own !== undefined && otherwise !== undefined && !values.isSet(own) ? otherwise : own;
  if (row === undefined || field === undefined || !values.isSet(row)) return writeDefault(length, target, at);
  switch (field.kind) {
    case "number":
    case "seconds":
    case "count":
      if (length > 8 || at + length > target.length) return -1;
      if (!writeNumber(field.kind, values, row, target, at, length)) ledger.lose(name);
      return at + length;
    case "address": {
      if (length === VARIABLE_LENGTH || at + length > target.length) return -1;
      if (!writeAddress(values, row, target, at, length)) ledger.lose(name);
      return at + length;
    }
    case "addressText": {
      const text = addressText(values, row);
      if (text === undefined) ledger.lose(name);
      return writeText(TEXT.encode(text ?? ""), 0, undefined, length, target, at);
    }
    default:
      return writeText(values.octets, values.start(row), values.length(row), length, target, at);
  }
}

const TEXT = new TextEncoder();

function writeDefault(length: number, target: Uint8Array, at: number): number {
  const octets = length === VARIABLE_LENGTH ? 1 : length;
  if (at + octets > target.length) return -1;
  target.fill(0, at, at + octets);
  return at + octets;
}

function writeNumber(
  kind: "number" | "seconds" | "count",
  values: FlowValues,
  row: number,
  target: Uint8Array,
  at: number,
  length: number,
): boolean {
  if (kind !== "count") return writeInteger(0, values.number(row), target, at, length);
  return writeInteger(values.countHigh(row), values.countLow(row), target, at, length);
}

/** 2 to the power of 8 × index. */
const LIMITS = [1, 2 ** 8, 2 ** 16, 2 ** 24, 2 ** 32];

/** Whether the integer fits into this many octets, 4 at most. */
function isBelow(integer: number, octets: number): boolean {
  return integer < (LIMITS[octets] ?? 0);
}

/**
 * Writes an unsigned integer of two words of 32 bits, the lower of which may be NaN. Returns false if it does not fit;
 * zero is then written.
 */
function writeInteger(high: number, low: number, target: Uint8Array, at: number, length: number): boolean {
  const fits = low >= 0 && (length < 4 ? high === 0 && isBelow(low, length) : isBelow(high, length - 4));
  for (let place = 0; place < length; place++) {
    target[at + length - 1 - place] = fits ? (place < 4 ? low : high) >>> (8 * (place & 3)) : 0;
  }
  return fits;
}

/** Up to this length, copying octet by octet costs less than the views that a call takes. */
const SHORT_COPY = 64;

function copyOctets(octets: Uint8Array, start: number, length: number, target: Uint8Array, at: number): void {
  if (length > SHORT_COPY) target.set(octets.subarray(start, start + length), at);
  else for (let index = 0; index < length; index++) target[at + index] = octets[start + index] ?? 0;
}

/** Writes an address in the given length, converting IPv4-mapped ones. Returns false if that is impossible. */
function writeAddress(values: FlowValues, row: number, target: Uint8Array, at: number, length: number): boolean {
  const [start, own] = [values.start(row), values.length(row)];
  const { octets } = values;
  target.fill(0, at, at + length);
  if (own === length) copyOctets(octets, start, own, target, at);
  else if (own === 4 && length === 16) {
    target[at + 10] = target[at + 11] = 0xff;
    copyOctets(octets, start, 4, target, at + IPV4_MAPPED);
  } else if (own === 16 && length === 4 && isIPv4Mapped(octets.subarray(start, start + 16))) {
    copyOctets(octets, start + IPV4_MAPPED, 4, target, at);
  } else return false;
  return true;
}

function addressText(values: FlowValues, row: number): string | undefined {
  const octets = values.octets.subarray(values.start(row), values.start(row) + values.length(row));
  return octets.length === 4 || octets.length === 16 ? formatAddress(octets) : undefined;
}

function writeText(
  octets: Uint8Array,
  start: number,
  given: number | undefined,
  field: number,
  target: Uint8Array,
  at: number,
): number {
  const length = given ?? octets.length;
  if (field !== VARIABLE_LENGTH || length >= VARIABLE_LENGTH) return -1;
  const value = at + (length < LONG_FORM_MARKER ? 1 : 3);
  if (value + length > target.length) return -1;
  if (length < LONG_FORM_MARKER) target[at] = length;
  else {
    target[at] = LONG_FORM_MARKER;
    target[at + 1] = length >> 8;
    target[at + 2] = length & 0xff;
  }
  copyOctets(octets, start, length, target, value);
  return value + length;
}

/**
 * Reads the values of a record. Values without a row, and values that do not fit their row, go to the ledger.
 *
 * @param end the end of the set
 * @returns the end of the record
 * @throws DecodeError `field_overrun` if a field extends beyond the set
 */
export function readRecord(
  shape: RecordShape,
  octets: Uint8Array,
  start: number,
  end: number,
  values: FlowValues,
  ledger: FlowLedger,
): number {
  values.clear(octets);
  values.app = shape.app;
  if (shape.family !== undefined) values.setNumber(VERSION, shape.family);
  let at = start;
  for (const { name, row, field, family, length: told } of shape.fields) {
    let length = told;
    if (told === VARIABLE_LENGTH) {
      length = octets[at++] ?? 0;
      if (length === LONG_FORM_MARKER) {
        length = u16At(octets, at);
        at += 2;
      }
    }
    if (at + length > end) throw new DecodeError("field_overrun", `${name} overruns its set`, at);
    if (row === undefined || field === undefined) {
      if (!isZero(octets, at, length)) ledger.lose(name);
    } else if (!readField(field, family, row, octets, at, length, values)) ledger.lose(name);
    at += length;
  }
  return at;
}

function isZero(octets: Uint8Array, start: number, length: number): boolean {
  for (let index = start; index < start + length; index++) if (octets[index] !== 0) return false;
  return true;
}

/** Returns false if the octets are not a value of the row. */
function readField(
  { kind }: FlowField,
  family: 4 | 6 | undefined,
  row: number,
  octets: Uint8Array,
  start: number,
  length: number,
  values: FlowValues,
): boolean {
  switch (kind) {
    case "number":
    case "seconds": {
      if (length > 4) return isZero(octets, start, length);
      let number = 0;
      for (let index = start; index < start + length; index++) number = number * 256 + (octets[index] ?? 0);
      values.setNumber(row, number);
      return true;
    }
    case "count": {
      if (length > 8) return isZero(octets, start, length);
      let count = 0n;
      for (let index = start; index < start + length; index++) count = count << 8n | BigInt(octets[index] ?? 0);
      values.setCount(row, count);
      return true;
    }
    case "address":
      if (length !== (family === 6 ? 16 : 4)) return isZero(octets, start, length);
  }
  values.setOctets(row, start, start + length);
  return true;
}
