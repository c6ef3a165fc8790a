/** One release's manifest of the Flow Aggregator, as Antrea has it. */
export interface UpstreamManifest {
  /** As `v2.3.2`. */
  readonly release: string;
  readonly text: string;
}

/** The manifests of the releases that overlays are tried with, oldest first. */
export const UPSTREAM: readonly UpstreamManifest[] = [
  "v1.5.3",
  "v1.13.4",
  "v1.15.2",
  "v2.0.0",
  "v2.3.2",
  "v2.5.3",
  "v2.7.0",
]
  .map((release) => ({
    release,
    text: Deno.readTextFileSync(new URL(`../manifests/flow-aggregator-${release}.yml`, import.meta.url)),
  }));
