import { MAXIMUM_LINE } from "./protocol.ts";

/** Characters of a line that a plugin prints which are passed on. */
export const OUTPUT_LENGTH = 1024;

/** Octets that are read in a slice of time. A process that prints more waits: its output must not cost the proxy time. */
const SLICE_OCTETS = 256 * 1024;
const SLICE_MILLISECONDS = 50;

/** Reads answers, line by line, until the end or a line that is too long, which is given up to its limit. */
export async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let text = "";
  try {
    for await (const chunk of decoded(stream)) {
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      if (text.length > MAXIMUM_LINE) return onLine(text.slice(0, MAXIMUM_LINE));
    }
  } catch { /* The process was killed. */ }
}

/** Reads what a process prints until the end, at a bounded pace: lines without control characters, cut. */
export async function readOutput(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  let text = "";
  let read = 0;
  let begun = performance.now();
  try {
    for await (const chunk of decoded(stream)) {
      const lines = chunk.split("\n");
      lines[0] = text + lines[0];
      // An escape sequence that is taken out makes a line shorter.
      text = (lines.pop() ?? "").slice(0, 2 * OUTPUT_LENGTH);
      for (const line of lines) onLine(plain(line.slice(0, 2 * OUTPUT_LENGTH)).slice(0, OUTPUT_LENGTH));
      read += chunk.length;
      if (read < SLICE_OCTETS) continue;
      const rest = begun + SLICE_MILLISECONDS - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      read = 0;
      begun = performance.now();
    }
  } catch { /* The process was killed. */ }
}

function decoded(stream: ReadableStream<Uint8Array>): ReadableStream<string> {
  return stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
}

/** Without colours and other escape sequences. */
export function plain(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.replaceAll(/\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "");
}
