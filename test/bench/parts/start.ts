import { writeBundle } from "../../../config/container/bundle.ts";
import type { Bench } from "../bench.ts";
import { linesOf } from "../../support/processes/text_lines.ts";
import { proxyConfiguration } from "../relays/relays.ts";
import { inTurn, type Row, row } from "../rows.ts";

const ROOT = new URL("../../../", import.meta.url);
/** The permissions that a bundle needs, as the task of the sources has them. */
const PERMISSIONS = ["--unstable-net", "--allow-net", "--allow-read", "--ignore-env"];

/** The part `start`: from starting the process until the proxy says that it is ready, with everything cached. */
export async function measureStart({ scale, directory, said }: Bench): Promise<Row[]> {
  const config = `${directory}/start.yaml`;
  await Deno.writeTextFile(config, proxyConfiguration({ profile: "antrea/v1.15", log: "info" }, 0, 9));
  await writeBundle(new URL(`file://${directory}/bundle/`));
  const bundle = `${directory}/bundle/main.js`;
  const empty = `${directory}/empty.js`;
  await Deno.writeTextFile(empty, `console.error('"started"');\n`);
  const cases: [string, string[]][] = [
    ["an empty program", ["run", empty]],
    ["bundle", ["run", "--quiet", "--no-prompt", ...PERMISSIONS, bundle, "serve", "--config", config]],
    ["deno task serve", ["task", "serve", "--config", config]],
  ];
  // Once unmeasured, for the caches.
  for (const [, args] of cases) await milliseconds(args);
  const samples = await inTurn(cases, scale.starts, async ([, args]) => await milliseconds(args));
  const [empties, ...starts] = cases.map(([name], index) => ({ name, samples: samples[index] ?? [] }));
  return starts.map((figures) => {
    const made = row("start", "ms", figures, {
      beside: empties,
      goal: figures.name === "bundle" ? { of: "figure", limit: 300 } : undefined,
    });
    said(`${figures.name}: ${made.median.toFixed(0)} ms to ready`);
    return made;
  });
}

async function milliseconds(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  try {
    for await (const line of linesOf(process.stderr)) {
      if (line.includes('"started"')) return performance.now() - start;
      said.push(line);
    }
    throw new Error(`it ended before it was ready: ${said.join("\n")}`);
  } finally {
    try {
      process.kill("SIGTERM");
    } catch { /* It has ended by itself. */ }
    await process.status;
  }
}
