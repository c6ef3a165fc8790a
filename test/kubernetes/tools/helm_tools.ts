/**
 * Builds the real Helm 3 and Helm 4 into `.cache/helm`; as a program, before the tests. Cold it takes about two minutes
 * of a core.
 */
import { runTool } from "../../support/processes/tool_test_case.ts";

const CACHE = new URL("../../../.cache/helm/", import.meta.url);
const MODULE = new URL("helm/", import.meta.url);
/** Those that tests run with. */
export const HELM_MAJORS = [3, 4] as const;
export type HelmMajor = typeof HELM_MAJORS[number];

let built: Promise<string> | undefined;

/**
 * Path of the program. Builds both where go.sum has changed since; test files that run at the same time wait for each
 * other.
 *
 * @throws Error with the compiler's words
 */
export async function buildHelm(major: HelmMajor): Promise<string> {
  return `${await (built ??= build())}/helm${major}`;
}

async function build(): Promise<string> {
  await Deno.mkdir(CACHE, { recursive: true });
  using lock = await Deno.open(new URL("lock", CACHE), { create: true, write: true });
  await lock.lock(true);
  const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(new URL("go.sum", MODULE)));
  const folder = new URL(new Uint8Array(sum).toHex().slice(0, 16), CACHE).pathname;
  try {
    await Deno.stat(folder);
    return folder;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const partial = `${folder}.partial`;
  for (const major of HELM_MAJORS) {
    await runTool("env", [
      ...["-C", MODULE.pathname, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "go", "build", "-buildvcs=false"],
      ...["-trimpath", "-ldflags=-s -w", "-o", `${partial}/helm${major}`, `helm.sh/helm/v${major}/cmd/helm`],
    ]);
  }
  // Renamed when whole: a build that was interrupted is never taken for done.
  await Deno.rename(partial, folder);
  return folder;
}

if (import.meta.main) await build();
