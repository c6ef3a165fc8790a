import {
  ABSTRACT_DATA_TYPES,
  type AbstractDataType,
  naturalLength,
  VARIABLE_LENGTH,
} from "../types/abstract_data_type.ts";
import type { InformationElement } from "./information_element.ts";
import { compareSemanticVersions, parseSemanticVersion, type SemanticVersion } from "./semantic_version.ts";

/** The columns of a registry file; the last three may be missing. */
export const REGISTRY_COLUMNS = [
  "pen",
  "id",
  "name",
  "type",
  "length",
  "reversible",
  "go_ipfix_since",
  "go_ipfix_until",
] as const;

type Column = (typeof REGISTRY_COLUMNS)[number];

const OPTIONAL_COLUMNS: ReadonlySet<Column> = new Set<Column>(["reversible", "go_ipfix_since", "go_ipfix_until"]);

/** One row of a registry file: an element in one state, and the go-ipfix releases that had it. */
export interface RegistryRow {
  readonly element: InformationElement;
  /** Whether RFC 5103 gives it a reverse element. */
  readonly reversible: boolean;
  /** First release that had it; undefined for all releases. */
  readonly since: SemanticVersion | undefined;
  /** First release that no longer had it; undefined for none. */
  readonly until: SemanticVersion | undefined;
  /** Line in the file, from 1. */
  readonly line: number;
  readonly file: string;
}

/** One thing wrong with a registry file. */
export interface RegistryMistake {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** What is wrong and, in parentheses, what is allowed. */
  readonly problem: string;
}

/**
 * A registry file that cannot be used. The message has one line for each mistake: `file:line:column: problem
 * (allowed)`.
 */
export class RegistryError extends Error {
  override readonly name = "RegistryError";

  constructor(readonly mistakes: readonly RegistryMistake[]) {
    super(mistakes.map(({ file, line, column, problem }) => `${file}:${line}:${column}: ${problem}`).join("\n"));
  }
}

/** Mistakes after which the rest of a file is not read. */
const MISTAKES_SHOWN = 100;

interface Cell {
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

/**
 * Reads the rows of one registry file.
 *
 * @throws RegistryError with every mistake (the first 100)
 */
export function parseRegistryRows(file: string, csv: string): readonly RegistryRow[] {
  const lines = csv.replace(/^\uFEFF/, "").split(/\r?\n/);
  const header = parseHeader(file, lines[0] ?? "");
  const mistakes: RegistryMistake[] = [];
  const rows: RegistryRow[] = [];
  for (const [index, text] of lines.entries()) {
    if (index === 0 || text.trim() === "") continue;
    if (mistakes.length >= MISTAKES_SHOWN) break;
    const row = new RowParser(file, index + 1, header, cellsOf(text), mistakes).parse();
    if (row !== undefined) rows.push(row);
  }
  if (mistakes.length > 0) throw new RegistryError(mistakes);
  return rows;
}

function parseHeader(file: string, text: string): readonly Column[] {
  const mistakes: RegistryMistake[] = [];
  const allowed = `allowed: ${REGISTRY_COLUMNS.join(",")}; the last ${OPTIONAL_COLUMNS.size} may be missing`;
  const columns: Column[] = [];
  const cells = cellsOf(text);
  for (const cell of cells) {
    const column = REGISTRY_COLUMNS.find((known) => known === cell.text);
    const problem = column === undefined ? "is not a column" : columns.includes(column) ? "appears twice" : undefined;
    if (problem !== undefined) {
      mistakes.push({ file, line: 1, column: cell.column, problem: `"${cell.text}" ${problem} (${allowed})` });
    } else if (column !== undefined) columns.push(column);
  }
  for (const column of REGISTRY_COLUMNS) {
    if (!columns.includes(column) && !OPTIONAL_COLUMNS.has(column)) {
      mistakes.push({ file, line: 1, column: text.length + 1, problem: `column "${column}" is missing (${allowed})` });
    }
  }
  if (mistakes.length > 0) throw new RegistryError(mistakes);
  return columns;
}

/** The cells of a line, without the quotes around them (RFC 4180). A quoted cell cannot continue on the next line. */
function cellsOf(line: string): readonly Cell[] {
  const cells: Cell[] = [];
  const form = /\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)/y;
  while (form.lastIndex <= line.length) {
    const column = form.lastIndex + 1;
    const match = form.exec(line);
    if (match === null) break; // never: what is no quoted cell is a plain one
    cells.push({ text: (match[1]?.replaceAll('""', '"') ?? match[2] ?? "").trim(), column });
    if (!match[0].endsWith(",")) break;
  }
  return cells;
}

class RowParser {
  readonly #before: number;

  constructor(
    readonly file: string,
    readonly line: number,
    readonly header: readonly Column[],
    readonly cells: readonly Cell[],
    readonly mistakes: RegistryMistake[],
  ) {
    this.#before = mistakes.length;
  }

  parse(): RegistryRow | undefined {
    if (this.cells.length !== this.header.length) {
      this.#mistake(1, `row has ${this.cells.length} cells (allowed: ${this.header.length}, as the header)`);
      return undefined;
    }
    const pen = this.#integer("pen", 0, 0xffffffff);
    const id = this.#integer("id", 0, 32767);
    const name = this.#name();
    const type = this.#type();
    const length = this.#length(type);
    const reversible = this.#reversible(pen);
    const since = this.#version("go_ipfix_since");
    const until = this.#version("go_ipfix_until");
    if (until !== undefined && (since === undefined || compareSemanticVersions(since, until) >= 0)) {
      this.#mistakeIn("go_ipfix_until", "is not after go_ipfix_since", "a later release, or empty");
    }
    if (this.mistakes.length > this.#before || type === undefined) return undefined;
    const element = { pen, id, name, type, length, known: true, enterpriseBit: pen !== 0 };
    return { element, reversible, since, until, line: this.line, file: this.file };
  }

  #cell(column: Column): Cell {
    return this.cells[this.header.indexOf(column)] ?? { text: "", column: 1 };
  }

  #integer(column: Column, least: number, most: number): number {
    const { text } = this.#cell(column);
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      this.#mistakeIn(column, "is wrong", `an integer between ${least} and ${most}`);
    }
    return value;
  }

  #name(): string {
    const { text } = this.#cell("name");
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(text)) this.#mistakeIn("name", "is wrong", "a letter, then letters and digits");
    return text;
  }

  #type(): AbstractDataType | undefined {
    const { text } = this.#cell("type");
    const type = ABSTRACT_DATA_TYPES.find((known) => known === text);
    if (type === undefined) this.#mistakeIn("type", "is not an abstract data type", ABSTRACT_DATA_TYPES.join(", "));
    return type;
  }

  #length(type: AbstractDataType | undefined): number {
    const length = this.#integer("length", 0, VARIABLE_LENGTH);
    if (type === undefined || Number.isNaN(length)) return length;
    const natural = naturalLength(type);
    if (natural !== VARIABLE_LENGTH && length !== natural) {
      this.#mistakeIn("length", `is not the length of ${type}`, `${natural}`);
    }
    return length;
  }

  #reversible(pen: number): boolean {
    if (!this.header.includes("reversible")) return false;
    const { text } = this.#cell("reversible");
    if (text !== "yes" && text !== "no") this.#mistakeIn("reversible", "is wrong", "yes, no");
    else if (text === "yes" && pen !== 0) this.#mistakeIn("reversible", `is wrong under PEN ${pen}`, "no");
    return text === "yes";
  }

  #version(column: "go_ipfix_since" | "go_ipfix_until"): SemanticVersion | undefined {
    const { text } = this.#cell(column);
    if (text === "") return undefined;
    const version = parseSemanticVersion(text);
    if (version === undefined) this.#mistakeIn(column, "is wrong", "a release as v0.16.0, or empty");
    return version;
  }

  #mistakeIn(column: Column, problem: string, allowed: string): void {
    const cell = this.#cell(column);
    this.#mistake(cell.column, `${column} "${cell.text}" ${problem} (allowed: ${allowed})`);
  }

  #mistake(column: number, problem: string): void {
    this.mistakes.push({ file: this.file, line: this.line, column, problem });
  }
}
