/**
 * Looks for input that breaks the proxy: `deno task fuzz --help`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { say, writeLine } from "../../src/terminal/terminal.ts";
import { type Failure, fuzz, type FuzzReport } from "./fuzzer.ts";
import { summary } from "./summary.ts";
import { TARGETS } from "./targets/targets.ts";

interface Options {
  readonly minutes: number;
  readonly cases?: number;
  readonly seed: number;
  readonly only: readonly string[];
  readonly keep: string;
}

const FOUND = fileURLToPath(new URL("found/", import.meta.url));
const PROGRESS_MILLISECONDS = 60_000;

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Allowed: a number greater than 0.");
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new InvalidArgumentError("Allowed: 0, 1, 2, …");
  return value;
}

const program = new Command("fuzz")
  .description(
    "Runs drawn cases against the proxy's parts and checks what must hold of each: records received are sent, dropped, " +
      "held or in hand; memory is bounded; no turn takes over 50 ms; output is what a second codec reads. " +
      "A failing case is made smaller and kept as a file that a test runs again. Exits with 1 if one was found, with 2 where an option is wrong.",
  )
  .option("--minutes <number>", "how long to run", positive, 2)
  .option("--cases <number>", "how many cases to run, however long that takes", whole)
  .option("--seed <number>", "same seed, same cases (default: drawn)", whole)
  .addOption(new Option("--only <target...>", "run these").choices([...TARGETS.keys()]).default([], "all"))
  .option("--keep <directory>", "where failing cases are written", FOUND)
  .action(run);

async function run({ minutes, cases, seed = Math.floor(Math.random() * 2 ** 32), only, keep }: Options): Promise<void> {
  const targets = [...TARGETS.values()].filter(({ name }) => only.length === 0 || only.includes(name));
  const began = performance.now();
  const end = began + minutes * 60_000;
  say(`seed ${seed}: ${targets.map(({ name }) => name).join(", ")}`);
  let told = began;
  const report: FuzzReport = await fuzz({
    targets,
    seed,
    isOver: (done) => cases === undefined ? performance.now() >= end : done >= cases,
    onFailure: (failure) => keepFailure(failure, keep),
    onProgress: (report) => {
      if (performance.now() - told < PROGRESS_MILLISECONDS) return;
      told = performance.now();
      say(summary(report, seed, told - began));
    },
  });
  for (const { close } of targets) await close?.();
  for (const [name, done] of report.byTarget) {
    await writeLine(
      `${name.padEnd(10)}${String(done.cases).padStart(10)} cases${String(done.octets).padStart(14)} octets`,
    );
  }
  for (const state of [...report.states].sort()) say(`reached ${state}`);
  await writeLine(summary(report, seed, performance.now() - began));
  Deno.exit(report.failures === 0 ? 0 : 1);
}

function keepFailure({ target, name, message, file }: Failure, directory: string): void {
  const path = `${directory.replace(/\/$/, "")}/${name.replaceAll("/", "-")}.json`;
  Deno.mkdirSync(directory, { recursive: true });
  Deno.writeTextFileSync(path, file);
  say(`FAILED ${target} ${name}: ${message.split("\n").slice(0, 12).join("\n")}\nkept as ${path}`);
}

// A finding ends it with 1.
program.exitOverride(({ exitCode }) => Deno.exit(exitCode === 0 ? 0 : 2));
await program.parseAsync(Deno.args, { from: "user" });
