/**
 * What rewriting costs: `deno task bench --help`.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { say, writeLine } from "../../src/terminal/terminal.ts";
import { type Bench, FULL, QUICK, type Scale } from "./bench.ts";
import { PARTS } from "./parts.ts";
import { buildGoPrograms, haproxyVersion } from "./peers.ts";
import { type BenchReport, formatReport } from "./report.ts";
import type { Row } from "./rows.ts";

interface Options {
  readonly quick?: boolean;
  readonly rounds?: number;
  readonly only: readonly string[];
  readonly json?: boolean;
  readonly install: boolean;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isSafeInteger(value))) throw new InvalidArgumentError("Allowed: 1, 2, 3, …");
  return value;
}

async function cpuModel(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? Deno.build.arch;
}

const program = new Command("bench")
  .description(
    "Measures the proxy beside bare relays, HAProxy and programs made with go-ipfix, each in turn, and prints one table. " +
      "It wants a machine that does nothing else, and about 20 minutes for all its parts.",
  )
  .option("--quick", "all parts once, in about three minutes: rough figures")
  .option("--rounds <number>", "times that each has its turn", positiveInteger)
  .addOption(new Option("--only <part...>", "measure these parts").choices([...PARTS.keys()]).default([], "all"))
  .option("--json", "the report as JSON on standard output, every sample of it")
  .option("--no-install", "leave HAProxy out where it is not installed, instead of installing it")
  .action(bench);

async function bench({ quick, rounds, only, json, install }: Options): Promise<void> {
  const [begin, loadBefore = NaN] = [performance.now(), ...Deno.loadavg()];
  const wanted = (...parts: string[]) => only.length === 0 || parts.some((part) => only.includes(part));
  const scale: Scale = {
    ...(quick === true ? QUICK : FULL),
    ...(rounds === undefined ? {} : { rounds, starts: rounds }),
  };
  const unwanted = { missing: "not asked for" };
  const haproxy = wanted("relays", "sessions", "idle", "latency", "tls", "handshakes")
    ? await haproxyVersion(install)
    : unwanted;
  const go = wanted("records", "sessions", "latency", "tls", "handshakes", "grpc") ? await buildGoPrograms() : unwanted;
  for (const [name, peer] of Object.entries({ HAProxy: haproxy, "what needs Go": go })) {
    if ("missing" in peer) say(`${name} is left out: ${peer.missing}`);
  }
  const directory = await Deno.makeTempDir({ prefix: "ipfix-bench-" });
  const given: Bench = {
    scale,
    haproxy: "version" in haproxy,
    ...("programs" in go ? { go: go.programs } : {}),
    directory,
    said: say,
  };
  const rows: Row[] = [];
  try {
    for (const [name, measure] of PARTS) {
      if (!wanted(name)) continue;
      const start = performance.now();
      rows.push(...await measure(given));
      say(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  const [loadAfter = NaN] = Deno.loadavg();
  const report: BenchReport = {
    machine: {
      cpu: await cpuModel(),
      cores: navigator.hardwareConcurrency,
      kernel: Deno.osRelease(),
      deno: Deno.version.deno,
      loadBefore,
      loadAfter,
    },
    haproxy: "version" in haproxy ? haproxy.version : `left out: ${haproxy.missing}`,
    go: "version" in go ? go.version : `left out: ${go.missing}`,
    seconds: (performance.now() - begin) / 1000,
    scale,
    rows,
  };
  await writeLine(json === true ? JSON.stringify(report, null, 2) : formatReport(report));
}

await program.parseAsync(Deno.args, { from: "user" });
