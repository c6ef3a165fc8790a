import { isSigned, VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { type FieldSpecifier, smallestRecordLength } from "../../ipfix/record/template.ts";
import { entryWords, type Place, Places } from "./record_places.ts";
import type { WalkLayout } from "./loop/walk_function.ts";
import { narrowedSigns, readType } from "../mapping/conversion.ts";
import { sessionFactOctets, type SessionFactValues } from "../mapping/session_fact.ts";
import { complete, endStep, type Steps } from "../mapping/chain/steps.ts";
import { isIdentity, type MappedField, type TemplateMapping } from "../mapping/template_mapping.ts";

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
 * An element of which at least one field is stripped, or narrowed so that a value may not fit. A record in which several
 * fields lost something counts once.
 */
export interface LostElement {
  readonly name: string;
  /** Positions in the source template. */
  readonly positions: readonly number[];
  /** How many of the positions are stripped; the others are narrowed. */
  readonly stripped: number;
}

/** Header words that other files read, or write once the program is in the loop's memory. */
export const ProgramWord = {
  /** Octets by which a record can grow at most. */
  growth: 3,
  walkFunction: 7,
  messagesBeforeFunction: 8,
} as const;

const HEADER_WORDS = 9;
const OPERATION_WORDS = 4;
const MARKED = 0x80000000;
const Operation = {
  end: 0,
  flush: 1,
  skip: 2,
  constant: 3,
  cutVariable: 4,
  cutOctets: 5,
  cutTrue: 6,
  copy: 7,
  widenUnsigned: 8,
  widenSigned: 9,
  widenFloat: 10,
  toVariable: 11,
  secondsToMilliseconds: 12,
  keepVariable: 13,
  keepOctets: 14,
  countOnce: 15,
  narrow: 16,
} as const;

/** ::ffff:0:0/96, which makes an IPv6 address of an IPv4 address (RFC 4291 §2.5.5.2). */
const IPV4_MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Octets by which a record may grow at most: twice the longest record, so that a buffer of fixed size can take any. */
const LARGEST_GROWTH = 2 * 65535;

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

/**
 * Compiles a mapping that has been checked, for sessions with these facts.
 *
 * @param keepPadding whether an identity program keeps the padding at the end of sets
 * @param keepValues whether the last value of each lost field is stored
 * @throws RangeError for a source template whose records have no octets, since a loop over them would not end; for
 *   records that could grow by more than two messages
 */
export function compileMapping(
  mapping: TemplateMapping,
  facts: SessionFactValues,
  keepPadding: boolean,
  keepValues = false,
): RewriteProgram {
  return complete(compileSteps(mapping, facts, keepPadding, keepValues));
}

/** As {@link compileMapping}, in steps. */
export function* compileSteps(
  mapping: TemplateMapping,
  facts: SessionFactValues,
  keepPadding: boolean,
  keepValues: boolean,
): Steps<RewriteProgram> {
  const { source } = mapping;
  const { length } = source.fields;
  const smallest = smallestRecordLength(source);
  if (smallest === 0) throw new RangeError("a record of no octets");
  const identity = isIdentity(mapping);
  const counted = identity ? [] : lostElements(mapping);
  const keepsValues = keepValues && counted.length > 0;
  yield* endStep(length);
  const emitter = new Emitter(source.fields, facts, counted, keepsValues);
  if (keepsOrder(mapping.fields)) emitInOrder(emitter, mapping.fields);
  else emitReordered(emitter, mapping.fields, lostFields(mapping));
  emitter.countOnce();
  const growth = emitter.growth + repeatedOctets(mapping);
  if (growth > LARGEST_GROWTH) throw new RangeError(`a record that may grow by ${growth} octets`);

  yield* endStep(length);
  const { places } = emitter;
  const marks = places.marks();
  const walk = walkOf(source.fields, marks);
  const operationsAt = (HEADER_WORDS + walk.length) * 4;
  const constantsAt = operationsAt + emitter.length;
  const operations = emitter.words(marks, constantsAt);
  const flags = identity ? (keepPadding ? 3 : 1) : 0;
  const { leading, gaps, trailing } = places;
  const header = [smallest, flags, operationsAt, growth, (marks.length + 1) * 4, leading, trailing, 0, 0];
  const words = Uint32Array.from([...header, ...walk, ...operations]);
  const octets = new Uint8Array(constantsAt + emitter.constantsLength);
  octets.set(new Uint8Array(words.buffer));
  emitter.putConstants(octets, constantsAt);
  return { octets, identity, counted, keepsValues, layout: { leading, gaps, marks } };
}

/** Positions of the source fields that no target field takes its value from, so that what they carried is lost. */
export function lostFields(mapping: TemplateMapping): number[] {
  const used = new Set<number>();
  for (const { value } of mapping.fields) if (value.from === "record") used.add(value.index);
  return mapping.source.fields.map((_, index) => index).filter((index) => !used.has(index));
}

/** Positions of the source fields that are narrowed, so that a value may not fit. */
function narrowedFields({ fields }: TemplateMapping): ReadonlySet<number> {
  const narrowed = new Set<number>();
  for (const { value } of fields) if (value.from === "record" && value.convert === "narrow") narrowed.add(value.index);
  return narrowed;
}

/** The fields that may lose a value by the name of their element, in the order of the first of each. */
function lostElements(mapping: TemplateMapping): LostElement[] {
  const stripped = lostFields(mapping);
  const all = [...stripped, ...narrowedFields(mapping)].sort((one, other) => one - other);
  const isStripped = new Set(stripped);
  return [...Map.groupBy(all, (position) => mapping.source.fields[position]?.element.name ?? "")].map(
    ([name, positions]) => ({
      name,
      positions,
      stripped: positions.filter((position) => isStripped.has(position)).length,
    }),
  );
}

/** Octets that source fields used more than once add to a record at most. */
function repeatedOctets(mapping: TemplateMapping): number {
  const used = new Set<number>();
  let octets = 0;
  for (const { value } of mapping.fields) {
    if (value.from !== "record") continue;
    if (used.has(value.index)) octets += mapping.source.fields[value.index]?.length ?? 0;
    used.add(value.index);
  }
  return octets;
}

/** Whether the values taken from the record are in its own order, each at most once. */
function keepsOrder(fields: readonly MappedField[]): boolean {
  let last = -1;
  for (const { value } of fields) {
    if (value.from !== "record") continue;
    if (value.index <= last) return false;
    last = value.index;
  }
  return true;
}

/** The walk's steps, two numbers each: octets to skip, then variable fields, of which the first may be marked. */
function walkOf(fields: readonly FieldSpecifier[], marks: readonly number[]): number[] {
  const marked = new Set(marks);
  const steps: number[] = [];
  let [octets, variable, begun] = [0, 0, 0];
  for (const field of fields) {
    const isVariable = field.length === VARIABLE_LENGTH;
    if (variable > 0 && (!isVariable || marked.has(begun))) {
      steps.push(octets, variable);
      octets = variable = 0;
    }
    if (!isVariable) octets += field.length;
    else variable += 1 + (marked.has(begun++) ? MARKED : 0);
  }
  steps.push(octets, variable);
  return steps;
}

/** Operations for a target in the source's order: what is kept moves in spans. */
function emitInOrder(emitter: Emitter, fields: readonly MappedField[]): void {
  let next = 0;
  const cutTo = (index: number) => {
    for (; next < index; next++) emitter.cut(next);
  };
  for (const field of fields) {
    if (field.value.from !== "record") {
      emitter.made(field, next);
      continue;
    }
    const { index, convert } = field.value;
    cutTo(index);
    next = index + 1;
    if (convert === undefined) continue;
    emitter.operation(Operation.flush, index);
    emitter.converted(field, index);
    emitter.operation(Operation.skip, next);
  }
  cutTo(emitter.source.length);
}

/**
 * Operations for a target in another order: losses are counted first, then each target field is written from its place.
 */
function emitReordered(emitter: Emitter, fields: readonly MappedField[], lost: readonly number[]): void {
  const end = emitter.source.length;
  emitter.operation(Operation.flush, 0);
  for (const position of lost) {
    emitter.operation(Operation.skip, position);
    emitter.cut(position);
  }
  emitter.operation(Operation.skip, end);
  for (const run of runsOf(fields)) {
    if ("last" in run) emitter.copy(run.first, run.last + 1);
    else if (run.value.from !== "record") emitter.made(run, end);
    else emitter.converted(run, end);
  }
}

/**
 * Target fields written in one operation: unchanged fields that are neighbours in both templates, or one other field.
 */
type Run = { readonly first: number; readonly last: number } | MappedField;

function runsOf(fields: readonly MappedField[]): Run[] {
  const runs: Run[] = [];
  for (const field of fields) {
    if (field.value.from !== "record" || field.value.convert !== undefined) {
      runs.push(field);
      continue;
    }
    const { index } = field.value;
    const before = runs.at(-1);
    if (before !== undefined && "last" in before && before.last + 1 === index) {
      runs[runs.length - 1] = { first: before.first, last: index };
    } else runs.push({ first: index, last: index });
  }
  return runs;
}

/** An operation whose places are not resolved to words of a log entry yet. */
interface PlacedOperation {
  readonly code: number;
  readonly place: Place;
  readonly a: number | Place;
  readonly b: number;
}

/**
 * Collects operations. A position is that of a source field and stands for where it begins; after the last one, for the
 * record's end.
 */
class Emitter {
  /** Octets of all constants. */
  constantsLength = 0;
  growth = 0;
  readonly places: Places;
  readonly #operations: PlacedOperation[] = [];
  readonly #constants: Uint8Array[] = [];
  /** Position of a field that may lose its value → index of its element, and offset of the counter that adds to. */
  readonly #counters = new Map<number, { readonly element: number; readonly offset: number }>();
  /** Offset of what counts an element's fields within a record → offset of the element's counter. */
  readonly #repeated = new Map<number, number>();

  constructor(
    readonly source: readonly FieldSpecifier[],
    readonly facts: SessionFactValues,
    readonly counted: readonly LostElement[],
    readonly keepsValues: boolean,
  ) {
    this.places = new Places(source);
    for (const [element, { positions }] of counted.entries()) {
      let offset = (1 + element) * COUNTER_LENGTH;
      if (positions.length > 1) {
        const within = (1 + counted.length + this.#repeated.size) * COUNTER_LENGTH;
        this.#repeated.set(within, offset);
        offset = within;
      }
      for (const position of positions) this.#counters.set(position, { element, offset });
    }
  }

  /** Octets of the operations, including the one that ends them. */
  get length(): number {
    return (this.#operations.length + 1) * OPERATION_WORDS * 4;
  }

  /** The operations as 32-bit words. @param constantsAt octet of the program at which the constants begin */
  words(marks: readonly number[], constantsAt: number): number[] {
    const wordOf = entryWords(marks);
    const words: number[] = [];
    for (const { code, place, a, b } of this.#operations) {
      words.push(code | wordOf(place) << 8, place.offset);
      if (typeof a !== "number") words.push(wordOf(a), a.offset);
      else words.push(a, code === Operation.constant || code === Operation.narrow ? b + constantsAt : b);
    }
    words.push(Operation.end, 0, 0, 0);
    return words;
  }

  /** Puts the octets of all constants there, one behind the other. */
  putConstants(into: Uint8Array, at: number): void {
    for (const octets of this.#constants) {
      into.set(octets, at);
      at += octets.length;
    }
  }

  operation(code: number, position: number, a = 0, b = 0): void {
    this.#operations.push({ code, place: this.places.of(position), a, b });
  }

  /** Writes what lies between two places. */
  copy(from: number, to: number): void {
    this.#operations.push({ code: Operation.copy, place: this.places.of(from), a: this.places.of(to), b: 0 });
  }

  /** Leaves a field out. The ledger counts it when it carried something other than its type's default. */
  cut(position: number): void {
    const { element, length } = this.#field(position);
    const counter = this.#counters.get(position);
    if (counter === undefined) throw new RangeError(`source field ${position} is not lost`);
    const { offset } = counter;
    if (length === 0) return;
    // A boolean is counted only when it is true, so its value need not be stored.
    if (this.keepsValues && !(element.type === "boolean" && length === 1)) {
      const at = valueOffset(this, counter.element);
      if (length === VARIABLE_LENGTH) this.operation(Operation.keepVariable, position, at);
      else this.operation(Operation.keepOctets, position, at, length);
    }
    if (length === VARIABLE_LENGTH) this.operation(Operation.cutVariable, position, offset);
    else if (element.type === "boolean" && length === 1) this.operation(Operation.cutTrue, position, offset);
    else this.operation(Operation.cutOctets, position, offset, length);
  }

  /** Counts a record, whose fields have all been cut, once for each element of which several fields are lost. */
  countOnce(): void {
    for (const [within, counter] of this.#repeated) {
      this.operation(Operation.countOnce, this.source.length, within, counter);
    }
  }

  /**
   * Writes a field whose value does not come from the record.
   *
   * @param at position before which everything is written or skipped
   */
  made({ target, value }: MappedField, at: number): void {
    if (value.from === "constant") {
      this.#constant(target.length === VARIABLE_LENGTH ? withLength(value.octets) : value.octets, at);
    } else if (value.from === "session") this.#constant(sessionFactOctets(value.fact, this.facts), at);
  }

  /** Writes a field whose source is converted. @param at as for {@link made} */
  converted({ target, value }: MappedField, at: number): void {
    if (value.from !== "record") throw new RangeError("a conversion needs a source field");
    const { index, convert } = value;
    const field = this.#field(index);
    switch (convert) {
      case "to-variable":
        this.operation(Operation.toVariable, index, field.length);
        this.growth += field.length < 255 ? 1 : 3;
        break;
      case "seconds-to-milliseconds":
        this.operation(Operation.secondsToMilliseconds, index);
        this.growth += 4;
        break;
      case "ipv4-to-ipv6":
        this.#constant(IPV4_MAPPED, at);
        this.copy(index, index + 1);
        break;
      case "widen": {
        const type = field.element.known ? readType(field, target.element) : target.element.type;
        if (type === "float32" || type === "float64") this.operation(Operation.widenFloat, index);
        else {
          const code = isSigned(type) ? Operation.widenSigned : Operation.widenUnsigned;
          this.operation(code, index, field.length, target.length);
        }
        this.growth += target.length - field.length;
        break;
      }
      case "narrow":
        this.#narrowed(index, field, target, value.otherwise ?? new Uint8Array(target.length));
        break;
      case undefined:
        throw new RangeError("a field without conversion belongs to a run");
    }
  }

  #narrowed(position: number, field: FieldSpecifier, target: FieldSpecifier, otherwise: Uint8Array): void {
    const signs = narrowedSigns(field, target);
    const counter = this.#counters.get(position);
    if (signs === undefined || counter === undefined) throw new RangeError(`source field ${position} is not narrowed`);
    const value = this.keepsValues ? valueOffset(this, counter.element) : 0;
    const operand = field.length | target.length << 16 | ((signs.source ? 1 : 0) + (signs.target ? 2 : 0)) << 24;
    const offsets = new Uint8Array(Uint32Array.of(counter.offset, value).buffer);
    this.operation(Operation.narrow, position, operand, this.#store(Uint8Array.of(...offsets, ...otherwise)));
  }

  #constant(octets: Uint8Array, at: number): void {
    this.operation(Operation.constant, at, octets.length, this.#store(octets));
    this.growth += octets.length;
  }

  /** Puts octets among the constants. @returns the offset at which they begin there */
  #store(octets: Uint8Array): number {
    const offset = this.constantsLength;
    this.#constants.push(octets);
    this.constantsLength += octets.length;
    return offset;
  }

  #field(position: number): FieldSpecifier {
    const field = this.source[position];
    if (field === undefined) throw new RangeError(`there is no source field ${position}`);
    return field;
  }
}

/** The octets after their length octets (RFC 7011 §7). */
function withLength(octets: Uint8Array): Uint8Array {
  const prefix = octets.length < 255 ? [octets.length] : [255, octets.length >> 8, octets.length & 0xff];
  return Uint8Array.from([...prefix, ...octets]);
}
