import { Command, Option } from "commander";
import {
  type CompatibilityCell,
  compatibilityCells,
  type ReleaseLine,
  releaseLines,
} from "../../offline/compatibility.ts";
import { type Paint, painter, type Style, terminalWidth, wantsColour, writeLine } from "../../terminal/terminal.ts";
import { fittingTables, markdownTable, wrapWords } from "../../terminal/text_table.ts";

interface Options {
  readonly format: "table" | "markdown" | "json";
}

export function matrixCommand(): Command {
  return new Command("matrix")
    .summary("compare every Antrea release line with every other, with and without the proxy")
    .description(
      "Shows what happens between an Agent of each release line and a Flow Aggregator of every other, directly and through the " +
        "proxy. The figures for direct connections were measured with real go-ipfix peers; as in every upgrade, the Aggregator " +
        "already knew the older template.",
    )
    .addOption(
      new Option("--format <format>", "output format").choices(["table", "markdown", "json"]).default("table"),
    )
    .action(matrix);
}

async function matrix({ format }: Options): Promise<void> {
  const lines = releaseLines();
  const cells = compatibilityCells(lines);
  switch (format) {
    case "json":
      return await writeLine(JSON.stringify({ releases: lines, cells }, null, 2));
    case "markdown":
      return await writeLine(matrixMarkdown());
    case "table":
      return await writeLine(matrixTable(lines, cells, painter(wantsColour()), terminalWidth()).join("\n"));
  }
}

/** The whole matrix as Markdown: a table and its legend. */
export function matrixMarkdown(): string {
  const lines = releaseLines();
  return markdown(lines, compatibilityCells(lines)).join("\n");
}

/** Neighbouring lines whose cells are all the same. */
interface LineGroup {
  readonly first: ReleaseLine;
  readonly last: ReleaseLine;
}

type View = (cell: CompatibilityCell) => string;

const DIRECTLY: View = ({ direct }) => direct.outcome === "broken" ? direct.how ?? "broken" : WORDS[direct.outcome];
const PROXIED: View = ({ proxied }) => WORDS[proxied.outcome];

const WORDS = { identical: "same", lossless: "ok", lossy: "less", broken: "broken" } as const;

const LEGEND: readonly (readonly [word: string, meaning: string])[] = [
  ["same", "every record arrives as it was sent"],
  ["ok", "every record arrives with all that the Agent said; what it lacks has its default"],
  ["less", "every record arrives, less the fields that the Aggregator does not know"],
  ["dies", "the Aggregator panics (index out of range), and after a restart refuses the template"],
  ["shut", "the Aggregator refuses the template and closes the connection, again and again"],
  ["false", "records are decoded with an older template and passed on as if they were correct"],
  ["stuck", "records are decoded, but the Aggregator's own IPFIX export refuses every one"],
  ["id 0", "records are decoded, but the Aggregator exports them in sets that nobody can read"],
];

const STYLES: Readonly<Record<string, Style>> = { same: "green", ok: "green", less: "yellow" };

/** The tables and their legend, in lines of at most `width` columns. */
export function matrixTable(
  lines: readonly ReleaseLine[],
  cells: readonly CompatibilityCell[],
  paint: Paint,
  width: number,
): string[] {
  const grid = new Grid(lines, cells);
  const result: string[] = [];
  for (const [title, view] of [["Directly", DIRECTLY], ["Through the proxy", PROXIED]] as const) {
    const columns = grid.columns(view);
    const rows = grid.rows(view).map((agent) => [
      groupName(agent),
      ...columns.map((collector) => view(grid.cell(agent.first, collector.first))),
    ]);
    const head = [
      ["Agent ↓", ...columns.map(({ first }) => first.line)],
      ["", ...columns.map((group) => groupName(group).slice(group.first.line.length))],
    ];
    result.push(paint("bold", `${title} (Aggregator →)`));
    for (const [one = "", two = "", ...body] of fittingTables([...head, ...rows], width)) {
      result.push(
        paint("bold", one),
        ...(two === "" ? [] : [paint("bold", two)]),
        ...body.map((line) => paintWords(line, paint)),
        "",
      );
    }
  }
  for (const [word, meaning] of LEGEND) {
    result.push(...wrapWords(meaning.split(" "), width, " ".repeat(7), `${word.padEnd(5)}  `));
  }
  return result;
}

/** Colours each word of a row except the first, which names the Agent. Widths stay the same. */
function paintWords(line: string, paint: Paint): string {
  return line.replace(
    /(?<= )(same|ok|less|dies|shut|false|stuck|id 0|broken)\b/g,
    (word) => paint(STYLES[word] ?? "red", word),
  );
}

function markdown(lines: readonly ReleaseLine[], cells: readonly CompatibilityCell[]): string[] {
  const both: View = (cell) => {
    const [direct, proxied] = [DIRECTLY(cell), PROXIED(cell)];
    return direct === proxied ? direct : `${direct} → ${proxied}`;
  };
  const grid = new Grid(lines, cells);
  const columns = grid.columns(both);
  const rows = grid.rows(both).map((agent) => [
    `**${groupName(agent)}**`,
    ...columns.map((collector) => both(grid.cell(agent.first, collector.first))),
  ]);
  return [
    ...markdownTable([["Agent ↓ Aggregator →", ...columns.map(groupName)], ...rows]),
    "",
    "One word: directly and through the proxy alike. Two: directly → through the proxy.",
    "",
    ...LEGEND.map(([word, meaning]) => `- \`${word}\`: ${meaning}`),
  ];
}

/** The name of a group, such as `v1.13-14`: the last line without the part it shares with the first. */
function groupName({ first, last }: LineGroup): string {
  if (first === last) return first.line;
  const [major, minor] = last.line.split(".");
  return `${first.line}-${first.line.startsWith(`${major}.`) ? minor : last.line}`;
}

class Grid {
  readonly #cells: ReadonlyMap<string, CompatibilityCell>;

  constructor(readonly lines: readonly ReleaseLine[], cells: readonly CompatibilityCell[]) {
    this.#cells = new Map(cells.map((cell) => [`${cell.agent} ${cell.collector}`, cell]));
  }

  cell(agent: ReleaseLine, collector: ReleaseLine): CompatibilityCell {
    const cell = this.#cells.get(`${agent.line} ${collector.line}`);
    if (cell === undefined) throw new Error(`no cell of ${agent.line} and ${collector.line}`);
    return cell;
  }

  columns(view: View): LineGroup[] {
    return this.#group((line) => this.lines.map((agent) => view(this.cell(agent, line))).join());
  }

  rows(view: View): LineGroup[] {
    return this.#group((line) => this.lines.map((collector) => view(this.cell(line, collector))).join());
  }

  #group(key: (line: ReleaseLine) => string): LineGroup[] {
    const groups: { first: ReleaseLine; last: ReleaseLine; key: string }[] = [];
    for (const line of this.lines) {
      const group = groups.at(-1);
      if (group !== undefined && group.key === key(line)) group.last = line;
      else groups.push({ first: line, last: line, key: key(line) });
    }
    return groups;
  }
}
