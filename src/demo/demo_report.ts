import type { Profile } from "../mediation/mapping/profile.ts";
import type { Stage, Tally } from "./rolling_upgrade.ts";
import { sumOfTallies } from "./rolling_upgrade.ts";

/** How a text stands out; the same words as the command line's styles. */
export type Mark = (style: "bold" | "dim" | "red" | "green" | "yellow", text: string) => string;

/** Which side of the upgrade comes first, and whether the proxy stands between. */
export interface Chapter {
  readonly order: "Agents first" | "Aggregator first";
  readonly through: "directly" | "through the proxy";
}

/** What one chapter came to. */
export interface ChapterResult extends Chapter {
  readonly tally: Tally;
}

/** Columns of a terminal that every line fits into. */
const WIDTH = 80;

/** What the two releases' lists differ in, for the head of the demo. */
export function differenceOfLists(from: Profile, to: Profile): string[] {
  const lines = ([["new", notIn(to, from)], ["gone", notIn(from, to)]] as const)
    .filter(([, names]) => names.length > 0)
    .flatMap(([word, names]) => wrap(`  ${word.padEnd(5)}${names.join(", ")}`, "       ", "  "));
  return lines.length === 0 ? ["  both have the same fields"] : lines;
}

/** The elements that Agents send and an Aggregator has no place for: all that the proxy leaves out. */
export function notIn(agents: Profile, aggregator: Profile): string[] {
  const names = ({ templates }: Profile) =>
    new Set(templates.flatMap(({ fields }) => fields.map(({ element }) => element.name)));
  return [...names(agents).difference(names(aggregator))];
}

/** The sentence about {@link notIn} that an honest ending needs. */
export function leftOut(from: Profile, to: Profile): string[] {
  const names = [...new Set([...notIn(to, from), ...notIn(from, to)])];
  if (names.length === 0) return [];
  return wrap(`Left out where the Aggregator has no place for it: ${names.join(", ")}.`, "");
}

/** The lines of one stage: who runs what, what arrived, and the first thing of each kind that went wrong. */
export function stageLines(
  { upgraded, tally, complaints }: Stage,
  nodes: number,
  from: string,
  to: string,
  mark: Mark,
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
    ...complaints.flatMap((complaint) => wrap(complaint, "      ").map((line) => mark("dim", line))),
  ];
}

/** The closing table. */
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

/** Whether all records arrived and none is wrong. */
export function isPerfect(tally: Readonly<Tally> | undefined): boolean {
  return tally !== undefined && tally.sent > 0 && tally.arrived === tally.sent && tally.wrong === 0 &&
    tally.lost === 0 && tally.deaths === 0;
}

/** The result of a chapter's stages. */
export function chapterResult(chapter: Chapter, stages: readonly Stage[]): ChapterResult {
  return { ...chapter, tally: sumOfTallies(stages.map(({ tally }) => tally)) };
}

function short(profile: string): string {
  return profile.replace(/^antrea\//, "");
}

/** Words over lines that fit; a word longer than a line is cut. */
function wrap(text: string, indent: string, first = indent): string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.trim().split(" ").flatMap((word) => word.match(/.{1,60}/gu) ?? [""])) {
    if (line.trim() !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent;
    }
    line += line.trim() === "" ? word : ` ${word}`;
  }
  return line.trim() === "" ? lines : [...lines, line];
}
