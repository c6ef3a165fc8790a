import { compareSemanticVersions, parseSemanticVersion } from "../../ipfix/registry/semantic_version.ts";

/** How the proxy is trusted by Agents that it does not change. */
export type TrustMode = "mint" | "append-ca";

/** How trust stands. */
export interface TrustStatus {
  /** Missing: not decided yet. */
  readonly mode?: TrustMode;
  readonly state: "waiting" | "established";
  /** What is missing, while it waits. */
  readonly waitingFor?: string;
  /** What is wrong now. The last good trust is in force all the same. */
  readonly problems: readonly string[];
  /** What is read every second instead of watched, with the RBAC rule that is missing. Nothing else is wrong with it. */
  readonly polling: readonly string[];
  /** The CA certificates that Agents are verified with. */
  readonly authorities: readonly { readonly subject: string; readonly expiresAt: Date; readonly ended: boolean }[];
}

/** The first Aggregator that keeps its CA in a Secret, and takes changes of the bundle back. */
const FIRST_WITH_CA_SECRET = [2, 5, 1] as const;

/**
 * The way that fits an Aggregator's release.
 *
 * @param release `v2.5.1`
 * @throws RangeError for what is no release
 */
export function trustModeOf(release: string): TrustMode {
  const version = parseSemanticVersion(release);
  if (version === undefined) throw new RangeError(`"${release}" is no release`);
  return compareSemanticVersions(version, FIRST_WITH_CA_SECRET) >= 0 ? "mint" : "append-ca";
}
