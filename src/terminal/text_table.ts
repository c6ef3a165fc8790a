/** How the cells of a column are aligned. */
export type Alignment = "left" | "right";

/**
 * The lines of a plain text table: cells are padded to the width of their column, without trailing spaces.
 *
 * ```ts
 * import { tableLines } from "./text_table.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(tableLines([["name", "octets"], ["one", "7"]], ["left", "right"]), ["name  octets", "one        7"]);
 * ```
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = [],
  gap = "  ",
): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        alignments[column] === "right" ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
      )
      .join(gap)
      .trimEnd()
  );
}

/** The lines of a GitHub Markdown table; the first row is its heading. */
export function markdownTable(rows: readonly (readonly string[])[], alignments: readonly Alignment[] = []): string[] {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(head),
    `|${head.map((_cell, column) => alignments[column] === "right" ? "---:" : "---").join("|")}|`,
    ...body.map(line),
  ];
}

/**
 * Wraps words into lines of at most `width` columns; a longer word has a line of its own.
 *
 * @param indent the start of every line except the first
 */
export function wrapWords(words: readonly string[], width: number, indent: string, first = indent): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of words) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return empty && lines.length > 0 ? lines : [...lines, line.trimEnd()];
}
