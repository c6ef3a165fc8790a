import { closeSync, constants, openSync, readFileSync, readSync, statSync } from "node:fs";
import { systemReason } from "../../error_message.ts";

/** Reads a text file. @throws Error where it cannot be read */
export type ReadTextFile = (path: string) => string;

/** {@link ReadTextFile} from the disk. A pipe, such as a shell's `<(…)`, is read until its writer ends. */
export const readTextFile: ReadTextFile = (path) =>
  statSync(path).isFIFO() ? readPipe(path) : readFileSync(path, "utf8");

/** The message of a mistake about a file that cannot be read. */
export function cannotRead(path: string, error: unknown): string {
  return `cannot read ${path}: ${systemReason(error)}`;
}

/** How long a pipe may have no writer, or none that writes, in milliseconds. */
const PATIENCE = 2_000;
const LOOK_AGAIN = 10;

/** Opening a pipe, or reading it, would block for as long as nobody writes. */
function readPipe(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(65_536);
    let text = "";
    for (let waited = 0; waited < PATIENCE;) {
      const count = readSome(file, chunk);
      if (count === 0 && text !== "") return text + decoder.decode();
      if (count === undefined || count === 0) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN);
        waited += LOOK_AGAIN;
        continue;
      }
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
      waited = 0;
    }
  } finally {
    closeSync(file);
  }
  throw new Error(`it is a pipe that nobody writes to (waited ${PATIENCE / 1000} s)`);
}

/** The number of octets read; 0: no writer; undefined: a writer that has written nothing yet. */
function readSome(file: number, into: Uint8Array): number | undefined {
  try {
    return readSync(file, into);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}
