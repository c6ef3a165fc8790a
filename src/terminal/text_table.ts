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

/**
 * The lines of a table for a terminal: one table where that fits, with one space between columns if two are too many;
 * else several, each with the first column and as many of the others as fit.
 *
 * ```ts
 * import { fittingTables } from "./text_table.ts";
 * import assert from "node:assert/strict";
 *
 * const rows = [["agent", "v1", "v2"], ["v1", "same", "ok"]];
 * assert.deepEqual(fittingTables(rows, 80), [["agent  v1    v2", "v1     same  ok"]]);
 * assert.deepEqual(fittingTables(rows, 13), [["agent v1   v2", "v1    same ok"]]);
 * assert.deepEqual(fittingTables(rows, 11), [["agent  v1", "v1     same"], ["agent  v2", "v1     ok"]]);
 * ```
 */
export function fittingTables(rows: readonly (readonly string[])[], width: number): string[][] {
  const fits = (lines: readonly string[]) => lines.every(({ length }) => length <= width);
  for (const gap of ["  ", " "]) {
    const lines = tableLines(rows, [], gap);
    if (fits(lines)) return [lines];
  }
  const columns = (from: number, until: number) =>
    tableLines(rows.map((row) => [...row.slice(0, 1), ...row.slice(from, until)]));
  const count = Math.max(...rows.map(({ length }) => length));
  const tables: string[][] = [];
  for (let from = 1; from < count;) {
    let until = from + 1;
    while (until < count && fits(columns(from, until + 1))) until++;
    tables.push(columns(from, until));
    from = until;
  }
  return tables;
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

/**
 * Wraps facts, with commas between them, into lines of at most `width` columns. A fact stays in one line unless it is
 * longer than one.
 *
 * ```ts
 * import { wrapFacts } from "./text_table.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(wrapFacts(["1 open", "2 ended"], 10, "  "), ["  1 open,", "  2 ended"]);
 * assert.deepEqual(wrapFacts(["1 open session"], 10, "  "), ["  1 open", "  session"]);
 * ```
 *
 * @param indent the start of every line except the first
 */
export function wrapFacts(facts: readonly string[], width: number, indent: string, first = indent): string[] {
  const words = facts.flatMap((fact, at) => {
    const text = at < facts.length - 1 ? `${fact},` : fact;
    return indent.length + text.length > width ? text.split(" ") : [text];
  });
  return wrapWords(words, width, indent, first);
}

/** A heading and what follows it, wrapped into lines of at most `width` columns; a heading of one line is emphasized. */
export function headedLines(head: string, rest: string, width: number, emphasize: (text: string) => string): string[] {
  return wrapWords(`${head}${rest}`.split(" "), width, "  ", "").map((line) =>
    line.startsWith(head) ? `${emphasize(head)}${line.slice(head.length)}` : line
  );
}
