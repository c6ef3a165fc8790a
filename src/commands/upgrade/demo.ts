import { Command } from "commander";
import {
  type Chapter,
  type ChapterResult,
  chapterResult,
  closingTable,
  differenceOfLists,
  isPerfect,
  leftOut,
  lineWidth,
  stageLines,
} from "../../demo/demo_report.ts";
import { EmbeddedAggregator } from "../../demo/embedded_aggregator.ts";
import { rollingUpgrade, type Stage } from "../../demo/rolling_upgrade.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { ReportEvent } from "../../proxy/reporting/proxy_event.ts";
import { runFailure, usageFailure } from "../command_line/command_failure.ts";
import { profileOption } from "../command_line/command_options.ts";
import { demoProxy, keepSending } from "../../demo/demo_proxy.ts";
import { type Paint, painter, say, wantsColour, writeLine } from "../../terminal/terminal.ts";
import { headedLines, wrapWords } from "../../terminal/text_table.ts";

interface Options {
  readonly from: string;
  readonly to: string;
  readonly keep?: boolean;
}

const NODES = ["node-1", "node-2", "node-3"];
/** Flows that each Agent sends in each stage. */
const FLOWS = 10;

export function demoCommand(): Command {
  return new Command("demo")
    .summary("simulate a rolling upgrade with embedded Agents and an embedded Aggregator")
    .description(
      "Upgrades three Agents from one release to another over loopback sockets, with an Aggregator whose decoder is as fragile " +
        "as the real one: first directly, then through the proxy. Compares every value that arrives.",
    )
    .option("--from <profile>", "the release before the upgrade", "antrea/v1.15")
    .option("--to <profile>", "the release after the upgrade", "antrea/v2.0")
    .option("--keep", "keep running through the proxy until Ctrl-C, and print the address of the dashboard")
    .action(demo);
}

async function demo(options: Options): Promise<void> {
  const from = releaseOption("--from", options.from);
  const to = releaseOption("--to", options.to);
  const paint = painter(wantsColour());
  await writeHeaded(`A rolling upgrade from ${from.name} to ${to.name}`, `, ${NODES.length} Nodes.`, paint);
  for (const line of ["Fields of the templates:", ...differenceOfLists(from, to)]) await writeLine(line);
  const results: ChapterResult[] = [];
  for (const chapter of CHAPTERS) results.push(await tellChapter(chapter, from, to, paint));
  await writeLine("");
  for (const line of closingTable(results, paint)) await writeLine(line);
  const proxied = results.filter(({ through }) => through === "through the proxy");
  await writeLine("");
  if (!proxied.every(({ tally }) => isPerfect(tally))) {
    throw runFailure("Something was lost or wrong through the proxy: this is a fault, please report it.");
  }
  const praise = "Through the proxy every record arrived and every value in it is right.";
  for (const line of wrapWords(praise.split(" "), lineWidth(), "")) await writeLine(paint("green", line));
  for (const line of leftOut(from, to)) await writeLine(line);
  if (options.keep === true) await keepSending(from, to, NODES);
}

const CHAPTERS: readonly Chapter[] = [
  { order: "Agents first", through: "directly" },
  { order: "Agents first", through: "through the proxy" },
  { order: "Aggregator first", through: "directly" },
  { order: "Aggregator first", through: "through the proxy" },
];

async function tellChapter(chapter: Chapter, from: Profile, to: Profile, paint: Paint): Promise<ChapterResult> {
  const expected = chapter.order === "Agents first" ? from : to;
  const aggregator = new EmbeddedAggregator(expected);
  const between = chapter.through === "directly" ? undefined : demoProxy(aggregator.address, expected, faultSayer());
  try {
    const [listener] = await between?.start() ?? [];
    const destination = listener?.address ?? aggregator.address;
    await writeLine("");
    await writeHeaded(`${chapter.order}, ${chapter.through}`, ` (Aggregator ${expected.name})`, paint);
    const stages: Stage[] = [];
    for await (const stage of rollingUpgrade({ from, to, aggregator, destination, nodes: NODES, flows: FLOWS })) {
      stages.push(stage);
      for (const line of stageLines(stage, NODES.length, from.name, to.name, paint)) await writeLine(line);
    }
    return chapterResult(chapter, stages);
  } finally {
    await between?.close();
    await aggregator.close();
  }
}

async function writeHeaded(head: string, rest: string, paint: Paint): Promise<void> {
  for (const line of headedLines(head, rest, lineWidth(), (text) => paint("bold", text))) await writeLine(line);
}

/** Prints each error of the proxy once. There should be none here. */
function faultSayer(): ReportEvent {
  const said = new Set<string>();
  return ({ level, message, fields }) => {
    const fault = `  the proxy: ${message}${fields.reason === undefined ? "" : `: ${fields.reason}`}`;
    if (level !== "error" || said.has(fault)) return;
    said.add(fault);
    say(fault);
  };
}

function releaseOption(option: string, name: string): Profile {
  const profile = profileOption(option, name);
  if (profile.templates.length === 0) {
    throw usageFailure(`error: ${option}: ${profile.name} lists no templates (name a release, such as antrea/v2.0)`);
  }
  return profile;
}
