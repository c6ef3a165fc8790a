import { isSigned, VARIABLE_LENGTH } from "../ipfix/abstract_data_type.ts";
import { type FieldSpecifier, smallestRecordLength } from "../ipfix/template.ts";
import { sessionFactOctets, type SessionFactValues } from "./session_fact.ts";
import { isIdentity, type MappedField, type TemplateMapping } from "./template_mapping.ts";

/**
 * A template mapping compiled: a flat list of 32-bit words, and the octets of its constants behind them.
 *
 * Header: [0] octets of the smallest source record, never 0 · [1] flags: 1 identity, 2 padding is kept · [2] octet at which the emit
 * operations begin · [3] octets by which the largest target record outgrows its source.
 *
 * Walk, two words a step: skip n octets, then k fields of variable length; the place reached is the next boundary. Boundary 0 is the
 * record's first octet.
 *
 * Emit, an operation code and its operands (b: boundary, o: octet offset in the program, c: octet offset in the route's counters):
 * `1 b b` copy from boundary to boundary · `2 o n` constant · `3 b n m`, `4 b n m` widen n octets to m, unsigned and signed · `5 b` float32 to
 * float64 · `6 b n` n octets behind a length of their own · `7 b` seconds to milliseconds · `8 b b c` count where an octet is not 0 · `9 b c`
 * count where a variable field is not empty · `10 b c` count where a boolean is true · `0` end.
 */
export interface RewriteProgram {
  readonly octets: Uint8Array;
  /** True: records go out octet for octet. */
  readonly identity: boolean;
  /** Source fields whose loss is counted, by position, in the order of the counters behind the first (records). */
  readonly counted: readonly number[];
}

const HEADER_WORDS = 4;
const Operation = {
  end: 0,
  copy: 1,
  constant: 2,
  widenUnsigned: 3,
  widenSigned: 4,
  widenFloat: 5,
  toVariable: 6,
  secondsToMilliseconds: 7,
  countOctets: 8,
  countVariable: 9,
  countTrue: 10,
} as const;

/** ::ffff:0:0/96, which makes an IPv6 address of an IPv4 address (RFC 4291 §2.5.5.2). */
const IPV4_MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Octets by which a record may grow: what it may be at all, twice, so that a buffer of fixed size can take any. */
const LARGEST_GROWTH = 2 * 65535;

/** Octets of a counter. */
export const COUNTER_LENGTH = 8;

/**
 * Compiles a mapping that has been checked, for sessions with these facts.
 *
 * @param keepPadding whether an identity program leaves padding at the end of sets
 * @throws RangeError for a source template whose records have no octets: a loop over them would not end; for records that might
 *   outgrow any message by far
 */
export function compileMapping(
  mapping: TemplateMapping,
  facts: SessionFactValues,
  keepPadding: boolean,
): RewriteProgram {
  const { source } = mapping;
  const smallest = smallestRecordLength(source);
  if (smallest === 0) throw new RangeError("a record of no octets");
  const identity = isIdentity(mapping);
  const counted = identity ? [] : lostFields(mapping);
  // An identity program has them too: its records are moved one by one where their message is split.
  const runs = runsOf(mapping.fields);
  const boundaries = walkOf(source.fields, neededBoundaries(runs, counted));
  const emit = new Emitter(boundaries.slots);
  for (const run of runs) emitRun(emit, run, source.fields, facts);
  emit.growth += repeatedOctets(mapping);
  if (emit.growth > LARGEST_GROWTH) throw new RangeError(`a record that may grow by ${emit.growth} octets`);
  for (const [index, position] of counted.entries()) {
    emitCount(emit, position, source.fields, (index + 1) * COUNTER_LENGTH);
  }
  emit.words.push(Operation.end);

  const emitAt = (HEADER_WORDS + boundaries.steps.length) * 4;
  const constantsAt = emitAt + emit.words.length * 4;
  for (const word of emit.constantOffsets) emit.words[word] = (emit.words[word] ?? 0) + constantsAt;
  const flags = (identity ? 1 : 0) | (keepPadding ? 2 : 0);
  const words = Uint32Array.from([smallest, flags, emitAt, emit.growth, ...boundaries.steps, ...emit.words]);
  const octets = new Uint8Array(constantsAt + emit.constants.length);
  octets.set(new Uint8Array(words.buffer));
  octets.set(emit.constants, constantsAt);
  return { octets, identity, counted };
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

/** Boundaries (0: before the first field) at which some operation begins or ends. */
function neededBoundaries(runs: readonly Run[], counted: readonly number[]): Set<number> {
  const needed = new Set<number>();
  for (const run of runs) {
    if ("last" in run) needed.add(run.first).add(run.last + 1);
    else if (run.value.from === "record") needed.add(run.value.index).add(run.value.index + 1);
  }
  for (const position of counted) needed.add(position).add(position + 1);
  return needed;
}

function walkOf(
  fields: readonly FieldSpecifier[],
  needed: ReadonlySet<number>,
): { steps: number[]; slots: Map<number, number> } {
  const steps: number[] = [];
  const slots = new Map([[0, 0]]);
  let fixed = 0;
  let variable = 0;
  for (const [position, field] of fields.entries()) {
    if (field.length === VARIABLE_LENGTH) variable++;
    else if (variable === 0) fixed += field.length;
    else {
      steps.push(fixed, variable);
      fixed = field.length;
      variable = 0;
    }
    if (needed.has(position + 1) || position + 1 === fields.length) {
      steps.push(fixed, variable);
      slots.set(position + 1, steps.length / 2);
      fixed = 0;
      variable = 0;
    }
  }
  return { steps, slots };
}

/** Collects emit operations. */
class Emitter {
  readonly words: number[] = [];
  readonly constantOffsets: number[] = [];
  constants: Uint8Array = new Uint8Array(0);
  growth = 0;

  constructor(readonly slots: ReadonlyMap<number, number>) {}

  slot(boundary: number): number {
    const slot = this.slots.get(boundary);
    if (slot === undefined) throw new RangeError(`boundary ${boundary} was not walked to`);
    return slot;
  }

  constant(octets: Uint8Array): void {
    this.words.push(Operation.constant, this.constants.length, octets.length);
    this.constantOffsets.push(this.words.length - 2);
    const all = new Uint8Array(this.constants.length + octets.length);
    all.set(this.constants);
    all.set(octets, this.constants.length);
    this.constants = all;
    this.growth += octets.length;
  }
}

function emitRun(emit: Emitter, run: Run, source: readonly FieldSpecifier[], facts: SessionFactValues): void {
  if ("last" in run) {
    emit.words.push(Operation.copy, emit.slot(run.first), emit.slot(run.last + 1));
    return;
  }
  const { target, value } = run;
  if (value.from === "constant") {
    emit.constant(target.length === VARIABLE_LENGTH ? withLength(value.octets) : value.octets);
    return;
  }
  if (value.from === "session") {
    emit.constant(sessionFactOctets(value.fact, facts));
    return;
  }
  const field = source[value.index];
  if (field === undefined) throw new RangeError(`there is no source field ${value.index}`);
  const start = emit.slot(value.index);
  switch (value.convert) {
    case "to-variable":
      emit.words.push(Operation.toVariable, start, field.length);
      emit.growth += field.length < 255 ? 1 : 3;
      break;
    case "seconds-to-milliseconds":
      emit.words.push(Operation.secondsToMilliseconds, start);
      emit.growth += 4;
      break;
    case "ipv4-to-ipv6":
      emit.constant(IPV4_MAPPED);
      emit.words.push(Operation.copy, start, emit.slot(value.index + 1));
      break;
    case "widen": {
      const type = field.element.known ? field.element.type : target.element.type;
      if (type === "float32" || type === "float64") emit.words.push(Operation.widenFloat, start);
      else {emit.words.push(
          isSigned(type) ? Operation.widenSigned : Operation.widenUnsigned,
          start,
          field.length,
          target.length,
        );}
      emit.growth += target.length - field.length;
      break;
    }
    case undefined:
      throw new RangeError("a field that stays as it is belongs to a run");
  }
}

/** The ledger: a lost field counts where it carried something else than its type's default. */
function emitCount(emit: Emitter, position: number, source: readonly FieldSpecifier[], counter: number): void {
  const field = source[position];
  if (field === undefined) throw new RangeError(`there is no source field ${position}`);
  if (field.length === VARIABLE_LENGTH) emit.words.push(Operation.countVariable, emit.slot(position), counter);
  else if (field.element.type === "boolean" && field.length === 1) {
    emit.words.push(Operation.countTrue, emit.slot(position), counter);
  } else emit.words.push(Operation.countOctets, emit.slot(position), emit.slot(position + 1), counter);
}

/** The octets behind their length (RFC 7011 §7). */
function withLength(octets: Uint8Array): Uint8Array {
  const prefix = octets.length < 255 ? [octets.length] : [255, octets.length >> 8, octets.length & 0xff];
  return Uint8Array.from([...prefix, ...octets]);
}
