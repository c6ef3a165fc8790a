/**
 * Builds the real kube-apiserver and kubectl into `.cache/kubernetes`, once for each state of `kubernetes/go.mod`; as a
 * program, before the tests. Cold it takes about ten minutes of a core. etcd is Debian's `etcd-server`.
 */
import { digestOf, exists, underLock } from "../../support/processes/cached_build.ts";

const module = new URL("./kubernetes/", import.meta.url);
const cache = new URL("../../../.cache/kubernetes/", import.meta.url);
const COMMANDS = ["kube-apiserver", "kubectl"] as const;

/** Paths of the programs. */
export type KubernetesTools = Readonly<Record<typeof COMMANDS[number], string>>;

let built: Promise<KubernetesTools> | undefined;

/**
 * Which programs are not there and cannot be built: the tests that need them are skipped, except in CI. Empty: none.
 */
export function missingTools(): string[] {
  return ["go", "etcd"].filter((name) => !runs(name));
}

function runs(name: string): boolean {
  try {
    const args = [name === "go" ? "version" : "--version"];
    return new Deno.Command(name, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Builds what is not built yet; test files that run at the same time wait for each other.
 *
 * @throws {Error} with the compiler's words if the build fails
 */
export function kubernetesTools(): Promise<KubernetesTools> {
  return built ??= underLock(cache, build);
}

async function build(): Promise<KubernetesTools> {
  const sums = await Deno.readTextFile(new URL("go.sum", module));
  const folder = new URL(`${await digestOf(await Deno.readTextFile(new URL("go.mod", module)) + sums)}/`, cache);
  const tools = Object.fromEntries(COMMANDS.map((name) => [name, new URL(name, folder).pathname])) as KubernetesTools;
  if (await exists(folder)) return tools;
  const building = new URL("building/", cache);
  if (await exists(building)) await Deno.remove(building, { recursive: true });
  const version = /k8s\.io\/kubernetes v([0-9.]+)/.exec(await Deno.readTextFile(new URL("go.mod", module)))?.[1] ?? "";
  const [major, minor] = version.split(".");
  const linked = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((name) => [
    `-X ${name}.gitVersion=v${version}`,
    `-X ${name}.gitMajor=${major}`,
    `-X ${name}.gitMinor=${minor}`,
    `-X ${name}.gitTreeState=clean`,
  ]);
  const result = await new Deno.Command("go", {
    args: [
      ...["build", "-buildvcs=false", "-trimpath", `-ldflags=-s -w ${linked.join(" ")}`, "-o", building.pathname],
      ...COMMANDS.map((name) => `k8s.io/kubernetes/cmd/${name}`),
    ],
    cwd: module,
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
  }).output();
  if (!result.success) throw new Error(`kube-apiserver: ${new TextDecoder().decode(result.stderr)}`);
  for await (const entry of Deno.readDir(cache)) {
    if (entry.isDirectory && entry.name !== "building") {
      await Deno.remove(new URL(entry.name, cache), { recursive: true });
    }
  }
  // Renamed when whole: a build that was interrupted is never taken for done.
  await Deno.rename(building, folder);
  return tools;
}

if (import.meta.main) await kubernetesTools();
