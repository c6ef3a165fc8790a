import { compareSemanticVersions, parseSemanticVersion } from "../../ipfix/registry/semantic_version.ts";
import releases from "../../../config/profiles/antrea/releases.csv" with { type: "text" };

/** One Antrea release: a row of `config/profiles/antrea/releases.csv`. */
export interface AntreaRelease {
  /** `v2.3.1` */
  readonly release: string;
  /** `v2.3` */
  readonly line: string;
  /** The name of the profile file with its templates, such as `antrea/v2.0`. */
  readonly era: string;
  /** `go-ipfix/v0.14.0` */
  readonly registry: string;
  readonly dialect: string;
}

function parseReleases(csv: string): AntreaRelease[] {
  const [header, ...lines] = csv.trim().split("\n");
  if (header !== "release,era,registry,dialect") throw new Error(`releases.csv has other columns: ${header}`);
  return lines.map((text) => {
    const [release, era, registry, dialect] = text.split(",");
    const line = /^v\d+\.\d+/.exec(release ?? "")?.[0];
    if (
      release === undefined || line === undefined || era === undefined || registry === undefined ||
      dialect === undefined
    ) {
      throw new Error(`releases.csv has an invalid row: ${text}`);
    }
    return { release, line, era: `antrea/${era}`, registry, dialect };
  });
}

/** Every Antrea release from v0.12.0, oldest first. */
export const ANTREA_RELEASES: readonly AntreaRelease[] = parseReleases(releases);

/**
 * The release that a profile's name stands for: `antrea/v1.15.1` is that release, `antrea/v1.15` the newest of the
 * line.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(antreaRelease("antrea/v2.3")?.release, "v2.3.2");
 * assert.equal(antreaRelease("antrea/v2.3.0")?.registry, "go-ipfix/v0.13.0");
 * assert.equal(antreaRelease("antrea/v2.9"), undefined);
 * ```
 */
export function antreaRelease(profile: string): AntreaRelease | undefined {
  return ANTREA_RELEASES.findLast(({ release, line }) =>
    profile === `antrea/${release}` || profile === `antrea/${line}`
  );
}

/**
 * The newest known release, for the name of a newer one of the same major version: `antrea/v2.8` while v2.7 is the
 * newest known. Its collector most likely expects what that of the newest known does.
 *
 * @returns undefined for every other name, known ones included
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(newestForNewer("antrea/v2.99")?.line, "v2.7");
 * assert.equal(newestForNewer("antrea/v2.7"), undefined);
 * assert.equal(newestForNewer("antrea/v1.99"), undefined);
 * ```
 */
export function newestForNewer(profile: string): AntreaRelease | undefined {
  const newest = ANTREA_RELEASES.at(-1);
  const [, line, patch] = /^antrea\/(v\d+\.\d+)(\.\d+)?$/.exec(profile) ?? [];
  const named = parseSemanticVersion(`${line}${patch ?? ".0"}`);
  const known = parseSemanticVersion(newest?.release ?? "");
  if (named === undefined || known === undefined || named[0] !== known[0]) return undefined;
  return compareSemanticVersions(named, known) > 0 ? newest : undefined;
}

/** The names of all Antrea profiles: first lines, then releases, both newest first. */
export function antreaProfileNames(): string[] {
  const newestFirst = ANTREA_RELEASES.toReversed();
  const lines = new Set(newestFirst.map(({ line }) => `antrea/${line}`));
  return [...lines, ...newestFirst.map(({ release }) => `antrea/${release}`)];
}

/** From then on Aggregators serve gRPC, and Agents export by it unless they are configured otherwise. */
const FIRST_WITH_GRPC = "v2.4.0";

/** Whether Agents of a release export by gRPC, and its Aggregator serves it. */
export function usesGrpc({ release }: Pick<AntreaRelease, "release">): boolean {
  const [one, first] = [parseSemanticVersion(release), parseSemanticVersion(FIRST_WITH_GRPC)];
  return one !== undefined && first !== undefined && compareSemanticVersions(one, first) >= 0;
}
