import { compareSemanticVersions, parseSemanticVersion } from "../../ipfix/registry/semantic_version.ts";

/** How unmodified Agents come to trust the proxy. */
export type TrustMode = "mint" | "append-ca";

/** State of trust. */
export interface TrustStatus {
  /** Missing: not decided yet. */
  readonly mode?: TrustMode;
  readonly state: "waiting" | "established";
  /** The missing object, while it waits. */
  readonly waitingFor?: string;
  /** Current problems. The last valid trust stays in force meanwhile. */
  readonly problems: readonly string[];
  /** Objects that are polled every second for want of an RBAC rule, with that rule. */
  readonly polling: readonly string[];
  /**
   * CAs of other proxies in the bundle that Agents read, each with how it comes to be there. Nothing is wrong with it.
   */
  readonly otherProxies: readonly string[];
  /** The CA certificates that Agents are verified with. */
  readonly authorities: readonly { readonly subject: string; readonly expiresAt: Date; readonly ended: boolean }[];
}

/** The first release that keeps its CA in a Secret and reverts changes of the bundle. */
const FIRST_WITH_CA_SECRET = [2, 5, 1] as const;

/**
 * The mode for an Aggregator's release.
 *
 * @param release `v2.5.1`
 * @throws RangeError if it is not a release
 */
export function trustModeOf(release: string): TrustMode {
  const version = parseSemanticVersion(release);
  if (version === undefined) throw new RangeError(`"${release}" is not a release`);
  return compareSemanticVersions(version, FIRST_WITH_CA_SECRET) >= 0 ? "mint" : "append-ca";
}
