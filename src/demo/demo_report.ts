import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { type Stage, sumOfTallies, type Tally } from "./rolling_upgrade.ts";
import { terminalWidth } from "../terminal/terminal.ts";
import { wrapWords } from "../terminal/text_table.ts";

/** Emphasizes a text; the styles are those of the command line. */
export type Mark = (style: "bold" | "dim" | "red" | "green" | "yellow", text: string) => string;

/** Which side is upgraded first, and whether the proxy is between them. */
export interface Chapter {
  readonly order: "Agents first" | "Aggregator first";
  readonly through: "directly" | "through the proxy";
}

/** The result of one chapter. */
export interface ChapterResult extends Chapter {
  readonly tally: Tally;
}

/** Most columns of a line. */
const lineWidth = () => Math.min(80, terminalWidth());

/** Returns lines on how the two releases' lists differ. */
export function differenceOfLists(from: Profile, to: Profile, width = lineWidth()): string[] {
  const lines = ([["new", notIn(to, from)], ["gone", notIn(from, to)]] as const)
    .filter(([, names]) => names.length > 0)
    .flatMap(([word, names]) => wrap(`  ${word.padEnd(5)}${names.join(", ")}`, "       ", width, "  "));
  return lines.length === 0 ? ["  both have the same fields"] : lines;
}

/** Returns the elements that Agents send and an Aggregator does not know: those that the proxy strips. */
function notIn(agents: Profile, aggregator: Profile): string[] {
  const names = ({ templates }: Profile) =>
    new Set(templates.flatMap(({ fields }) => fields.map(({ element }) => element.name)));
  return [...names(agents).difference(names(aggregator))];
}

/** Returns lines that name what the proxy strips, so that the demo's ending is honest. */
export function leftOut(from: Profile, to: Profile, width = lineWidth()): string[] {
  const names = [...new Set([...notIn(to, from), ...notIn(from, to)])];
  if (names.length === 0) return [];
  return wrap(`Stripped where the Aggregator does not know the field: ${names.join(", ")}.`, "", width);
}

/** Returns the lines of one stage: which releases run, what arrived, and the first failure of each kind. */
export function stageLines(
  { upgraded, tally, complaints }: Stage,
  nodes: number,
  from: string,
  to: string,
  mark: Mark,
  width = lineWidth(),
): string[] {
  const runs = upgraded === 0
    ? `all ${short(from)}`
    : upgraded === nodes
    ? `all ${short(to)}`
    : `${upgraded} of ${nodes} ${short(to)}`;
  const { sent, arrived, wrong, lost, deaths } = tally;
  const said = [
    `${arrived} of ${sent} arrived`,
    ...(wrong === 0 ? [] : [`${wrong} of them wrong`]),
    ...(lost === 0 ? [] : [`${lost} lost`]),
    ...(deaths === 0 ? [] : ["the Aggregator died"]),
  ].join(", ");
  const good = wrong === 0 && lost === 0 && arrived === sent;
  return [
    `  Agents: ${runs.padEnd(14)} ${mark(good ? "green" : "red", said)}`,
    ...complaints.flatMap((complaint) => wrap(complaint, "      ", width).map((line) => mark("dim", line))),
  ];
}

/** Returns the lines of the closing table. */
export function closingTable(results: readonly ChapterResult[], mark: Mark): string[] {
  const head = ["", "sent", "arrived", "wrong", "lost", "deaths"];
  const rows = results.map(({ order, through, tally }) => [
    `${order}, ${through}`,
    ...[tally.sent, tally.arrived, tally.wrong, tally.lost, tally.deaths].map(String),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)).join(
      "  ",
    );
  return [
    mark("bold", line(head)),
    ...rows.map((row, index) => mark(isPerfect(results[index]?.tally) ? "green" : "red", line(row))),
  ];
}

/** Whether all records arrived and none was wrong. */
export function isPerfect(tally: Readonly<Tally> | undefined): boolean {
  return tally !== undefined && tally.sent > 0 && tally.arrived === tally.sent && tally.wrong === 0 &&
    tally.lost === 0 && tally.deaths === 0;
}

/** Returns the result of a chapter from its stages. */
export function chapterResult(chapter: Chapter, stages: readonly Stage[]): ChapterResult {
  return { ...chapter, tally: sumOfTallies(stages.map(({ tally }) => tally)) };
}

function short(profile: string): string {
  return profile.replace(/^antrea\//, "");
}

/** Wraps text into lines of this many columns; splits a word longer than a line. */
function wrap(text: string, indent: string, width: number, first = indent): string[] {
  const longest = width - indent.length;
  const words = text.trim().split(" ").flatMap((word) => word.match(new RegExp(`.{1,${longest}}`, "gu")) ?? [""]);
  return wrapWords(words, width, indent, first);
}
