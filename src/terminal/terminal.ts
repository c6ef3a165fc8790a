/** Columns that output is laid out for where nobody can say how wide the terminal is. */
const USUAL_WIDTH = 80;

/** Columns of the terminal behind standard output, 80 where it is a file or a pipe. */
export function terminalWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Math.max(20, Deno.consoleSize().columns) : USUAL_WIDTH;
  } catch {
    return USUAL_WIDTH;
  }
}

/** Whether standard output wants colour: a terminal, and no `NO_COLOR` in the environment. */
export function wantsColour(): boolean {
  return Deno.stdout.isTerminal() && !Deno.noColor;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof CODES;

/** Puts a text into a style, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Paints where `colour` is true. */
export function painter(colour: boolean): Paint {
  return colour ? (style, text) => `\u001b[${CODES[style]}m${text}\u001b[0m` : (_style, text) => text;
}

/** Writes all of it to standard output: what does not fit at once is written when there is room. */
export async function writeOctets(octets: Uint8Array): Promise<void> {
  for (let written = 0; written < octets.length;) written += await Deno.stdout.write(octets.subarray(written));
}

/** Writes the text and a line break to standard output. */
export function writeLine(text: string): Promise<void> {
  return writeOctets(new TextEncoder().encode(`${text}\n`));
}

/** Says something to the person at standard error. */
export function say(text: string): void {
  const octets = new TextEncoder().encode(`${text}\n`);
  for (let written = 0; written < octets.length;) written += Deno.stderr.writeSync(octets.subarray(written));
}

/** Makes text that came from outside safe to show: control characters become `\u` escapes. */
export function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
