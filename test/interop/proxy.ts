/** Puts the proxy, as its own process with its documented YAML, between an exporter and a collector. */
import { LineProcess } from "./line_process.ts";
import type { Intermediary, Via } from "./measure_pair.ts";
import type { Identity, Transport } from "./peers.ts";

const project = new URL("../../", import.meta.url);
const patience = 20_000;
const between = 25;

export interface ProxyOptions {
  /** Towards exporters and collector alike, tcp by default. */
  readonly transport?: Transport;
  /** For tls: what the proxy shows to both sides. */
  readonly identity?: Identity;
  /** YAML put in at the top level, such as a `plugins:` list. */
  readonly configuration?: string;
}

/** A running proxy. Its log is at hand in `process.stderr`. */
export interface RunningProxy extends Intermediary {
  readonly process: LineProcess;
  /** Base URL of its admin listener. */
  readonly admin: string;
}

/** The `via` of a measurement: the default chain of plugins for the collector's own profile. */
export function throughProxy(options: ProxyOptions = {}): Via {
  return (collectorAddress, collector) => startProxy(collectorAddress, `antrea/${collector.name}`, options);
}

/**
 * Starts `serve` and waits until it is ready.
 *
 * @throws {Error} with its log if it does not become ready
 */
export async function startProxy(
  collectorAddress: string,
  profile: string,
  { transport = "tcp", identity, configuration = "" }: ProxyOptions = {},
): Promise<RunningProxy> {
  const address = `127.0.0.1:${freePort()}`;
  const admin = `127.0.0.1:${freePort()}`;
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  const file = `${folder}/proxy.yaml`;
  const tls = identity === undefined ? "" : `, tls: ${JSON.stringify({ mode: "files", ...identity })}`;
  await Deno.writeTextFile(
    file,
    `listen:
  - { transport: ${transport}, address: "${address}"${tls} }
collector: { transport: ${transport}, address: "${collectorAddress}", profile: ${profile}${tls} }
admin: { address: "${admin}" }
${configuration}`,
  );
  // As the task `serve` starts it, but directly: signals reach it.
  const args = ["run", "--quiet", "--no-prompt", "-P=proxy", "src/main.ts", "serve", "--config", file];
  const process = new LineProcess(Deno.execPath(), args, { cwd: project });
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
