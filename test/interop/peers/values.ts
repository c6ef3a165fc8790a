/**
 * Values for the records that peers send. Every value follows from the element's name and the number of the record,
 * and differs from its neighbours, so that a record decoded one field too early or too late never looks right.
 */
import { elementOf } from "./releases.ts";

/**
 * `typical`: the sizes that Agents send. `extreme`: zero, largest and longest values among full-width ones.
 * `short`: strings of at most eight octets, for exporters that refuse datagrams over 512 octets.
 */
export type Flavour = "typical" | "extreme" | "short";

/** `flowStartSeconds` is the first field of every template: it carries the record's number. */
const firstFlowStart = 1_700_000_000;

/** 64-bit FNV-1a, finished so that neighbouring inputs differ in all bits. */
function hash(text: string): bigint {
  let state = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    state = BigInt.asUintN(64, (state ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n);
  }
  state = BigInt.asUintN(64, (state ^ (state >> 33n)) * 0xff51afd7ed558ccdn);
  return state ^ (state >> 33n);
}

/** The value of an element in record `number`, as text. */
export function valueOf(name: string, number: number, flavour: Flavour): string {
  if (name === "flowStartSeconds") return String(firstFlowStart + number);
  const { type } = elementOf(name);
  const noise = hash(`${name} ${number}`);
  const extreme = flavour === "extreme" ? Number(noise % 6n) : -1;
  switch (type) {
    case "unsigned8":
      return integer(8, noise, extreme);
    case "unsigned16":
      return integer(16, noise, extreme);
    case "dateTimeSeconds":
      return integer(32, noise, extreme);
    case "unsigned64":
      return integer(flavour === "typical" ? 24 : 64, noise, extreme);
    case "ipv4Address":
      return extreme === 0 ? "0.0.0.0" : extreme === 1 ? "255.255.255.255" : `10.${octets(noise, 3).join(".")}`;
    case "ipv6Address":
      return extreme === 0 ? "::" : `fd00:${groups(noise).join(":")}:${groups(~noise).slice(1).join(":")}`;
    case "string":
      return text(name, number, noise, flavour, extreme);
  }
  throw new TypeError(`${name}: no values for the type ${type}`);
}

function integer(bits: number, noise: bigint, extreme: number): string {
  if (extreme === 0) return "0";
  if (extreme === 1) return String((1n << BigInt(bits)) - 1n);
  return String(BigInt.asUintN(bits, noise));
}

function octets(noise: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((noise >> BigInt(8 * index)) & 0xffn));
}

/** Four groups of an IPv6 address without leading zeros; none is 0, so that there is one way to write them. */
function groups(noise: bigint): string[] {
  return Array.from({ length: 4 }, (_, index) => (BigInt.asUintN(16, noise >> BigInt(16 * index)) | 1n).toString(16));
}

/** Longest first; 254 and 255 octets stand on both sides of the long form of RFC 7011 §7. */
const lengths = [1000, 254, 255, 256];

function text(name: string, number: number, noise: bigint, flavour: Flavour, extreme: number): string {
  if (flavour === "short") return noise.toString(36).slice(0, 8);
  const plain = `${name}-${number}`;
  if (extreme === 0) return "";
  if (extreme === 1) return plain.padEnd(lengths[number % lengths.length] ?? 0, noise.toString(36));
  // ASCII only: exporters of go-ipfix v0.5.4 to v0.7.0 write one octet for each other character.
  return extreme === 2 ? `"${plain}"\\<&>\u0000\u007f` : plain;
}

/** The value that stands for "none" in a field that a collector expects and an exporter does not send, as text. */
export function defaultOf(name: string): string {
  const { type } = elementOf(name);
  if (type === "string") return "";
  if (type === "ipv4Address") return "0.0.0.0";
  if (type === "ipv6Address") return "::";
  return "0";
}

/** The number of the record that a delivered `flowStartSeconds` belongs to; undefined if it belongs to none. */
export function numberOf(flowStartSeconds: string | undefined): number | undefined {
  const number = Number(flowStartSeconds) - firstFlowStart;
  return Number.isInteger(number) && number >= 0 ? number : undefined;
}
