/** The real kustomize, built into `.cache/kustomize`; as a program, before the tests. */
import { runTool } from "../../support/processes/tool_test_case.ts";

const ROOT = new URL("../../../", import.meta.url);
const CACHE = new URL(".cache/kustomize/", ROOT);
const MODULE = new URL("../tools/kustomize/", import.meta.url);
const PACKAGE = "sigs.k8s.io/kustomize/kustomize/v5";

let built: Promise<string> | undefined;

/**
 * Path of the program. Builds it where its go.mod has changed since; test files that run at the same time wait for each
 * other.
 *
 * @throws Error with the compiler's words
 */
function buildKustomize(): Promise<string> {
  return built ??= build();
}

async function build(): Promise<string> {
  await Deno.mkdir(CACHE, { recursive: true });
  using lock = await Deno.open(new URL("lock", CACHE), { create: true, write: true });
  await lock.lock(true);
  const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(new URL("go.sum", MODULE)));
  const binary = new URL(`kustomize-${new Uint8Array(sum).toHex().slice(0, 16)}`, CACHE).pathname;
  try {
    await Deno.stat(binary);
    return binary;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const partial = `${binary}.partial`;
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", partial, PACKAGE],
    cwd: MODULE,
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
  }).output();
  if (!success) throw new Error(`kustomize: ${new TextDecoder().decode(stderr)}`);
  // Renamed when whole: a build that was interrupted is never taken for done.
  await Deno.rename(partial, binary);
  return binary;
}

/**
 * What kustomize makes of a manifest and components of config/kubernetes, as YAML.
 *
 * @param manifest a YAML file's text
 * @param components as `sidecar`, `redirect`; none: only what kustomize normalises
 * @param more files beside the kustomization, by name: a kustomization of its own replaces the one that is written
 */
export async function kustomize(
  manifest: string,
  components: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const binary = await buildKustomize();
  const directory = await Deno.makeTempDir({ dir: CACHE.pathname, prefix: "overlay-" });
  const lines = ["resources: [flow-aggregator.yml]", ...components.length > 0 ? ["components:"] : []];
  const files = {
    "kustomization.yaml": [...lines, ...components.map((name) => `- ../../../config/kubernetes/${name}`)].join("\n"),
    "flow-aggregator.yml": manifest,
    ...more,
  };
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = `${directory}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    return (await runTool(binary, ["build", directory])).stdout;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) await buildKustomize();
