import { printable } from "../../printable.ts";

/** Keys and positions from the top of a YAML document down to a value. */
export type Path = readonly (string | number)[];

/** One mistake in the configuration, with its position. */
export interface Mistake {
  /** The file as the caller named it, or the environment variable. */
  readonly file: string;
  /** Counted from 1; absent where the mistake has no position in a file. */
  readonly position?: { readonly line: number; readonly column: number };
  /** As {@link pathText} writes it; empty for the document as a whole. */
  readonly path: string;
  /** What is wrong, and in parentheses what is allowed. */
  readonly message: string;
}

/**
 * The text of a path.
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

/**
 * `F:LINE:COLUMN: path: what is wrong (what is allowed)`, on one line whatever the file holds.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const mistake = { file: "f.yaml", position: { line: 1, column: 2 }, path: "a\x9bb", message: "\u202ex\ny is wrong" };
 * assert.equal(formatMistake(mistake), "f.yaml:1:2: a\\u009bb: \\u202ex\\ny is wrong");
 * ```
 */
export function formatMistake({ file, position, path, message }: Mistake): string {
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return oneLine(path === "" ? `${place}: ${message}` : `${place}: ${path}: ${message}`);
}

/** Escapes control characters and line breaks, which may come from the file. */
function oneLine(text: string): string {
  return printable(text.replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t"));
}

/** The most mistakes that are reported one by one. */
export const MOST_MISTAKES = 100;

/** All mistakes in a configuration or profile file; the message has one line per mistake, for the first hundred. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";

  constructor(
    readonly mistakes: readonly Mistake[],
    /** Every file that was read or missing: a change to one may correct a mistake. */
    readonly files: readonly string[] = [],
  ) {
    const lines = mistakes.slice(0, MOST_MISTAKES).map(formatMistake);
    const more = mistakes.length - lines.length;
    super(more === 0 ? lines.join("\n") : [...lines, `and ${more} more`].join("\n"));
  }
}

/** Removes duplicates and sorts: mistakes in `file` first, then those in other files, each from top to bottom. */
export function mistakesInOrder(mistakes: readonly Mistake[], file: string): Mistake[] {
  const once = [...new Map(mistakes.map((mistake) => [formatMistake(mistake), mistake])).values()];
  const files = [...new Set([file, ...once.map((mistake) => mistake.file)])];
  const line = ({ position }: Mistake) => position?.line ?? 0;
  const column = ({ position }: Mistake) => position?.column ?? 0;
  return once.sort((one, other) =>
    files.indexOf(one.file) - files.indexOf(other.file) || line(one) - line(other) || column(one) - column(other)
  );
}
