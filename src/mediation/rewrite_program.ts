import { isSigned, VARIABLE_LENGTH } from "../ipfix/abstract_data_type.ts";
import { type FieldSpecifier, smallestRecordLength } from "../ipfix/template.ts";
import { sessionFactOctets, type SessionFactValues } from "./session_fact.ts";
import { isIdentity, type MappedField, type TemplateMapping } from "./template_mapping.ts";

/**
 * A template mapping compiled: 32-bit words, and the octets of its constants behind them.
 *
 * Header: [0] octets of the smallest source record, never 0 · [1] flags: 1 identity, 2 padding is kept, 4 lost values are kept ·
 * [2] octet at which the operations begin · [3] octets by which the largest target record outgrows its source.
 *
 * Walk, two words a step: skip n octets, then k fields of variable length.
 *
 * Operations, two words each: code (8 bits) and operand a (24 bits), operand b (32 bits). They go through the source record once, and
 * move what is kept in spans that may begin in the record, or the message, before:
 *
 * | code | operation | |
 * |---|---|---|
 * | 0 | end | |
 * | 1 | advance | b octets, then a fields of variable length |
 * | 2 | flush | what was advanced over goes out |
 * | 3 | skip | what was advanced over does not |
 * | 4 | constant | flush, then a octets from offset b of the program |
 * | 5 | cut variable | flush, skip a field of variable length; counter at offset a where it is not empty, with its length in the upper 16 bits |
 * | 6 | cut octets | flush, skip b octets; counter at offset a where one is not 0 |
 * | 7 | cut boolean | flush, skip an octet; counter at offset a where it is true |
 * | 8 | mark | remembers this place in slot b |
 * | 9 | copy | from slot a to slot b |
 * | 10, 11 | widen | the integer at slot a from b & 255 octets to b >> 8, unsigned, signed |
 * | 12 | widen | the float32 at slot a to float64 |
 * | 13 | to variable | b octets at slot a behind a length of their own |
 * | 14 | seconds to milliseconds | at slot a |
 * | 15 | keep variable | before a cut that counts: the value's first {@link VALUE_LENGTH} octets, at offset a of the counters |
 * | 16 | keep octets | the same for b octets |
 *
 * Where the target keeps the order of the source, a kept field is part of a span; where it does not, all fields are marked, skipped,
 * and copied from their marks.
 */
export interface RewriteProgram {
  readonly octets: Uint8Array;
  /** True: records go out octet for octet. */
  readonly identity: boolean;
  /** Source fields whose loss is counted, by position, in the order of the counters behind the first (records). */
  readonly counted: readonly number[];
  /** Whether the last value of each of them is kept behind the counters: {@link valueOffset}. */
  readonly keepsValues: boolean;
}

const HEADER_WORDS = 4;
const Operation = {
  end: 0,
  advance: 1,
  flush: 2,
  skip: 3,
  constant: 4,
  cutVariable: 5,
  cutOctets: 6,
  cutTrue: 7,
  mark: 8,
  copy: 9,
  widenUnsigned: 10,
  widenSigned: 11,
  widenFloat: 12,
  toVariable: 13,
  secondsToMilliseconds: 14,
  keepVariable: 15,
  keepOctets: 16,
} as const;

/** ::ffff:0:0/96, which makes an IPv6 address of an IPv4 address (RFC 4291 §2.5.5.2). */
const IPV4_MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Octets by which a record may grow: what it may be at all, twice, so that a buffer of fixed size can take any. */
const LARGEST_GROWTH = 2 * 65535;

/** Bits of a counter that count; those above keep the length of the last value that was counted, where lengths vary. */
export const COUNT_BITS = 48;

/** Octets of a counter. */
export const COUNTER_LENGTH = 8;

/** Octets of a lost value that are kept; a multiple of {@link COUNTER_LENGTH}. */
export const VALUE_LENGTH = 64;

/** Octets of a route's counters: records, and one for each counted field; then the values, where they are kept. */
export function countersLength({ counted, keepsValues }: Pick<RewriteProgram, "counted" | "keepsValues">): number {
  return (counted.length + 1) * COUNTER_LENGTH + (keepsValues ? counted.length * VALUE_LENGTH : 0);
}

/** Offset in the counters of the last lost value of the counted field at this index. */
export function valueOffset({ counted }: Pick<RewriteProgram, "counted">, index: number): number {
  return (counted.length + 1) * COUNTER_LENGTH + index * VALUE_LENGTH;
}

/**
 * Compiles a mapping that has been checked, for sessions with these facts.
 *
 * @param keepPadding whether an identity program leaves padding at the end of sets
 * @param keepValues whether the last value of each lost field is kept
 * @throws RangeError for a source template whose records have no octets: a loop over them would not end; for records that might
 *   outgrow any message by far
 */
export function compileMapping(
  mapping: TemplateMapping,
  facts: SessionFactValues,
  keepPadding: boolean,
  keepValues = false,
): RewriteProgram {
  const { source } = mapping;
  const smallest = smallestRecordLength(source);
  if (smallest === 0) throw new RangeError("a record of no octets");
  const identity = isIdentity(mapping);
  const counted = identity ? [] : lostFields(mapping);
  const keepsValues = keepValues && counted.length > 0;
  const emitter = new Emitter(mapping.source.fields, facts, counted, keepsValues);
  if (keepsOrder(mapping.fields)) emitInOrder(emitter, mapping.fields);
  else emitReordered(emitter, mapping.fields);
  emitter.operation(Operation.end);
  const growth = emitter.growth + repeatedOctets(mapping);
  if (growth > LARGEST_GROWTH) throw new RangeError(`a record that may grow by ${growth} octets`);

  const walk = walkOf(source.fields);
  const operationsAt = (HEADER_WORDS + walk.length) * 4;
  const constantsAt = operationsAt + emitter.words.length * 4;
  for (const word of emitter.constantOffsets) emitter.words[word] = (emitter.words[word] ?? 0) + constantsAt;
  const flags = identity ? (keepPadding ? 3 : 1) : keepsValues ? 4 : 0;
  const words = Uint32Array.from([smallest, flags, operationsAt, growth, ...walk, ...emitter.words]);
  const octets = new Uint8Array(constantsAt + emitter.constants.length);
  octets.set(new Uint8Array(words.buffer));
  octets.set(emitter.constants, constantsAt);
  return { octets, identity, counted, keepsValues };
}

/** Source fields that no target field takes its value from: what their records carried is lost. */
export function lostFields(mapping: TemplateMapping): number[] {
  const used = new Set<number>();
  for (const { value } of mapping.fields) if (value.from === "record") used.add(value.index);
  return mapping.source.fields.map((_, index) => index).filter((index) => !used.has(index));
}

/** Octets that source fields used more than once add to a record, at the most. */
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

/** Whether the values that come from the record come in its own order, each once. */
function keepsOrder(fields: readonly MappedField[]): boolean {
  let last = -1;
  for (const { value } of fields) {
    if (value.from !== "record") continue;
    if (value.index <= last) return false;
    last = value.index;
  }
  return true;
}

/** Steps of skipping: so many octets, then so many fields of variable length. */
function walkOf(fields: readonly FieldSpecifier[]): number[] {
  const steps: number[] = [];
  let octets = 0;
  let variable = 0;
  for (const field of fields) {
    if (field.length === VARIABLE_LENGTH) variable++;
    else if (variable === 0) octets += field.length;
    else {
      steps.push(octets, variable);
      octets = field.length;
      variable = 0;
    }
  }
  steps.push(octets, variable);
  return steps;
}

/** One walk through the source; what is kept moves in spans. */
function emitInOrder(emitter: Emitter, fields: readonly MappedField[]): void {
  let next = 0;
  const cutTo = (index: number) => {
    for (; next < index; next++) emitter.cut(next);
  };
  for (const field of fields) {
    if (field.value.from !== "record") {
      emitter.made(field);
      continue;
    }
    const { index, convert } = field.value;
    cutTo(index);
    next = index + 1;
    if (convert === undefined) emitter.advance(index, next);
    else {
      emitter.operation(Operation.flush);
      emitter.operation(Operation.mark, 0, 0);
      emitter.advance(index, next);
      emitter.operation(Operation.mark, 0, 1);
      emitter.operation(Operation.skip);
      emitter.converted(field, 0, 1);
    }
  }
  cutTo(emitter.source.length);
}

/** First all places that are needed are marked and losses counted, then each target field is made from its marks. */
function emitReordered(emitter: Emitter, fields: readonly MappedField[]): void {
  const runs = runsOf(fields);
  const slots = new Map<number, number>();
  for (const boundary of boundariesOf(runs)) slots.set(boundary, slots.size);
  const slot = (boundary: number): number => {
    const found = slots.get(boundary);
    if (found === undefined) throw new RangeError(`boundary ${boundary} is not marked`);
    return found;
  };
  emitter.operation(Operation.flush);
  for (let position = 0; position <= emitter.source.length; position++) {
    const marked = slots.get(position);
    if (marked !== undefined) emitter.operation(Operation.mark, 0, marked);
    if (position === emitter.source.length) break;
    if (emitter.isCounted(position)) {
      emitter.operation(Operation.skip);
      emitter.cut(position);
    } else emitter.advance(position, position + 1);
  }
  emitter.operation(Operation.skip);
  for (const run of runs) {
    if ("last" in run) emitter.operation(Operation.copy, slot(run.first), slot(run.last + 1));
    else if (run.value.from !== "record") emitter.made(run);
    else emitter.converted(run, slot(run.value.index), slot(run.value.index + 1));
  }
}

/** Target fields that are made in one operation: neighbours that were neighbours and stay as they are, or one other field. */
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

/** Boundaries (0: before the first field) at which some run begins or ends. */
function boundariesOf(runs: readonly Run[]): Set<number> {
  const needed = new Set<number>();
  for (const run of runs) {
    if ("last" in run) needed.add(run.first).add(run.last + 1);
    else if (run.value.from === "record") needed.add(run.value.index).add(run.value.index + 1);
  }
  return needed;
}

/** Collects operations. */
class Emitter {
  readonly words: number[] = [];
  readonly constantOffsets: number[] = [];
  constants: Uint8Array = new Uint8Array(0);
  growth = 0;
  readonly #counters: ReadonlyMap<number, number>;
  /** Word of the advance that is being collected; undefined: the next begins another. */
  #advancing: number | undefined;

  constructor(
    readonly source: readonly FieldSpecifier[],
    readonly facts: SessionFactValues,
    readonly counted: readonly number[],
    readonly keepsValues: boolean,
  ) {
    this.#counters = new Map(counted.map((position, index) => [position, (index + 1) * COUNTER_LENGTH]));
  }

  isCounted(position: number): boolean {
    return this.#counters.has(position);
  }

  operation(code: number, a = 0, b = 0): void {
    this.#advancing = undefined;
    this.words.push(code | a << 8, b);
  }

  /** Past these source fields. */
  advance(from: number, to: number): void {
    for (let position = from; position < to; position++) {
      const { length } = this.#field(position);
      if (length === VARIABLE_LENGTH) {
        if (this.#advancing === undefined) this.#beginAdvance();
        if (this.#advancing !== undefined) this.words[this.#advancing] = (this.words[this.#advancing] ?? 0) + (1 << 8);
        continue;
      }
      // Octets come before fields of variable length.
      if (this.#advancing === undefined || (this.words[this.#advancing] ?? 0) >>> 8 > 0) this.#beginAdvance();
      if (this.#advancing !== undefined) {
        this.words[this.#advancing + 1] = (this.words[this.#advancing + 1] ?? 0) + length;
      }
    }
  }

  /** A lost field. The ledger counts it where it carried something else than its type's default. */
  cut(position: number): void {
    const { element, length } = this.#field(position);
    const counter = this.#counters.get(position);
    if (counter === undefined) throw new RangeError(`source field ${position} is not lost`);
    if (length === 0) return;
    // What a boolean was is known from its being counted.
    if (this.keepsValues && !(element.type === "boolean" && length === 1)) {
      const at = valueOffset(this, counter / COUNTER_LENGTH - 1);
      if (length === VARIABLE_LENGTH) this.operation(Operation.keepVariable, at);
      else this.operation(Operation.keepOctets, at, length);
    }
    if (length === VARIABLE_LENGTH) this.operation(Operation.cutVariable, counter);
    else if (element.type === "boolean" && length === 1) this.operation(Operation.cutTrue, counter);
    else this.operation(Operation.cutOctets, counter, length);
  }

  /** A field of which nothing comes from the record. */
  made({ target, value }: MappedField): void {
    if (value.from === "constant") {
      this.#constant(target.length === VARIABLE_LENGTH ? withLength(value.octets) : value.octets);
    } else if (value.from === "session") this.#constant(sessionFactOctets(value.fact, this.facts));
  }

  /** A field whose source lies between two marks. */
  converted({ target, value }: MappedField, first: number, last: number): void {
    if (value.from !== "record") throw new RangeError("a conversion needs a source field");
    const field = this.#field(value.index);
    switch (value.convert) {
      case "to-variable":
        this.operation(Operation.toVariable, first, field.length);
        this.growth += field.length < 255 ? 1 : 3;
        break;
      case "seconds-to-milliseconds":
        this.operation(Operation.secondsToMilliseconds, first);
        this.growth += 4;
        break;
      case "ipv4-to-ipv6":
        this.#constant(IPV4_MAPPED);
        this.operation(Operation.copy, first, last);
        break;
      case "widen": {
        const type = field.element.known ? field.element.type : target.element.type;
        if (type === "float32" || type === "float64") this.operation(Operation.widenFloat, first);
        else {
          const code = isSigned(type) ? Operation.widenSigned : Operation.widenUnsigned;
          this.operation(code, first, field.length | target.length << 8);
        }
        this.growth += target.length - field.length;
        break;
      }
      case undefined:
        throw new RangeError("a field that stays as it is belongs to a run");
    }
  }

  #beginAdvance(): void {
    this.operation(Operation.advance);
    this.#advancing = this.words.length - 2;
  }

  #constant(octets: Uint8Array): void {
    this.operation(Operation.constant, octets.length, this.constants.length);
    this.constantOffsets.push(this.words.length - 1);
    const all = new Uint8Array(this.constants.length + octets.length);
    all.set(this.constants);
    all.set(octets, this.constants.length);
    this.constants = all;
    this.growth += octets.length;
  }

  #field(position: number): FieldSpecifier {
    const field = this.source[position];
    if (field === undefined) throw new RangeError(`there is no source field ${position}`);
    return field;
  }
}

/** The octets behind their length (RFC 7011 §7). */
function withLength(octets: Uint8Array): Uint8Array {
  const prefix = octets.length < 255 ? [octets.length] : [255, octets.length >> 8, octets.length & 0xff];
  return Uint8Array.from([...prefix, ...octets]);
}
