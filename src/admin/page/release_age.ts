/** How a release compares with the collector's. */
export type ReleaseAge = "older" | "same" | "newer";

/**
 * Compares an exporter's release, or range of releases, with the collector's. Undefined if they cannot be compared.
 *
 * ```ts
 * import { releaseAge } from "./release_age.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(releaseAge("v2.0-v2.5", "antrea/v1.15"), "newer");
 * assert.equal(releaseAge("v1.13-v1.15", "antrea/v1.15.2"), "same");
 * assert.equal(releaseAge("v2.0", "rfc7011"), undefined);
 * ```
 */
export function releaseAge(range: string, collectorProfile: string): ReleaseAge | undefined {
  const [first, last = first] = lines(range);
  const [collector] = lines(collectorProfile);
  if (first === undefined || last === undefined || collector === undefined) return undefined;
  if (collector < first) return "newer";
  return collector > last ? "older" : "same";
}

/** Returns the release lines in the text as comparable numbers. */
function lines(text: string): number[] {
  return [...text.matchAll(/v(\d+)\.(\d+)/g)].map(([, major, minor]) => 1000 * Number(major) + Number(minor));
}
