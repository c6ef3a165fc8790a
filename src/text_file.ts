import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { systemReason } from "./error_message.ts";

/** Reads a text file. @throws Error where it cannot be read */
export type ReadTextFile = (path: string) => string;

/** Octets of the largest file of a configuration: registries have the longest. */
const LARGEST = 4 * 1024 * 1024;
/** How long a pipe may have no writer, or none that writes, in milliseconds. */
const PATIENCE = 1_000;
const LOOK_AGAIN = 10;

/**
 * {@link ReadTextFile} from the disk, up to 4 MiB. A pipe, such as a shell's `<(…)`, is read until its writer ends,
 * which may take a second at most to begin or to go on.
 */
export const readTextFile: ReadTextFile = (path) => read(path, PATIENCE);

/** The same for a process that must not wait: a pipe has to have been written whole. */
export const readTextFileNow: ReadTextFile = (path) => read(path, 0);

/** The message of a mistake about a file that cannot be read. */
export function cannotRead(path: string, error: unknown): string {
  return `cannot read ${path}: ${systemReason(error)}`;
}

function read(path: string, patience: number): string {
  // Opening or reading a pipe would otherwise block for as long as nobody writes.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(file);
    if (status.isDirectory()) throw Object.assign(new Error("it is a directory"), { code: "EISDIR" });
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(65_536);
    let text = "";
    let octets = 0;
    for (let waited = 0;;) {
      const count = readSome(file, chunk);
      if (count === 0 && (octets > 0 || !status.isFIFO())) return text + decoder.decode();
      if (count === undefined || count === 0) {
        if (waited >= patience) break;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN);
        waited += LOOK_AGAIN;
        continue;
      }
      octets += count;
      if (octets > LARGEST) throw new Error(`it is larger than ${LARGEST / 2 ** 20} MiB`);
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
      waited = 0;
    }
  } finally {
    closeSync(file);
  }
  throw new Error(
    patience === 0
      ? "it is a pipe that nobody has written to"
      : `it is a pipe that nobody writes to (waited ${patience / 1000} s)`,
  );
}

/** The number of octets read; 0: no writer, or the end; undefined: a writer that has written nothing yet. */
function readSome(file: number, into: Uint8Array): number | undefined {
  try {
    return readSync(file, into);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}
