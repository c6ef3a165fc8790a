import { Command } from "commander";
import { tryChains } from "../../offline/chain_trial.ts";
import { rehearse } from "../../service/service.ts";
import type { Configuration } from "../../config/configuration.ts";
import { writtenDuration, writtenLimits, writtenSize } from "../../config/written_quantities.ts";
import { configurationFailure, configurationOption, DEFAULT_CONFIGURATION } from "../command_line/command_options.ts";
import { certificateName } from "../../certificates/certificate_details.ts";
import { formatMistake } from "../../config/yaml/mistake.ts";
import { startLine } from "./start_line.ts";
import { usageFailure } from "../command_line/command_failure.ts";
import {
  type CertificateDescription,
  type ConfigurationDescription,
  describe,
  describeCertificates,
  type TreatmentDescription,
} from "../../config/configuration_description.ts";
import { painter, printable, terminalWidth, wantsColour, writeLine } from "../../terminal/terminal.ts";
import { wrapFacts, wrapWords } from "../../terminal/text_table.ts";

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

interface Description extends ConfigurationDescription {
  /** What starts a proxy with this configuration. */
  readonly start: string;
}

export function checkCommand(): Command {
  return new Command("check")
    .summary("check a configuration and show what it means")
    .description(
      "Reads a configuration, its profiles, plugins and certificates as `serve` does, but opens no port. Reports all mistakes at " +
        "once, each with its position; a certificate that has expired or is not valid yet is one. Ends with the command that " +
        "starts the proxy.",
    )
    .option("-c, --config <file>", "configuration", DEFAULT_CONFIGURATION)
    .option("--json", "print one JSON object")
    .action(check);
}

async function check({ config, json = false }: Options): Promise<void> {
  const configuration = await configurationOption(config);
  try {
    await rehearse(configuration);
  } catch (error) {
    throw configurationFailure(configuration, error);
  }
  const { failures, warnings } = await tryChains(configuration);
  configuration.close();
  const invalid = configuration.certificates.flatMap(({ mistakes }) => mistakes);
  if (invalid.length > 0) {
    const lines = [...invalid.map(formatMistake), ...failures.map((failure) => `${configuration.file}: ${failure}`)];
    throw usageFailure(lines.join("\n"));
  }
  if (failures.length > 0) throw configurationFailure(configuration, failures.join("\n"));
  const start = startLine(configuration);
  const described = describe(configuration);
  const description = {
    ...described,
    warnings: [...described.warnings, ...warnings],
    certificates: describeCertificates(configuration),
    start,
  };
  await writeLine(json ? JSON.stringify(description, null, 2) : descriptionText(description, configuration).join("\n"));
}

function descriptionText(description: Description, configuration: Configuration): string[] {
  const paint = painter(wantsColour());
  const { file, warnings, listen, restarts, trust, peers, admin, ledger, cache, start } = description;
  return [
    paint("bold", `${file} is valid.`),
    ...row("warning", warnings),
    ...row("listen", listen),
    ...treatmentRows(description),
    ...row("restarts", [restarts]),
    ...row("trust", trust),
    ...row("tls", describeCertificates(configuration).map(certificateText)),
    ...wrapFacts(writtenLimits(configuration).map(printable), terminalWidth(), INDENT, labelled("limits")),
    ...row("admin", [
      `${admin}, skewSettle ${writtenDuration(configuration, ["admin", "skewSettle"], configuration.admin.skewSettle)}`,
    ]),
    ...row("ledger", [ledger.values ? "keeps and shows lost values" : "counts losses, keeps no values"]),
    ...row(
      "cache",
      cache === undefined ? [] : [
        `${cache.file}, every ${writtenDuration(configuration, ["cache", "interval"], cache.interval)}, ` +
        `at most ${writtenSize(configuration, ["cache", "size"], cache.size)}`,
      ],
    ),
    ...peers.flatMap((peer) => [
      paint(
        "bold",
        `${peer.name}, for ${Object.entries(peer.match).map(([key, value]) => `${key} ${value}`).join(", ")}`,
      ),
      ...treatmentRows(peer),
      ...row("restarts", peer.restarts === undefined ? [] : [peer.restarts]),
    ]),
    // In one piece, so that it can be copied.
    `  ${paint("bold", "start")}       ${printable(start)}`,
  ];
}

function certificateText(certificate: CertificateDescription): string {
  const { path, mode, file, subject = "", names = [], issuer = "", validFrom, expiresAt } = certificate;
  if (file === undefined) return `${path}: from the cluster (mode ${mode}), which check does not read`;
  return [
    `${path} (${file}): ${certificateName({ subject, names })}`,
    ...(names.length === 0 ? [] : [`for ${names.join(", ")}`]),
    `issued by ${issuer === subject ? "itself" : issuer}`,
    `valid from ${validFrom?.toISOString()} to ${expiresAt?.toISOString()}`,
  ].join("; ");
}

function treatmentRows({ mode, collector, profile, dialect, dialectLimits, chain }: TreatmentDescription): string[] {
  return [
    ...row("mode", [mode]),
    ...row("collector", [`${collector}, ${profile} (dialect ${dialect})`]),
    ...row(
      "dialect",
      Object.keys(dialectLimits).length === 0
        ? []
        : [Object.entries(dialectLimits).map(([key, value]) => `${key} ${limitText(value)}`).join(", ")],
    ),
    ...row(
      "plugins",
      chain.length === 0 ? ["none"] : chain.map(({ use, options }) => `${use} ${JSON.stringify(options)}`),
    ),
  ];
}

function limitText(value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(" ") || "none" : String(value);
}

/** The start of a line under the entries of a label, and of one with the label. */
const INDENT = " ".repeat(14);
const labelled = (label: string) => `  ${label.padEnd(12)}`;

/** A label with one entry per line, wrapped to the width of the terminal. */
function row(label: string, entries: readonly string[]): string[] {
  return entries.flatMap((entry, index) =>
    wrapWords(printable(entry).split(" "), terminalWidth(), INDENT, labelled(index === 0 ? label : ""))
  );
}
