import { hasGo } from "../../interop/build.ts";

/** Manifests of Flow Aggregator releases, as Antrea publishes them, in a folder beside the repository. */
const MANIFESTS = new URL("../../../../shared/antrea/manifests/", import.meta.url);

/** One release's manifest. */
export interface UpstreamManifest {
  /** As `v2.3.2`. */
  readonly release: string;
  readonly text: string;
}

/** The manifests of the releases that overlays are tried with, oldest first. Empty where the folder is not there. */
export const UPSTREAM: readonly UpstreamManifest[] = readManifests(["1.5", "1.13", "1.15", "2.0", "2.3", "2.5", "2.7"]);

/**
 * A test that needs the manifests and Go. Where one of them is missing it is ignored, and its name says which; with `CI=true` nothing is
 * left out.
 */
export function manifestTest(name: string, body: (context: Deno.TestContext) => Promise<void>): void {
  const missing = [...UPSTREAM.length === 0 ? ["shared/antrea/manifests"] : [], ...hasGo() ? [] : ["Go"]];
  const ignore = missing.length > 0 && Deno.env.get("CI") !== "true";
  Deno.test({ name: ignore ? `${name} (skipped: no ${missing.join(", no ")})` : name, ignore, fn: body });
}

function readManifests(lines: readonly string[]): UpstreamManifest[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(MANIFESTS)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return lines.map((line) => {
    const name = names.find((each) => each.startsWith(`flow-aggregator-v${line}.`));
    if (name === undefined) throw new Error(`${MANIFESTS.pathname} has no manifest of v${line}`);
    const release = name.slice("flow-aggregator-".length, -".yml".length);
    return { release, text: Deno.readTextFileSync(new URL(name, MANIFESTS)) };
  });
}
