/**
 * The rewrite loop's calls. What they return is a view of the loop's result block: nothing is allocated per call.
 *
 * @module
 */
import {
  endSequence as end,
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

/** What a call took and gave, and why it stopped. One object for all calls: read it before the next call. */
export interface MessagesRewritten extends RecordsRewritten {
  /** A {@link Stop}. */
  readonly stop: number;
  /** Messages taken; each gave one message. */
  readonly messages: number;
  /**
   * Whether the output is the input, octet for octet: it lies where the input begins, and the output buffer is
   * untouched.
   */
  readonly relayed: boolean;
  /** Address of a program used by enough messages to be worth a walk function; 0: none. */
  readonly frequentProgram: number;
}

/** What a call took and gave. One object for all calls: read it before the next call. */
export interface RecordsRewritten {
  /** Octets of input taken. */
  readonly consumed: number;
  /** Octets of output given. */
  readonly produced: number;
  /** Data records among them. */
  readonly records: number;
}

/** The records that were found. One object for all calls: read it before the next call. */
export interface RecordsWalked {
  /** False where the record behind `consumed` overruns its end. */
  readonly whole: boolean;
  /** Octets of whole records. */
  readonly consumed: number;
  readonly records: number;
}

const block = resultBlock() >>> 2;

/**
 * The loop's result block. It lies in the loop's memory, of which a process has one, so that there is one of these as
 * well.
 */
class LoopResult implements MessagesRewritten, RecordsWalked {
  stop = 0;
  whole = false;

  get consumed(): number {
    return memoryWords[block] ?? 0;
  }

  get produced(): number {
    return memoryWords[block + 1] ?? 0;
  }

  get records(): number {
    return memoryWords[block + 2] ?? 0;
  }

  get messages(): number {
    return memoryWords[block + 3] ?? 0;
  }

  get frequentProgram(): number {
    return memoryWords[block + 4] ?? 0;
  }

  get relayed(): boolean {
    return memoryWords[block + 5] === 1;
  }
}

const result = new LoopResult();

/** Rewrites messages of one data set each until one of another kind comes. Addresses in the loop's memory. */
export function rewriteMessages(
  session: number,
  input: number,
  inputEnd: number,
  output: number,
  outputEnd: number,
): MessagesRewritten {
  result.stop = messages(session, input, inputEnd, output, outputEnd);
  return result;
}

/** Walks the records of a data set's content. */
export function walkRecords(program: number, input: number, inputEnd: number): RecordsWalked {
  result.whole = walk(program, input, inputEnd) === 1;
  return result;
}

/** Octets of the record that begins at `input`; 0 where it overruns. */
export function recordLength(program: number, input: number, inputEnd: number): number {
  return lengthOf(program, input, inputEnd);
}

/**
 * Rewrites records for as long as they fit.
 *
 * @param counters address of the template's counters; 0: nothing is counted
 * @param scratch address of {@link SCRATCH_LENGTH} octets
 */
export function rewriteRecords(
  program: number,
  counters: number,
  input: number,
  inputEnd: number,
  output: number,
  outputEnd: number,
  scratch: number,
): RecordsRewritten {
  records(program, counters, input, inputEnd, output, outputEnd, scratch);
  return result;
}

/** Follows the exporter's sequence numbers of one observation domain. Returns how many gaps it found. */
export function followSequence(
  block: number,
  received: number,
  recordCount: number,
  certain: boolean,
  exportTime: number,
): number {
  return follow(block, received, recordCount, certain ? 1 : 0, exportTime);
}

/** Counts what is still missing as gaps, and returns how many they are. */
export function endSequence(block: number): number {
  return end(block);
}

/** Octets of scratch: the largest record that can come in, and the largest growth that compiles. */
export const SCRATCH_LENGTH = 4 * 65536;
