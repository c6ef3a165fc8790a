import { ANTREA_RELEASES, type AntreaRelease, antreaRelease } from "../config/profiles/antrea_releases.ts";
import { compareSemanticVersions, parseSemanticVersion } from "../ipfix/semantic_version.ts";
import { type TrustMode, trustModeOf } from "../kubernetes/trust/trust_mode.ts";
import { didYouMean } from "../mediation/mapping/nearest_names.ts";
import { type CompatibilityCell, compatibilityCells, releaseLines } from "../offline/compatibility.ts";

/** Which side is upgraded first. Antrea asks for the Aggregator last. */
export type UpgradeOrder = "agents-first" | "aggregator-first";

/** Antrea keeps the two sides working together this many minor releases apart. */
const SUPPORTED_MINORS = 4;

/** An upgrade from one Antrea release to another, and what it means for flow export on the way. */
export interface Upgrade {
  readonly from: AntreaRelease;
  readonly to: AntreaRelease;
  readonly order: UpgradeOrder;
  /** Minor releases between the two. */
  readonly distance: number;
  /** What Agents of the one release and an Aggregator of the other come to, while only one side is upgraded. */
  readonly between: CompatibilityCell;
  /** The Aggregator's release meanwhile. */
  readonly aggregator: AntreaRelease;
  readonly needed: boolean;
  /** Why a proxy is needed, or why not. */
  readonly why: string;
  /** How the proxy is trusted before the Aggregator is upgraded, and after. `tls.mode: auto` follows by itself. */
  readonly trust: readonly [before: TrustMode, after: TrustMode];
  readonly overlay: "gateway" | "sidecar";
  /** The Aggregator keeps one layout for each template id over all sessions, before or after: only one proxy may stand before it. */
  readonly oneProxy: boolean;
  /** Agents of the new release would export by gRPC, unless their configuration says otherwise. */
  readonly pinIpfix: boolean;
  /** Agents of the new release can be pointed elsewhere without a restart. */
  readonly hasDestinations: boolean;
  /** Agents of v2.7 send records that Aggregators before it drop, with or without a proxy. */
  readonly newRecordKinds: boolean;
}

/**
 * What an upgrade means.
 *
 * @param from,to as `v1.15`, `v1.15.2`, `antrea/v1.15` or `1.15`; a line means its newest release
 * @param force also where Antrea does not support the pair
 * @throws RangeError for an unknown release, no upgrade, or a pair outside Antrea's policy
 */
export function planUpgrade(from: string, to: string, order: UpgradeOrder, force = false): Upgrade {
  const [old, next] = [release(from), release(to)];
  const lines = releaseLines();
  const place = (line: string) => lines.findIndex((each) => each.line === line);
  const distance = place(next.line) - place(old.line);
  if (isAtLeast(old, next.release)) throw new RangeError(`from ${old.release} to ${next.release} is no upgrade`);
  if (distance > SUPPORTED_MINORS && !force) {
    throw new RangeError(
      `${old.release} and ${next.release} are ${distance} minor releases apart, and Antrea supports at most ${SUPPORTED_MINORS}: ` +
        `go by way of ${lines[place(old.line) + SUPPORTED_MINORS]?.until} (--force plans it all the same)`,
    );
  }
  const [agent, aggregator] = order === "agents-first" ? [next, old] : [old, next];
  const between = compatibilityCells(lines)
    .find((cell) => cell.agent === agent.line && cell.collector === aggregator.line);
  if (between === undefined) throw new Error(`no outcome of ${agent.line} with ${aggregator.line}`);
  const served = isAtLeast(aggregator, "v2.4.0");
  const pinIpfix = !served && isAtLeast(next, "v2.4.0");
  const needed = between.direct.outcome === "broken";
  return {
    from: old,
    to: next,
    order,
    distance,
    between,
    aggregator,
    needed,
    why: reason(between, agent, aggregator),
    trust: [trustModeOf(old.release), trustModeOf(next.release)],
    overlay: isAtLeast(old, "v2.4.0") ? "sidecar" : "gateway",
    oneProxy: [old, next].some(({ dialect }) => dialect !== "go-ipfix"),
    pinIpfix,
    hasDestinations: isAtLeast(next, "v2.6.0"),
    newRecordKinds: order === "agents-first" && isAtLeast(next, "v2.7.0") && !isAtLeast(old, "v2.7.0"),
  };
}

function reason({ direct }: CompatibilityCell, agent: AntreaRelease, aggregator: AntreaRelease): string {
  const pair = `Agents ${agent.line} with an Aggregator ${aggregator.line}`;
  switch (direct.outcome) {
    case "identical":
      return `${pair}: the same templates`;
    case "lossless":
    case "lossy":
      return `${pair}: ${direct.why}; a proxy changes nothing about that`;
    case "broken":
      return `${pair}, directly: ${direct.why}`;
  }
}

function release(name: string): AntreaRelease {
  const found = antreaRelease(`antrea/${name.replace(/^antrea\//, "").replace(/^v?/, "v")}`);
  if (found !== undefined) return found;
  const names = ANTREA_RELEASES.flatMap((each) => [each.release, each.line]);
  const newest = ANTREA_RELEASES.at(-1)?.line;
  throw new RangeError(
    `"${name}" is no Antrea release${didYouMean(name, names)} (v0.12 to ${newest}, or one release as v2.3.2)`,
  );
}

/** Whether a release is this one or a later one. */
export function isAtLeast({ release }: Pick<AntreaRelease, "release">, other: string): boolean {
  const [one, two] = [release, other].map(parseSemanticVersion);
  if (one === undefined || two === undefined) throw new RangeError(`"${release}" or "${other}" is no release`);
  return compareSemanticVersions(one, two) >= 0;
}
