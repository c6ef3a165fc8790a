/** Keys and positions from the top of a YAML document down to a value. */
export type Path = readonly (string | number)[];

/** One thing wrong with the configuration, and where. */
export interface Mistake {
  /** The file as it was named, or the environment variable. */
  readonly file: string;
  /** From 1; missing where there is no place in a file. */
  readonly position?: { readonly line: number; readonly column: number };
  /** As {@link pathText} writes it; empty for the document as a whole. */
  readonly path: string;
  /** What is wrong, and in parentheses what is allowed. */
  readonly message: string;
}

/**
 * A path as people write it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(pathText(["listen", 0, "address"]), "listen[0].address");
 * ```
 */
export function pathText(path: Path): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? key : `.${key}`;
  }
  return text;
}

/** `F:LINE:COLUMN: path: what is wrong (what is allowed)`. */
export function formatMistake({ file, position, path, message }: Mistake): string {
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return oneLine(path === "" ? `${place}: ${message}` : `${place}: ${path}: ${message}`);
}

/** What a file holds may stand in a path or message: it does not break the line, nor reach the terminal as a control character. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** Everything that is wrong with a configuration or a profile file; its message is one line for each mistake. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";

  constructor(
    readonly mistakes: readonly Mistake[],
    /** Every file that was looked at, there or not: a change of one may make things right. */
    readonly files: readonly string[] = [],
  ) {
    super(mistakes.map(formatMistake).join("\n"));
  }
}

/** Each mistake once; those in this file first, then those in the files it led to, and each file's from top to bottom. */
export function mistakesInOrder(mistakes: readonly Mistake[], file: string): Mistake[] {
  const once = [...new Map(mistakes.map((mistake) => [formatMistake(mistake), mistake])).values()];
  const files = [...new Set([file, ...once.map((mistake) => mistake.file)])];
  const line = ({ position }: Mistake) => position?.line ?? 0;
  const column = ({ position }: Mistake) => position?.column ?? 0;
  return once.sort((one, other) =>
    files.indexOf(one.file) - files.indexOf(other.file) || line(one) - line(other) || column(one) - column(other)
  );
}
