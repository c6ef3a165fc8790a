/**
 * The rewrite loop's calls, with their answers in plain fields: nothing is allocated per call.
 *
 * @module
 */
import {
  followSequence as follow,
  recordLength as lengthOf,
  resultBlock,
  rewriteMessages as messages,
  rewriteRecords as records,
  walkRecords as walk,
} from "./rewrite_loop.wasm";
import { memoryWords } from "./memory.ts";

/** Why {@link rewriteMessages} stopped. */
export const Stop = {
  /** The input ends inside a message, or holds none. */
  needsInput: 0,
  /** The next message is for the general way: templates, several sets, an unknown template, splitting, or broken. */
  general: 1,
  /** The output is full, or holds as many messages as one write may. */
  outputFull: 2,
} as const;

const result = resultBlock() >>> 2;

/** What the last call took and gave. */
export const answer = {
  /** Octets of input taken. */
  get consumed(): number {
    return memoryWords[result] ?? 0;
  },
  /** Octets of output given. */
  get produced(): number {
    return memoryWords[result + 1] ?? 0;
  },
  /** Data records among them. */
  get records(): number {
    return memoryWords[result + 2] ?? 0;
  },
  /** Messages taken, each of which gave one. */
  get messages(): number {
    return memoryWords[result + 3] ?? 0;
  },
  /** Whether what was given is what was taken, octet for octet: it lies where the input begins, and the output is untouched. */
  get relayed(): boolean {
    return memoryWords[result + 5] === 1;
  },
  /** A program that so many messages needed that it is worth a function of its own; 0: none has become that. */
  get frequentProgram(): number {
    return memoryWords[result + 4] ?? 0;
  },
};

/** Rewrites messages of one data set each until another kind comes; addresses in the loop's memory. Gives a {@link Stop}. */
export function rewriteMessages(
  session: number,
  input: number,
  inputEnd: number,
  output: number,
  outputEnd: number,
): number {
  return messages(session, input, inputEnd, output, outputEnd);
}

/** Whether all records of a data set's content are whole; their number and octets in {@link answer}. */
export function walkRecords(program: number, input: number, inputEnd: number): boolean {
  return walk(program, input, inputEnd) === 1;
}

/** Octets of the record that begins at `input`; 0 where it overruns. */
export function recordLength(program: number, input: number, inputEnd: number): number {
  return lengthOf(program, input, inputEnd);
}

/** Rewrites records for as long as they fit: {@link answer}. `scratch`: {@link SCRATCH_LENGTH} octets. `counters` 0: none. */
export function rewriteRecords(
  program: number,
  counters: number,
  input: number,
  inputEnd: number,
  output: number,
  outputEnd: number,
  scratch: number,
): void {
  records(program, counters, input, inputEnd, output, outputEnd, scratch);
}

/** Follows the exporter's sequence numbers of one observation domain; true: there was a gap. */
export function followSequence(block: number, received: number, recordCount: number, certain: boolean): boolean {
  return follow(block, received, recordCount, certain ? 1 : 0) === 1;
}

/** Octets of scratch: the largest record that can come in, and the largest growth that compiles. */
export const SCRATCH_LENGTH = 4 * 65536;
