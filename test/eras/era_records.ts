import { type Era, history } from "../support/messages/antrea.ts";
import { field, join, smallestRecord, variable, type WireField } from "../support/messages/wire.ts";

/** Octets that one message leaves for a record: 65535 less the headers of message and set. */
export const ROOM = 65535 - 16 - 4;

/** One record: its values without their lengths, and its octets. */
export interface EraRecord {
  readonly values: readonly Uint8Array[];
  readonly octets: Uint8Array;
}

/** The fields of an era's list as that release's go-ipfix writes them. */
export function fieldsOf({ releases }: Era, list: readonly string[]): readonly WireField[] {
  const version = Object.values(releases).at(-1) ?? "";
  return list.map((name) => {
    const [pen = NaN, id = NaN] = name.split("/").map(Number);
    return field(name, history.at(version).lookup(pen, id)?.length ?? NaN);
  });
}

/**
 * Zeros and nothing, all ones, largest and smallest signed, strings of 254 and 255 octets, random ones, and one that
 * fills a message.
 */
export function recordsOf(fields: readonly WireField[], seed: number): EraRecord[] {
  const random = randomOf(seed);
  const octet = () => random(256);
  const made = (value: (length: number, position: number) => Uint8Array, long = false) => {
    const values = fields.map(({ length }, position) => value(length, position));
    const octets = join(...fields.map(({ length }, position) => {
      const one = values[position] ?? new Uint8Array();
      return length === 65535 ? variable(one, long) : one;
    }));
    return { values, octets };
  };
  const filled = (strings: number, first: number, rest: number) => (length: number) =>
    new Uint8Array(length === 65535 ? strings : length).fill(rest).fill(first, 0, 1);
  const texts = fields.flatMap(({ length }, position) => length === 65535 ? [position] : []);
  const long = texts[seed % texts.length];
  const alone = (octets: number) => (length: number, position: number) =>
    Uint8Array.from({ length: length === 65535 ? (position === long ? octets : 0) : length }, octet);
  return [
    made(filled(0, 0, 0)),
    made(filled(1, 0xff, 0xff)),
    made(filled(254, 0x80, 0x00)),
    made(filled(255, 0x7f, 0xff)),
    made((length) => Uint8Array.from({ length: length === 65535 ? random(40) : length }, octet)),
    made((length) => Uint8Array.from({ length: length === 65535 ? random(300) : length }, octet), true),
    made(alone(65_000)),
    // As long as a record can be: whoever gets more fields than it has cannot get it at all.
    made(alone(ROOM - smallestRecord(fields) - 2)),
  ];
}

/** The target's octets of one value where the exporter has none: zeros, nothing, or false, which is 2. */
export function defaultOf({ pen, id, length }: WireField): Uint8Array {
  if (length === 65535) return new Uint8Array();
  return new Uint8Array(length).fill(history.newest.lookup(pen, id)?.type === "boolean" ? 2 : 0);
}

/** A number below the one asked for, the same ones for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
}
