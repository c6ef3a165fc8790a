/** Major, minor and patch of a release. */
export type SemanticVersion = readonly [major: number, minor: number, patch: number];

const FORM = /^v(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

/** Parses `v0.16.0`; undefined for anything else, including pre-releases. */
export function parseSemanticVersion(text: string): SemanticVersion | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

/**
 * Below 0 if the one is older, above 0 if it is newer, compared by number.
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

/** The text that {@link parseSemanticVersion} parses. */
export function formatSemanticVersion(version: SemanticVersion): string {
  return `v${version.join(".")}`;
}
