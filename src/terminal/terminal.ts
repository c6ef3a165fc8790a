import { systemReason } from "../error_message.ts";

export { printable } from "../printable.ts";

/** The width in columns where there is no terminal to ask. */
const USUAL_WIDTH = 80;

/** The width in columns of the terminal at standard output; 80 where that is a file or a pipe. */
export function terminalWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Math.max(20, Deno.consoleSize().columns) : USUAL_WIDTH;
  } catch {
    return USUAL_WIDTH;
  }
}

/** Whether to colour standard output: it is a terminal and `NO_COLOR` is not set. */
export function wantsColour(): boolean {
  return Deno.stdout.isTerminal() && !Deno.noColor;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof CODES;

/** Styles a text, or returns it unchanged where colour is off. */
export type Paint = (style: Style, text: string) => string;

/** Returns a function that styles text if `colour` is true. */
export function painter(colour: boolean): Paint {
  return colour ? (style, text) => `\u001b[${CODES[style]}m${text}\u001b[0m` : (_style, text) => text;
}

/** Standard output cannot be written to, such as a file on a full disk. */
export class OutputFailure extends Error {
  override readonly name = "OutputFailure";

  constructor(cause: unknown) {
    super(`cannot write to standard output: ${systemReason(cause)}`, { cause });
  }
}

/** Nobody reads standard output any more, as in `explain … | head -1`. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

function outputError(error: unknown): Error {
  return error instanceof Deno.errors.BrokenPipe ? new OutputClosed() : new OutputFailure(error);
}

/** Writes all octets to standard output, waiting where it is full. @throws OutputFailure, OutputClosed */
export async function writeOctets(octets: Uint8Array): Promise<void> {
  try {
    for (let written = 0; written < octets.length;) written += await Deno.stdout.write(octets.subarray(written));
  } catch (error) {
    throw outputError(error);
  }
}

/** Writes a text to standard output at once. @throws OutputFailure, OutputClosed */
export function writeText(text: string): void {
  const octets = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < octets.length;) written += Deno.stdout.writeSync(octets.subarray(written));
  } catch (error) {
    throw outputError(error);
  }
}

/** Writes a line to standard output. */
export function writeLine(text: string): Promise<void> {
  return writeOctets(new TextEncoder().encode(`${text}\n`));
}

/** Writes a line to standard error; where that cannot be written to, there is nowhere to say so. */
export function say(text: string): void {
  const octets = new TextEncoder().encode(`${text}\n`);
  try {
    for (let written = 0; written < octets.length;) written += Deno.stderr.writeSync(octets.subarray(written));
  } catch {
    // What the command does goes on, and so does its exit status.
  }
}
