import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { type Stage, sumOfTallies, type Tally } from "./rolling_upgrade.ts";
import { terminalWidth } from "../terminal/terminal.ts";
import { tableLines, wrapWords } from "../terminal/text_table.ts";

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
export const lineWidth = () => Math.min(80, terminalWidth());

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
  const { sent, arrived, wrong, lost } = tally;
  const colour = wrong === 0 && lost === 0 && arrived === sent ? "green" : "red";
  const [start, said] = [`  Agents: ${runs.padEnd(14)} `, tallyWords(tally)];
  return [
    ...(start.length + said.length <= width
      ? [`${start}${mark(colour, said)}`]
      : [start.trimEnd(), ...wrap(said, INDENT, width).map((line) => mark(colour, line))]),
    ...complaints.flatMap((complaint) => wrap(complaint, INDENT, width).map((line) => mark("dim", line))),
  ];
}

const INDENT = " ".repeat(6);

/** `60 of 120 arrived, 60 lost, the Aggregator died 3 times` */
function tallyWords({ sent, arrived, wrong, lost, deaths }: Readonly<Tally>): string {
  return [
    `${arrived} of ${sent} arrived`,
    ...(wrong === 0 ? [] : [`${wrong} of them wrong`]),
    ...(lost === 0 ? [] : [`${lost} lost`]),
    ...(deaths === 0 ? [] : [`the Aggregator died${deaths === 1 ? "" : ` ${deaths} times`}`]),
  ].join(", ");
}

/** Returns the lines of the closing table, or where that is too wide, a sentence for each of its rows. */
export function closingTable(results: readonly ChapterResult[], mark: Mark, width = lineWidth()): string[] {
  const colourOf = ({ tally }: ChapterResult) => isPerfect(tally) ? "green" : "red";
  const rows = results.map(({ order, through, tally: { sent, arrived, wrong, lost, deaths } }) => [
    `${order}, ${through}`,
    ...[sent, arrived, wrong, lost, deaths].map(String),
  ]);
  const [head = "", ...lines] = tableLines(
    [["", "sent", "arrived", "wrong", "lost", "deaths"], ...rows],
    ["left", "right", "right", "right", "right", "right"],
  );
  if (head.length > width) {
    return results.flatMap((result) => {
      const { order, through, tally } = result;
      const sentence = `${order}, ${through}: ${tallyWords(tally)}`;
      return wrap(sentence, "  ", width, "").map((line) => mark(colourOf(result), line));
    });
  }
  return [mark("bold", head), ...results.map((result, index) => mark(colourOf(result), lines[index] ?? ""))];
}

/** Whether all records arrived and none was wrong. */
export function isPerfect(tally: Readonly<Tally>): boolean {
  return tally.sent > 0 && tally.arrived === tally.sent && tally.wrong === 0 &&
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
