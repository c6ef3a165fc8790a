/**
 * Measures every pair of releases with real peers and prints the tables.
 *
 * ```sh
 * deno run -A test/interop/measure/measure.ts             # directly, and through the proxy
 * deno run -A test/interop/measure/measure.ts --direct    # only directly
 * deno run -A test/interop/measure/measure.ts --record    # and keep what was measured in config/compatibility/antrea.json
 * ```
 */
import { Command } from "commander";
import { buildPeers } from "../peers/build.ts";
import { type Compatibility, measureAll, readCompatibility, table, writeCompatibility } from "./compatibility.ts";
import { throughProxy } from "../proxy.ts";

const command = new Command("measure")
  .option("--direct", "only measure without the proxy; what is kept of it stays")
  .option("--record", "keep what was measured in config/compatibility/antrea.json")
  .parse(Deno.args, { from: "user" });
const { direct: directOnly = false, record = false } = command.opts<{ direct?: boolean; record?: boolean }>();

async function print(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

async function keptProxied(): Promise<Compatibility["proxied"]> {
  try {
    return (await readCompatibility()).proxied;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

await buildPeers();
const direct = await measureAll({ flavour: "typical" });
await print(`Directly:\n\n${table(direct)}\n`);
let proxied = directOnly ? await keptProxied() : [];
if (!directOnly) {
  proxied = await measureAll({ flavour: "typical", via: throughProxy() });
  await print(`Through the proxy:\n\n${table(proxied)}\n`);
}
if (record) await writeCompatibility({ direct, proxied });
