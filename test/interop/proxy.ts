/** Puts the proxy, as its own process with its documented YAML, between an exporter and a collector. */
import { z } from "zod";
import { denoArguments } from "../support/processes/run_command.ts";
import { LineProcess } from "../support/processes/line_process.ts";
import type { Intermediary, Via } from "./measure/measure_pair.ts";
import type { Identity } from "./peers/peers.ts";
import { type TransportProtocol, usesTls } from "../../src/ipfix/message/transport_protocol.ts";
import { PATIENCE } from "../support/time/until.ts";

const project = new URL("../../", import.meta.url);
export interface ProxyOptions {
  /** Towards the collector, tcp by default. */
  readonly transport?: TransportProtocol;
  /** Listeners, one of the same transport by default. */
  readonly listen?: readonly TransportProtocol[];
  /** For tls and grpc: what the proxy shows to both sides. */
  readonly identity?: Identity;
  /** YAML for the collector, such as `, watch: { address: "127.0.0.1:10348" }`. */
  readonly collector?: string;
  /** YAML put in at the top level, such as a `plugins:` list. */
  readonly configuration?: string;
}

/** A running proxy. Its log is at hand in `process.stderr`. */
export interface RunningProxy extends Intermediary {
  readonly process: LineProcess;
  /** Where each listener was bound, `host:port`. */
  readonly listeners: ReadonlyMap<TransportProtocol, string>;
  /** Base URL of its admin listener. */
  readonly admin: string;
  /** Changes the collector's profile in its configuration, and has it reload. */
  change(profile: string): Promise<void>;
  /** What `/api/status` says. */
  status(): Promise<unknown>;
}

/** The `via` of a measurement: the default chain of plugins for the collector's own profile. */
export function throughProxy(options: ProxyOptions = {}): Via {
  return (collectorAddress, collector) => startProxy(collectorAddress, `antrea/${collector.name}`, options);
}

/** What of the log's first event is needed. */
const startedSchema = z.object({ event: z.literal("started"), listen: z.array(z.string()), admin: z.string() });

/**
 * Starts `serve` on free ports and waits until it is ready.
 *
 * @throws {Error} with its log if it does not become ready
 */
export async function startProxy(
  collectorAddress: string,
  profile: string,
  { transport = "tcp", listen = [transport], identity, configuration = "", collector = "" }: ProxyOptions = {},
): Promise<RunningProxy> {
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  const file = `${folder}/proxy.yaml`;
  const tls = (of: TransportProtocol) =>
    identity === undefined || !usesTls(of) ? "" : `, tls: ${JSON.stringify({ mode: "files", ...identity })}`;
  const write = (profile: string) =>
    Deno.writeTextFile(
      file,
      `listen:
${listen.map((one) => `  - { transport: ${one}, address: "127.0.0.1:0"${tls(one)} }`).join("\n")}
collector: { transport: ${transport}, address: "${collectorAddress}"${profile === "" ? "" : `, profile: ${profile}`}${
        tls(transport)
      }${collector} }
admin: { address: "127.0.0.1:0" }
${configuration}`,
    );
  await write(profile);
  // As the task `serve` starts it, but directly: signals reach it.
  const process = new LineProcess(Deno.execPath(), denoArguments("serve", ["--config", file]), { cwd: project });
  const close = async () => {
    await process.kill("SIGTERM");
    await Deno.remove(folder, { recursive: true });
  };
  const started = () => process.stderr.find((line) => line.includes('"event":"started"'));
  if (!await process.until(() => started() !== undefined, PATIENCE)) {
    await close();
    throw new Error(`the proxy did not become ready:\n${process.stderr.join("\n")}`);
  }
  const { listen: bound, admin } = startedSchema.parse(JSON.parse(started() ?? ""));
  // In the order of the configuration, as `tcp 127.0.0.1:24739`.
  const addresses = bound.map((text) => text.split(" ")[1] ?? "");
  const listeners = new Map(listen.map((one, index) => [one, addresses[index] ?? ""]));
  const change = async (profile: string) => {
    await write(profile);
    const headers = { "content-type": "application/json" };
    const response = await fetch(`http://${admin}/api/reload`, { method: "POST", headers, body: "{}" });
    if (!response.ok) throw new Error(`the proxy refused the change: ${await response.text()}`);
    await response.body?.cancel();
  };
  const status = async (): Promise<unknown> => await (await fetch(`http://${admin}/api/status`)).json();
  return { address: addresses[0] ?? "", listeners, admin: `http://${admin}`, process, close, change, status };
}
