/**
 * Functions that walk four records of one layout side by side, generated as WebAssembly: the rewrite loop's own way from one length to
 * the next is general, and has to wait for each; these have nothing to decide, and three others to go on with meanwhile.
 *
 * @module
 */
import { logLength, memory, table } from "./rewrite_loop.wasm";

/** What is different from one record of a template to the next. */
export interface RecordLayout {
  /** Octets before the first field of variable length. */
  readonly leading: number;
  /** Octets between each field of variable length and the next: one less than there are such fields. */
  readonly gaps: readonly number[];
  /** Which of these fields are noted in the log, counted from 0, in order. */
  readonly marks: readonly number[];
}

/** Layouts that have a function at once: Agents of a few releases have a handful. */
const FUNCTIONS = 64;
/** Fields of variable length, and octets, that such a function goes over at most: it may read so far past a record that is broken. */
const LONGEST = { fields: 64, octets: 65_535 } as const;
const LANES = [0, 1, 2, 3] as const;

interface WalkFunction {
  readonly index: number;
  uses: number;
}

const functions = new Map<string, WalkFunction>();
const freeIndexes: number[] = [];

/**
 * The function for this layout, by its place in the loop's table. Templates that differ before the first field of variable length, or
 * behind the last, have one between them. Give it back with {@link releaseWalkFunction}.
 *
 * @returns 0 where there is to be none: fewer than two fields of variable length, records too long, or too many layouts
 */
export function takeWalkFunction(layout: RecordLayout): number {
  const { leading, gaps, marks } = layout;
  const octets = gaps.reduce((sum, gap) => sum + gap, leading);
  if (gaps.length === 0 || gaps.length >= LONGEST.fields || octets > LONGEST.octets) return 0;
  const key = keyOf(layout);
  const known = functions.get(key);
  if (known !== undefined) {
    known.uses++;
    return known.index;
  }
  if (functions.size === FUNCTIONS) return 0;
  const module = new WebAssembly.Module(assemble(gaps, marks));
  const { walk } = new WebAssembly.Instance(module, { loop: { memory } }).exports;
  if (typeof walk !== "function") throw new TypeError("the module that was made exports no function");
  const index = freeIndexes.pop() ?? table.grow(1);
  table.set(index, walk);
  functions.set(key, { index, uses: 1 });
  return index;
}

/** Gives back one use of a function that {@link takeWalkFunction} gave. */
export function releaseWalkFunction(layout: RecordLayout): void {
  const key = keyOf(layout);
  const known = functions.get(key);
  if (known === undefined || --known.uses > 0) return;
  functions.delete(key);
  table.set(known.index, null);
  freeIndexes.push(known.index);
}

function keyOf({ gaps, marks }: RecordLayout): string {
  return `${gaps.join()}/${marks.join()}`;
}

// WebAssembly's own numbers: https://webassembly.github.io/spec/core/binary/
const [I32, FUNCTION_TYPE] = [0x7f, 0x60];
const [TYPES, IMPORTS, FUNCTION_SECTION, EXPORTS, CODE] = [1, 2, 3, 7, 10];
const [GET, SET, TEE, CONST] = [0x20, 0x21, 0x22, 0x41];
const [LOAD8_U, STORE, ADD, EQUAL] = [0x2d, 0x36, 0x6a, 0x46];
const [IF, RETURN, BLOCK_END, NO_RESULT] = [0x04, 0x0f, 0x0b, 0x40];
const [ANY_ALIGNMENT, WORD_ALIGNED] = [0, 2];

/**
 * A module with one function, `walk(begin0, begin1, begin2, begin3, entry)`: where the first field of variable length begins in each
 * of four records, and where the first one's log entry lies. It notes marked fields and where the last field ends, and answers 1; 0
 * where a length is in its long form (RFC 7011 §7), which is for the general way.
 */
function assemble(gaps: readonly number[], marks: readonly number[]): Uint8Array<ArrayBuffer> {
  const entry = LANES.length;
  const lengthOf = (lane: number) => entry + 1 + lane;
  const note = (word: number) =>
    LANES.flatMap((lane) => [
      ...[GET, entry, GET, lane],
      ...[STORE, WORD_ALIGNED, ...unsigned(lane * logLength() + word * 4)],
    ]);
  const advance = (octets: number) =>
    LANES.flatMap((lane) => [
      ...[GET, lane, LOAD8_U, ANY_ALIGNMENT, 0, TEE, lengthOf(lane)],
      ...[CONST, ...signed(255), EQUAL, IF, NO_RESULT, CONST, 0, RETURN, BLOCK_END],
      // The length last: what waits for it is this one addition.
      ...[GET, lane, CONST, ...signed(octets), ADD, GET, lengthOf(lane), ADD, SET, lane],
    ]);
  const code = [...gaps, 0].flatMap((gap, field) => {
    const word = marks.indexOf(field) + 1;
    return [...(word > 0 ? note(word) : []), ...advance(1 + gap)];
  });
  const locals = [1, LANES.length, I32];
  const body = [...locals, ...code, ...note(marks.length + 1), CONST, 1, BLOCK_END];
  const pages = unsigned(memory.buffer.byteLength / 65536);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(TYPES, [1, FUNCTION_TYPE, ...vector([...LANES, entry].map(() => I32)), ...vector([I32])]),
    ...section(IMPORTS, [1, ...name("loop"), ...name("memory"), 2, 1, ...pages, ...pages]),
    ...section(FUNCTION_SECTION, [1, 0]),
    ...section(EXPORTS, [1, ...name("walk"), 0, 0]),
    ...section(CODE, [1, ...vector(body)]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...vector(content)];
}

function name(text: string): number[] {
  return vector([...new TextEncoder().encode(text)]);
}

function vector(octets: readonly number[]): number[] {
  return [...unsigned(octets.length), ...octets];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...unsigned(value >>> 7)];
}

/** LEB128 of a number that is not below 0: its highest bit must not be taken for a sign. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [value & 127 | 128, ...signed(value >>> 7)];
}
