/**
 * A real single-node Kubernetes: the scripts of a folder `shared/cluster` beside the repository, copied into `.cache`.
 * They need root, and ten minutes of a core to build what they run, so they are used where `CI=true` alone.
 */
import { fileURLToPath } from "node:url";
import { runTool } from "../../support/processes/tool_test_case.ts";

const SHARED = fileURLToPath(new URL("../../../../shared/", import.meta.url));
const FOLDER = fileURLToPath(new URL("../../../.cache/cluster/", import.meta.url));
const AGENT_RELEASES = `${SHARED}antrea/releases.json`;

/** Why a test with a kubelet is skipped; undefined where it can run. */
export function reasonToSkip(): string | undefined {
  if (Deno.env.get("CI") !== "true") return "only with CI=true";
  if (!exists(`${SHARED}cluster/up.sh`)) return "no folder shared/cluster beside the repository";
  return Deno.uid() === 0 ? undefined : "only root can make namespaces";
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Copies the scripts and builds what they run: ten minutes of a core the first time, nothing after it. */
async function prepare(): Promise<void> {
  await runTool("cp", ["-r", "-u", `${SHARED}cluster/.`, FOLDER]);
  await runTool("chmod", ["-R", "u+w", FOLDER]);
  await script("up.sh", "tools");
}

/** A running cluster; it ends with all that was in it. */
export class Cluster implements AsyncDisposable {
  /** Where Pods find the node's `/var/log/antrea`. */
  readonly logs = `${FOLDER}run/logs/antrea`;

  private constructor() {}

  /** @param images docker archives to load */
  static async start(images: (folder: string) => Promise<void>): Promise<Cluster> {
    await prepare();
    // A run that was broken off leaves its state.
    await script("down.sh", "purge").catch(() => {});
    await script("up.sh", "images");
    await script("images/agent.sh", AGENT_RELEASES, `${FOLDER}run/images/agent.tar`);
    await images(`${FOLDER}run/images`);
    const cluster = new Cluster();
    try {
      await script("up.sh", "start");
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Makes a docker archive of files of this machine. */
  static async image(archive: string, name: string, ...args: readonly string[]): Promise<void> {
    await script("images/image.py", archive, name, ...args);
  }

  /** What kubectl writes. @throws Error with its words where it fails */
  async kubectl(...args: readonly string[]): Promise<string> {
    // Whatever it waits for has an end.
    const { stdout } = await runTool("timeout", ["--kill-after=5", "330", `${FOLDER}kubectl.sh`, ...args]);
    return stdout.trim();
  }

  /** What a command in a container writes, whatever its exit status is. */
  async exec(pod: string, container: string, command: readonly string[]): Promise<string> {
    const { stdout } = await new Deno.Command(`${FOLDER}kubectl.sh`, {
      args: ["-n", "flow-aggregator", "exec", pod, "-c", container, "--", ...command],
    }).output();
    return new TextDecoder().decode(stdout);
  }

  /** Applies YAML on the server's side. */
  async apply(yaml: string): Promise<void> {
    const file = await Deno.makeTempFile({ dir: FOLDER, suffix: ".yaml" });
    try {
      await Deno.writeTextFile(file, yaml);
      await this.kubectl("apply", "--server-side", "--force-conflicts", "-f", file);
    } finally {
      await Deno.remove(file);
    }
  }

  /**
   * Starts an Agent in small, which sends a flow every tenth of a second over mutual TLS, to whom ConfigMap and Service
   * say.
   */
  async agent(name: string, encoder: "v0.8.2" | "v0.9.0", template: string): Promise<void> {
    await script("agent.sh", name, encoder, template);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await script("down.sh", "purge");
  }
}

async function script(name: string, ...args: readonly string[]): Promise<string> {
  return (await runTool(`${FOLDER}${name}`, args)).stdout;
}

// As a program, before the tests: what it builds then takes no core from them.
if (import.meta.main && reasonToSkip() === undefined) await prepare();
