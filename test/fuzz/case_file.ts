/** Cases as files: JSON with octets in hexadecimal. */

/** A case with the target that runs it. */
export interface CaseFile {
  readonly target: string;
  /** What went wrong when it was found. */
  readonly failure: string;
  readonly case: unknown;
}

const OCTETS = "octets:";

/** Writes a case as text; {@link readCase} reads it. */
export function writeCase(file: CaseFile): string {
  const text = JSON.stringify(
    file,
    (_key, value: unknown) => value instanceof Uint8Array ? OCTETS + value.toHex() : value,
    2,
  );
  return `${text}\n`;
}

/** @throws SyntaxError if the text is none that {@link writeCase} wrote */
export function readCase(text: string): CaseFile {
  return JSON.parse(
    text,
    (_key, value: unknown) =>
      typeof value === "string" && value.startsWith(OCTETS) ? Uint8Array.fromHex(value.slice(OCTETS.length)) : value,
  );
}
