import { Command } from "commander";
import { settled } from "../../mediation/mapping/chain/pending_mapping.ts";
import { ChainError } from "../../mediation/mapping/chain/mapping_chain.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { Treatment } from "../../mediation/mapping/chain/treatment.ts";
import { antreaRelease } from "../../config/profiles/antrea_releases.ts";
import type { Configuration } from "../../config/configuration.ts";
import { usageFailure } from "../command_line/command_failure.ts";
import { errorMessage } from "../../error_message.ts";
import { automaticTreatment, configuredTreatment } from "../../offline/release_treatment.ts";
import { configurationOption, profileOption } from "../command_line/command_options.ts";
import { explainTemplates, type TemplateExplanation } from "../../offline/template_explanation.ts";
import { type Paint, painter, terminalWidth, wantsColour, writeLine } from "../../terminal/terminal.ts";
import { headedLines, wrapFacts } from "../../terminal/text_table.ts";

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly config?: string;
  readonly json?: boolean;
}

export function explainCommand(): Command {
  return new Command("explain")
    .summary("show what is kept, stripped, padded, moved and lost between two releases")
    .description(
      "Shows how each template of an exporter's release is mapped for a collector of another release.",
    )
    .option("--from <profile>", "the exporter's release, such as antrea/v2.0, or a profile file")
    .option("--to <profile>", "the collector's release, or a profile file")
    .option("-c, --config <file>", "use the plugins of this configuration instead of the default chain")
    .option("--json", "print one JSON object")
    .action(explainReleases);
}

async function explainReleases(options: Options): Promise<void> {
  const from = profileOption("--from", options.from);
  const to = profileOption("--to", options.to);
  if (from.templates.length === 0) {
    throw usageFailure(
      `error: --from: ${from.name} lists no templates (name the release of an exporter, such as antrea/v2.0)`,
    );
  }
  const treatment = options.config === undefined
    ? automaticTreatment(to)
    : treatmentOf(await configurationOption(options.config), from, to);
  const templates = await settled(() => explain(from, treatment));
  if (options.json === true) {
    await writeLine(JSON.stringify(
      { from: from.name, to: to.name, dialect: treatment.profile.dialect.name, templates },
      null,
      2,
    ));
  } else {
    const lines = explanationText(from, treatment.profile, templates, terminalWidth(), painter(wantsColour()));
    await writeLine(lines.join("\n"));
  }
}

function treatmentOf(configuration: Configuration, from: Profile, to: Profile): Treatment {
  try {
    return configuredTreatment(configuration, antreaRelease(from.name)?.era, to);
  } catch (error) {
    throw usageFailure(`error: ${configuration.file} with ${to.name}: ${errorMessage(error)}`, error);
  }
}

function explain(from: Profile, treatment: Treatment): TemplateExplanation[] {
  try {
    return explainTemplates(from, treatment);
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    throw usageFailure(`error: plugin ${error.plugin}: ${error.message}`, error);
  }
}

/** The explanation as text, in lines no wider than the terminal. */
export function explanationText(
  from: Profile,
  to: Profile,
  templates: readonly TemplateExplanation[],
  width: number,
  paint: Paint,
): string[] {
  const bold = (text: string) => paint("bold", text);
  const lines = headedLines(`${from.name} → ${to.name}`, ` (dialect ${to.dialect.name})`, width, bold);
  for (const template of templates) {
    const { name, selectedBy, source, target, identical } = template;
    const count = identical ? "the same in and out" : `${fieldCount(source.length)} in, ${target.length} out`;
    lines.push("", ...headedLines(name, ` (selected by ${selectedBy}): ${count}`, width, bold));
    for (const [label, facts] of explanationRows(template)) {
      const rows = wrapFacts(
        facts.length === 0 ? ["nothing"] : facts,
        width,
        " ".repeat(12),
        `  ${label.padEnd(10)}`,
      );
      lines.push(...rows.map((row) => label === "lost" && facts.length > 0 ? paint("yellow", row) : row));
    }
  }
  return lines;
}

function explanationRows(template: TemplateExplanation): (readonly [string, readonly string[]])[] {
  const { kept, renamed, stripped, target, moved, lost, strippedBy } = template;
  const padded = target.filter(({ from }) => from !== "record").map((field) => ({
    text: `${field.element} = ${field.from === "constant" ? JSON.stringify(field.value) : field.value}`,
    by: field.by,
  }));
  const converted = target.flatMap(({ element, convert, otherwise }) =>
    convert === undefined
      ? []
      : otherwise === undefined
      ? [`${element} (${convert})`]
      : [`${element} (narrow; a value that does not fit becomes ${otherwise})`]
  );
  return [
    ["kept", [fieldCount(kept.length)]],
    ...(renamed.length === 0 ? [] : [["renamed", renamed.map(({ from, to }) => `${from} → ${to}`)] as const]),
    ...(converted.length === 0 ? [] : [["converted", converted] as const]),
    ["stripped", byPlugin(stripped.map((text) => ({ text, by: strippedBy[text] })))],
    ["padded", byPlugin(padded)],
    ["moved", moved === 0 ? [] : [fieldCount(moved)]],
    ["lost", lost],
  ];
}

/** The texts grouped by plugin; the last of each group names its plugin. */
function byPlugin(entries: readonly { readonly text: string; readonly by: string | undefined }[]): string[] {
  return [...Map.groupBy(entries, ({ by }) => by)].flatMap(([plugin, group]) => {
    const texts = group.map(({ text }) => text);
    const last = texts.pop();
    return last === undefined ? [] : [...texts, plugin === undefined ? last : `${last} (${plugin})`];
  });
}

function fieldCount(count: number): string {
  return count === 1 ? "1 field" : `${count} fields`;
}
