import type { Runbook, Step } from "./runbook.ts";

/** A runbook as Markdown, to be read in a terminal or kept. */
export function runbookMarkdown({ upgrade, notes, steps }: Runbook): string {
  const { from, to, order, needed, why, overlay, overlayWhy, trust, between } = upgrade;
  const facts = [
    `Proxy: ${needed ? "needed" : "not needed"}. ${why}.`,
    ...(needed
      ? [
        `Through it: ${OUTCOMES[between.proxied.outcome]}.`,
        `Overlay: ${overlay}: ${overlayWhy}.`,
        `Profile: auto. Trust: auto (${[...new Set(trust)].join(", then ")}).`,
      ]
      : []),
    ...notes,
  ];
  return [
    `# Antrea ${from.release} to ${to.release}, ${
      order === "agents-first" ? "Agents first" : "the Flow Aggregator first"
    }`,
    "",
    ...facts.map((fact) => `- ${fact}`),
    ...steps.flatMap((step, index) => stepLines(step, index + 1)),
  ].join("\n");
}

const OUTCOMES = {
  identical: "every record arrives as it was sent",
  lossless: "every record arrives with all that the Agent said",
  lossy: "every record arrives, less the fields that the Aggregator does not know",
  broken: "records of some templates do not arrive",
} as const;

function stepLines({ title, commands, look, back }: Step, number: number): string[] {
  return [
    "",
    `## ${number}. ${title}`,
    ...(commands.length === 0 ? [] : ["", "```sh", ...commands, "```"]),
    ...(look.length === 0 ? [] : ["", "Look at:", ...look.map((line) => `- ${line}`)]),
    ...(back.length === 0 ? [] : ["", "Back:", "", "```sh", ...back, "```"]),
  ];
}
