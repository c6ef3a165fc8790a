/**
 * Generates WebAssembly functions, each of which walks four records of one layout side by side. The loop's general walk
 * has to interpret the layout and wait for each length before it can find the next; a generated function has nothing to
 * interpret, and three other records to go on with meanwhile. What that is worth: ../README.md.
 *
 * @module
 */
import { logLength, memory, table } from "./rewrite_loop.wasm";

/** The variable fields of a template's records, and what lies between them: from this a walk function is generated. */
export interface WalkLayout {
  /** Octets before the first variable field. */
  readonly leading: number;
  /** Octets between each variable field and the next: one number fewer than there are such fields. */
  readonly gaps: readonly number[];
  /** The variable fields that are noted in the log, counted from 0, in order. */
  readonly marks: readonly number[];
}

/** Layouts that can have a function at the same time. The Agents of a few releases have a handful. */
const FUNCTIONS = 64;
/**
 * Variable fields and octets that a function walks at most: that is how far it may read past the end of a broken
 * record.
 */
const LONGEST = { fields: 64, octets: 65_535 } as const;
const LANES = [0, 1, 2, 3] as const;

interface WalkFunction {
  readonly index: number;
  uses: number;
}

const functions = new Map<string, WalkFunction>();
const freeIndexes: number[] = [];

/**
 * Takes one use of the function for this layout, which is generated if it is the first; {@link releaseWalkFunction}
 * ends the use. Layouts that differ only before the first variable field or after the last share one function.
 *
 * @returns its index in the loop's table; 0 for no function: fewer than two variable fields, records too long, or too
 *   many layouts
 */
export function takeWalkFunction(layout: WalkLayout): number {
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
  if (typeof walk !== "function") throw new TypeError("the generated module exports no function");
  const index = freeIndexes.pop() ?? table.grow(1);
  table.set(index, walk);
  functions.set(key, { index, uses: 1 });
  return index;
}

/** Ends one use that {@link takeWalkFunction} began. */
export function releaseWalkFunction(layout: WalkLayout): void {
  const key = keyOf(layout);
  const known = functions.get(key);
  if (known === undefined || --known.uses > 0) return;
  functions.delete(key);
  table.set(known.index, null);
  freeIndexes.push(known.index);
}

function keyOf({ gaps, marks }: WalkLayout): string {
  return `${gaps.join()}/${marks.join()}`;
}

// Numbers of WebAssembly's binary format: https://webassembly.github.io/spec/core/binary/
const [I32, FUNCTION_TYPE] = [0x7f, 0x60];
const [TYPES, IMPORTS, FUNCTION_SECTION, EXPORTS, CODE] = [1, 2, 3, 7, 10];
const [GET, SET, TEE, CONST] = [0x20, 0x21, 0x22, 0x41];
const [LOAD8_U, STORE, ADD, EQUAL] = [0x2d, 0x36, 0x6a, 0x46];
const [IF, RETURN, BLOCK_END, NO_RESULT] = [0x04, 0x0f, 0x0b, 0x40];
const [ANY_ALIGNMENT, WORD_ALIGNED] = [0, 2];

/**
 * The octets of a module with one function, `walk(begin0, begin1, begin2, begin3, entry)`. It takes where the first
 * variable field begins in each of four records, and the address of the first record's log entry. It notes the marked
 * fields and where the last field ends, and returns 1; it returns 0 if a length is in its long form (RFC 7011 §7),
 * which the general walk handles.
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
      // The length is added last, so that only this addition waits for it.
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

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of a number that is not negative: the highest bit of its last octet must be 0. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [value & 127 | 128, ...signed(value >>> 7)];
}
