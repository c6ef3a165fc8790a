/** Major, minor and patch of a release. */
export type SemanticVersion = readonly [major: number, minor: number, patch: number];

const FORM = /^v(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

/** Reads `v0.16.0`; undefined for anything else, pre-releases included. */
export function parseSemanticVersion(text: string): SemanticVersion | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

/**
 * Below 0 where the one is older, above 0 where it is newer: by number, not by text.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.ok(compareSemanticVersions([0, 5, 12], [0, 5, 4]) > 0);
 * ```
 */
export function compareSemanticVersions(one: SemanticVersion, other: SemanticVersion): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

/** As {@link parseSemanticVersion} reads it. */
export function formatSemanticVersion(version: SemanticVersion): string {
  return `v${version.join(".")}`;
}
