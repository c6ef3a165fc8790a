/** Puts the proxy, as its own process with its documented YAML, between an exporter and a collector. */
import { LineProcess } from "./line_process.ts";
import type { Intermediary } from "./measure_pair.ts";
import type { Line } from "./releases.ts";

const project = new URL("../../", import.meta.url);
const patience = 20_000;
const between = 25;

export interface ProxyOptions {
  /** YAML lines put in at the top level, such as a `plugins:` list. */
  readonly configuration?: string;
  readonly transport?: "tcp" | "udp";
}

/** A running proxy. Its log is at hand in `process.stderr`. */
export interface RunningProxy extends Intermediary {
  readonly process: LineProcess;
  /** Base URL of its admin listener. */
  readonly admin: string;
}

/** The `via` of `measurePair`: the default chain of plugins for the collector's own profile. */
export function throughProxy(collectorAddress: string, collector: Line): Promise<RunningProxy> {
  return startProxy(collectorAddress, `antrea/${collector.name}`);
}

/**
 * Starts `serve` and waits until it is ready.
 *
 * @throws {Error} with its log if it does not become ready
 */
export async function startProxy(
  collectorAddress: string,
  profile: string,
  { configuration = "", transport = "tcp" }: ProxyOptions = {},
): Promise<RunningProxy> {
  const address = `127.0.0.1:${freePort()}`;
  const admin = `127.0.0.1:${freePort()}`;
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  const file = `${folder}/proxy.yaml`;
  await Deno.writeTextFile(
    file,
    `listen:
  - { transport: ${transport}, address: "${address}" }
collector: { transport: ${transport}, address: "${collectorAddress}", profile: ${profile} }
admin: { address: "${admin}" }
${configuration}`,
  );
  const process = new LineProcess(Deno.execPath(), ["task", "serve", "--config", file], { cwd: project });
  const close = async () => {
    await process.kill("SIGTERM");
    await Deno.remove(folder, { recursive: true });
  };
  if (!await ready(process, `http://${admin}/ready`)) {
    await close();
    throw new Error(`the proxy did not become ready:\n${process.stderr.join("\n")}`);
  }
  return { address, admin: `http://${admin}`, process, close };
}

/** A port that was free a moment ago: the configuration has to name one. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function ready(process: LineProcess, url: string): Promise<boolean> {
  for (const deadline = Date.now() + patience; Date.now() < deadline && process.ending === undefined;) {
    try {
      const response = await fetch(url);
      await response.body?.cancel();
      if (response.ok) return true;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await process.until(() => false, between);
  }
  return false;
}
