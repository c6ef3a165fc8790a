import type { WalkLayout } from "./loop/walk_function.ts";

/**
 * A template mapping compiled: 32-bit words, followed by the octets of its constants.
 *
 * Header: [0] octets of the smallest source record, never 0 · [1] flags: 1 identity, 2 padding is kept · [2] octet at
 * which the operations begin · [3] octets by which a target record can outgrow its source at most · [4] octets of a log
 * entry · [5] octets before the first variable field · [6] octets after the last one · [7] index of the function that
 * walks such records four at a time, 0: none · [8] messages left until one is generated, 0: never.
 *
 * Walk, two words a step: skip n octets, then k variable fields; with the highest bit set, the first of those is
 * marked.
 *
 * The walk of a record leaves a log entry: one word each for where the record begins, where its marked fields begin,
 * and where it ends, which is where the next record begins.
 *
 * Operations, four words each: code (8 bits) and word of the log entry (24 bits), an offset in octets from there, which
 * may be negative; operands a and b. What is kept moves in spans. A span may have begun in an earlier record or
 * message; each operation has a place up to which it works:
 *
 * | code | operation | |
 * |---|---|---|
 * | 0 | end | |
 * | 1 | flush | writes what lies before the place |
 * | 2 | skip | leaves it out |
 * | 3 | constant | flush, then writes a octets from offset b of the program |
 * | 4 | cut variable | flush, skip a variable field; if it is not empty, count at offset a, with its length in the upper 16 bits |
 * | 5 | cut octets | flush, skip b octets; if any is not 0, count at offset a |
 * | 6 | cut boolean | flush, skip an octet; if it is true, count at offset a |
 * | 7 | copy | up to another place: word a of the log entry, b octets from there |
 * | 8, 9 | widen | the integer there from a to b octets, unsigned, signed |
 * | 10 | widen | the float32 there to float64 |
 * | 11 | to variable | a octets from there behind a length of their own |
 * | 12 | seconds to milliseconds | there |
 * | 13 | keep variable | before a cut that counts: stores the value's first {@link VALUE_LENGTH} octets at offset a of the counters |
 * | 14 | keep octets | the same for b octets |
 * | 15 | count once | adds 1 to the counter at offset b if the one at offset a is not 0, and clears that |
 * | 16 | narrow | the integer there to fewer octets; a: its octets (16 bits), those of the target (8 bits), 1 if it is signed plus 2 if the target is. If its value does not fit: count, store it, and write others instead. Offset b of the program: two words, the offsets in the counters for the count and for the value (0: not stored), then the other octets |
 *
 * If the target keeps the order of the source, kept fields are part of spans. If not, the whole record is skipped and
 * each field is copied from its place.
 */
export interface RewriteProgram {
  readonly octets: Uint8Array;
  /** Whether records go out octet for octet. */
  readonly identity: boolean;
  /** The elements whose loss is counted, in the order of their counters. The first counter is that of records. */
  readonly counted: readonly LostElement[];
  /** Whether the last value of each of them is stored after the counters: {@link valueOffset}. */
  readonly keepsValues: boolean;
  /** From which a function that walks its records is generated. */
  readonly layout: WalkLayout;
}

/**
 * An element of which at least one field is stripped, or narrowed so that a value may not fit. A record in which
 * several fields lost something counts once.
 */
export interface LostElement {
  readonly name: string;
  /**
   * Positions in the source template of those fields that have octets. Others never carry a value, and thousands of them
   * would cost each record as much as fields that do.
   */
  readonly positions: readonly number[];
  /** How many of its fields are stripped, those without octets included; the others are narrowed. */
  readonly stripped: number;
}

/** Header words that other files read, or write once the program is in the loop's memory. */
export const ProgramWord = {
  /** Octets by which a record can grow at most. */
  growth: 3,
  walkFunction: 7,
  messagesBeforeFunction: 8,
} as const;

/** Bits of a counter that count; those above hold the length of the last counted value where lengths vary. */
export const COUNT_BITS = 48;

/** Octets of a counter. */
export const COUNTER_LENGTH = 8;

/** Octets of a lost value that are stored; a multiple of {@link COUNTER_LENGTH}. */
export const VALUE_LENGTH = 64;

/**
 * Octets of a route's counters: one for records; one for each lost element; one for each of these that has several
 * fields, which counts within a record; then the values if they are stored.
 */
export function countersLength({ counted, keepsValues }: Pick<RewriteProgram, "counted" | "keepsValues">): number {
  return valueOffset({ counted }, keepsValues ? counted.length : 0);
}

/** Offset in the counters of the last lost value of the element at this index. */
export function valueOffset({ counted }: Pick<RewriteProgram, "counted">, index: number): number {
  const repeated = counted.filter(({ positions }) => positions.length > 1).length;
  return (1 + counted.length + repeated) * COUNTER_LENGTH + index * VALUE_LENGTH;
}
