/**
 * What an exporter does over one session, as a plan that shrinks well, and its octets: written by {@link ./wire.ts},
 * which shares no code with `src`.
 *
 * @module
 */
import {
  join,
  message,
  number,
  set,
  smallestRecord,
  templateRecord,
  type WireField,
  type WireTemplate,
} from "./wire.ts";

/** One set of a message. Template ids are relative to 256, so that shrinking makes them 256. */
export type SetPlan =
  | { readonly kind: "templates"; readonly templates: readonly WireTemplate[]; readonly padding: Padding }
  | { readonly kind: "withdrawal"; readonly id: number; readonly options: boolean; readonly padding: Padding }
  | {
    readonly kind: "data";
    readonly id: number;
    /** One number for each record: its values follow from it. 0: zeros and nothing. */
    readonly records: readonly number[];
    readonly padding: Padding;
  }
  | { readonly kind: "reserved"; readonly id: number; readonly octets: number };

/** Octets behind the last record: as many as fit below the smallest one. */
export interface Padding {
  readonly octets: number;
  readonly value: number;
}

/** One message; `jump`: what its sequence number is off by. */
export interface MessagePlan {
  readonly domain: number;
  readonly jump: number;
  readonly sets: readonly SetPlan[];
}

/** A session. */
export interface StreamPlan {
  readonly messages: readonly MessagePlan[];
  readonly numbers: "exclusive" | "inclusive" | "standing";
  /** First sequence number of every domain. */
  readonly first: number;
}

const LONGEST_MESSAGE = 65535;

/** Writes the messages of a plan. Sets that would make a message too long are left out. */
export function writeStream({ messages, numbers, first }: StreamPlan): Uint8Array[] {
  const templates = new Map<string, WireTemplate>();
  const next = new Map<number, number>();
  return messages.map((plan, index) => {
    const sets: Uint8Array[] = [];
    let records = 0;
    let length = 16;
    for (const one of plan.sets) {
      const written = writeSet(one, plan.domain, templates);
      if (length + written.octets.length > LONGEST_MESSAGE) continue;
      length += written.octets.length;
      sets.push(written.octets);
      written.learn();
      records += written.records;
    }
    const before = (next.get(plan.domain) ?? first) + plan.jump;
    const after = before + (numbers === "standing" ? 0 : records);
    next.set(plan.domain, after);
    const sequenceNumber = (numbers === "inclusive" ? after : before) >>> 0;
    return message({ observationDomain: plan.domain, sequenceNumber, exportTime: 1_700_000_000 + index }, ...sets);
  });
}

interface WrittenSet {
  readonly octets: Uint8Array;
  readonly records: number;
  readonly learn: () => void;
}

function writeSet(plan: SetPlan, domain: number, templates: Map<string, WireTemplate>): WrittenSet {
  const nothing = { records: 0, learn: () => {} };
  switch (plan.kind) {
    case "reserved":
      return { ...nothing, octets: set(plan.id, new Uint8Array(plan.octets).fill(plan.id)) };
    case "withdrawal": {
      const id = plan.id < 4 ? plan.id : 256 + plan.id;
      const content = join(number(id, 2), number(0, 2), padding(plan.padding, 4));
      return {
        records: 0,
        octets: set(plan.options ? 3 : 2, content),
        // Data may follow as if nothing had happened: it has no template then.
        learn: () => {},
      };
    }
    case "templates": {
      const records = plan.templates.map((template) => templateRecord({ ...template, id: 256 + template.id }));
      const id = plan.templates.some(({ scope }) => scope > 0) ? 3 : 2;
      return {
        records: 0,
        octets: set(id, join(...records, padding(plan.padding, 4))),
        learn: () => plan.templates.forEach((template) => templates.set(`${domain} ${template.id}`, template)),
      };
    }
    case "data": {
      const fields = templates.get(`${domain} ${plan.id}`)?.fields ?? [];
      const smallest = smallestRecord(fields);
      const records = smallest === 0 ? [] : plan.records.map((one) => recordOf(fields, one));
      const content = join(...records, padding(plan.padding, smallest));
      return { octets: set(256 + plan.id, content), records: records.length, learn: () => {} };
    }
  }
}

function padding({ octets, value }: Padding, below: number): Uint8Array {
  return new Uint8Array(below === 0 ? octets : octets % below).fill(value);
}

const LENGTHS = [0, 1, 3, 7, 12, 31, 33, 254, 255, 256, 300];
const LONG_LENGTHS = [1_000, 9_000, 32_000, 65_000];

/**
 * A record whose values follow from the number: extremes, texts of any length in either length form, booleans that are
 * none.
 */
function recordOf(fields: readonly WireField[], seed: number): Uint8Array {
  const random = randomOf(seed);
  return join(...fields.map(({ length }) => {
    if (length !== 65535) return valueOf(length, random);
    const roll = random(1_000);
    const octets = seed === 0
      ? 0
      : roll > 990
      ? pick(LONG_LENGTHS, random)
      : roll < 150
      ? pick(LENGTHS, random)
      : roll % 20;
    const value = valueOf(octets, random);
    const long = octets >= 255 || (seed !== 0 && random(6) === 0);
    return join(long ? join(number(255, 1), number(octets, 2)) : number(octets, 1), value);
  }));
}

function valueOf(length: number, random: (below: number) => number): Uint8Array {
  const kind = random(8);
  if (kind === 0) return new Uint8Array(length);
  if (kind === 1) return new Uint8Array(length).fill(0xff);
  if (kind === 2) return new Uint8Array(length).fill(0x80, 0, 1);
  if (kind === 3) return new Uint8Array(length).fill(1 + random(2), Math.max(0, length - 1));
  return Uint8Array.from({ length }, () => random(256));
}

function pick(from: readonly number[], random: (below: number) => number): number {
  return from[random(from.length)] ?? 0;
}

/** Numbers below the one asked for, the same ones for the same seed; only zeros for 0. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    if (seed === 0) return 0;
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
