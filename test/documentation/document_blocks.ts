import { FakeView } from "../support/fake_view.ts";
import { createMetrics } from "../../src/admin/metrics/metrics.ts";
import { matrixMarkdown } from "../../src/commands/upgrade/matrix.ts";
import { REJECT_REASON_MEANINGS } from "../../src/ipfix/octets/decode_error.ts";
import { DROP_REASON_MEANINGS } from "../../src/mediation/templates/event.ts";
import { EVENT_MEANINGS } from "../../src/proxy/reporting/event_name.ts";

/** Blocks that come from the code: by document, then by the name in the block's comment. */
export async function documentBlocks(): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  return {
    "README.md": { matrix: matrixMarkdown() },
    "src/admin/README.md": { metrics: await metrics(), events: events(), reasons: reasons() },
  };
}

/**
 * Replaces the content of each block: what stands between `<!-- NAME: … -->` and `<!-- end -->`.
 *
 * @throws {Error} where the text lacks a block
 */
export function withBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  for (const [name, block] of Object.entries(blocks)) {
    const begin = text.indexOf(`<!-- ${name}: `);
    const from = text.indexOf("-->", begin) + "-->".length;
    const to = text.indexOf("<!-- end -->", from);
    if (begin < 0 || to < 0) throw new Error(`there is no block ${name}`);
    text = `${text.slice(0, from)}\n\n${block}\n\n${text.slice(to)}`;
  }
  return text;
}

/** The project's own metrics; those of the process are as every Prometheus client names them. */
async function metrics(): Promise<string> {
  const text = await createMetrics(new FakeView()).scrape();
  const rows = [...text.matchAll(/^# HELP ipfix_proxy_(\S+) (.*)$/gm)].map(([, name, help]) =>
    `| \`${name}\` | ${help} |`
  );
  return ["| `ipfix_proxy_…` | |", "|---|---|", ...rows].join("\n");
}

function events(): string {
  return [
    "| event | |",
    "|---|---|",
    ...Object.entries(EVENT_MEANINGS).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
  ]
    .join("\n");
}

function reasons(): string {
  const row = ([reason, meaning]: [string, string]) => `| \`${reason}\` | ${meaning} |`;
  return [
    "| dropped | |",
    "|---|---|",
    ...Object.entries(DROP_REASON_MEANINGS).map(row),
    "",
    "| refused | |",
    "|---|---|",
    ...Object.entries(REJECT_REASON_MEANINGS).map(row),
  ].join("\n");
}
