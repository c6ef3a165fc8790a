import { Command, Option } from "commander";
import { KubernetesClient } from "../../kubernetes/api/client.ts";
import { KubeconfigAccess } from "../../kubernetes/api/kubeconfig.ts";
import { errorMessage } from "../../error_message.ts";
import { SYSTEM_CLOCK } from "../../proxy/time/clock.ts";
import { printable, terminalWidth, writeLine } from "../../terminal/terminal.ts";
import { wrapWords } from "../../terminal/text_table.ts";
import { readCluster } from "../../upgrade/cluster.ts";
import { findings } from "../../upgrade/findings.ts";
import { type Runbook, runbook } from "../../upgrade/runbook.ts";
import { runbookMarkdown } from "../../upgrade/runbook_text.ts";
import { type Overlay, planUpgrade, type Upgrade, type UpgradeOrder } from "../../upgrade/upgrade.ts";
import { CommandFailure, EXIT, runFailure, usageFailure } from "../command_line/command_failure.ts";
import { required } from "../command_line/command_options.ts";

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly order: UpgradeOrder;
  readonly overlay?: Overlay;
  readonly kubeconfig?: string;
  readonly check?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** The `plan` command. */
export function planCommand(): Command {
  return new Command("plan")
    .summary("print the runbook of an upgrade from one Antrea release to another")
    .description(
      "Shows whether an upgrade needs the proxy, and every step: the commands, what to look at, and how to go back. With --check, " +
        "compares a cluster with the plan instead and lists the differences. " +
        "Exit status: 0 done; 1 --check found differences; 2 Antrea does not support the pair.",
    )
    .option("--from <release>", "the release to upgrade from: v1.15 (its newest patch), or v1.15.2")
    .option("--to <release>", "the release to upgrade to")
    .addOption(
      new Option("--order <order>", "which side is upgraded first").choices(["agents-first", "aggregator-first"])
        .default("agents-first"),
    )
    .addOption(
      new Option("--overlay <overlay>", "where the proxy runs, if not where the plan puts it").choices([
        "gateway",
        "sidecar",
      ]),
    )
    .option("--kubeconfig <file>", "the cluster, for --check and for the commands of the plan")
    .option("--check", "compare the cluster with the plan")
    .option("--force", "plan a pair even if Antrea does not support it")
    .option("--json", "print the runbook, or what --check found, as JSON")
    .action(plan);
}

async function plan(options: Options): Promise<void> {
  const upgrade = upgradeOf(options);
  if (options.check === true) return await check(upgrade, options);
  const { kubeconfig, json } = options;
  const book = kubeconfig === undefined ? runbook(upgrade) : withKubeconfig(runbook(upgrade), kubeconfig);
  if (json === true) return await writeLine(JSON.stringify(book, null, 2));
  const text = runbookMarkdown(book);
  await writeLine(Deno.stdout.isTerminal() ? withPointsWrapped(text, terminalWidth()) : text);
}

/** The same Markdown, its points wrapped for a terminal; commands stay whole, to be copied. */
export function withPointsWrapped(markdown: string, width: number): string {
  return markdown.split("\n").flatMap((line) =>
    line.startsWith("- ") ? wrapWords(line.slice(2).split(" "), width, "  ", "- ") : [line]
  ).join("\n");
}

/** The same runbook, with this file in every command that asks the cluster. */
function withKubeconfig({ steps, ...rest }: Runbook, kubeconfig: string): Runbook {
  const path = /^[\w@%+=:,./-]+$/.test(kubeconfig) ? kubeconfig : `'${kubeconfig.replaceAll("'", "'\\''")}'`;
  const named = (line: string) =>
    line.replaceAll(/\bkubectl (?=[a-z-])/g, () => `kubectl --kubeconfig=${path} `)
      .replaceAll("--kubeconfig FILE", () => `--kubeconfig ${path}`);
  return {
    ...rest,
    steps: steps.map(({ title, commands, look, back }) => ({
      title,
      commands: commands.map(named),
      look: look.map(named),
      back: back.map(named),
    })),
  };
}

function upgradeOf({ from, to, order, force, overlay }: Options): Upgrade {
  try {
    return planUpgrade(required("--from", from), required("--to", to), order, force, overlay);
  } catch (error) {
    if (error instanceof RangeError) throw usageFailure(`error: ${error.message}`, error);
    throw error;
  }
}

async function check(upgrade: Upgrade, { kubeconfig, json }: Options): Promise<void> {
  const path = required("--kubeconfig", kubeconfig);
  let access: KubeconfigAccess;
  try {
    access = await KubeconfigAccess.open(path);
  } catch (error) {
    throw usageFailure(`error: --kubeconfig: ${errorMessage(error)}`, error);
  }
  using client = new KubernetesClient({ access, clock: SYSTEM_CLOCK });
  const found = await readCluster(client).then((cluster) => findings(upgrade, cluster), (error: unknown) => {
    throw runFailure(`error: ${printable(errorMessage(error))}`, error);
  });
  await writeLine(
    json === true
      ? JSON.stringify(found, null, 2)
      : found.map(({ expected, text }) => `${expected ? "ok " : "NOT"} ${printable(text)}`).join("\n"),
  );
  if (found.some(({ expected }) => !expected)) throw new CommandFailure(EXIT.FAILED, "");
}
