/**
 * What rewriting costs: `deno task bench --help`.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { say, writeLine } from "../../src/commands/terminal.ts";
import { measureInMemory } from "./in_memory.ts";
import { measureLatency } from "./latency.ts";
import { haproxyVersion } from "./relays.ts";
import { type BenchReport, formatReport } from "./report.ts";
import { measureRelays, relayCases } from "./whole_proxy.ts";

const PARTS = ["memory", "relays", "latency"];

interface Options {
  readonly gigabytes: number;
  readonly seconds: number;
  readonly messages: number;
  readonly only?: string;
  readonly json?: boolean;
  readonly install: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Allowed: numbers above 0.");
  return value;
}

async function cpuModel(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? Deno.build.arch;
}

const program = new Command("bench")
  .description(
    "Measures rewriting in memory, and the whole proxy over loopback beside a bare relay and HAProxy. " +
      "Figures count from 4 GB and 2 seconds on; the defaults only show that all of it runs.",
  )
  .option("--gigabytes <number>", "sent through each relay", positive, 0.05)
  .option("--seconds <number>", "for each line in memory", positive, 0.1)
  .option("--messages <number>", "for each line of latency", positive, 500)
  .addOption(new Option("--only <part>", "measure one part").choices(PARTS))
  .option("--json", "the report as JSON on standard output")
  .option("--no-install", "leave HAProxy out where it is not installed, instead of installing it")
  .action(async ({ gigabytes, seconds, messages, only, json, install }: Options) => {
    const wanted = (part: string) => only === undefined || only === part;
    const found = wanted("relays") || wanted("latency") ? await haproxyVersion(install) : { missing: "not asked for" };
    const haproxy = "version" in found;
    if (!haproxy) say(`HAProxy is left out: ${found.missing}`);
    const report: BenchReport = {
      machine: {
        cpu: await cpuModel(),
        cores: navigator.hardwareConcurrency,
        kernel: Deno.osRelease(),
        deno: Deno.version.deno,
      },
      haproxy: haproxy ? found.version : `left out: ${found.missing}`,
      ...(wanted("memory") ? { memory: measureInMemory(seconds, say) } : {}),
      ...(wanted("relays") ? { relays: await measureRelays(relayCases(haproxy), gigabytes, say) } : {}),
      ...(wanted("latency") ? { latency: await measureLatency(Math.ceil(messages), haproxy, say) } : {}),
    };
    await writeLine(json === true ? JSON.stringify(report, null, 2) : formatReport(report));
  });

await program.parseAsync(Deno.args, { from: "user" });
