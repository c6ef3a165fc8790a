import { ANTREA_RELEASES, type AntreaRelease, antreaRelease, usesGrpc } from "../config/profiles/antrea_releases.ts";
import { compareSemanticVersions, parseSemanticVersion } from "../ipfix/registry/semantic_version.ts";
import { type TrustMode, trustModeOf } from "../kubernetes/trust/trust_mode.ts";
import { didYouMean } from "../mediation/mapping/profile/nearest_names.ts";
import {
  type CompatibilityCell,
  compatibilityCells,
  type ReleaseLine,
  releaseLines,
} from "../offline/compatibility.ts";

/** Which side is upgraded first. Antrea asks for the Aggregator last. */
export type UpgradeOrder = "agents-first" | "aggregator-first";

/** Where the proxy runs: a Deployment in front of the Aggregator, or a container in its Pod. */
export type Overlay = "gateway" | "sidecar";

/** Antrea keeps the two sides working together this many minor releases apart. */
const SUPPORTED_MINORS = 4;

/** A release that is newer than any known. */
export interface Assumption {
  readonly release: string;
  /** The newest known. */
  readonly as: string;
  /** Of another major version: the proxy itself guesses nothing for it. */
  readonly isMajor: boolean;
}

/** An upgrade from one Antrea release to another, and what it means for flow export on the way. */
export interface Upgrade {
  readonly from: AntreaRelease;
  readonly to: AntreaRelease;
  readonly order: UpgradeOrder;
  /** Minor releases between the two. */
  readonly distance: number;
  /** How Agents of one release fare with an Aggregator of the other, while only one side is upgraded. */
  readonly between: CompatibilityCell;
  /** The Aggregator's release meanwhile. */
  readonly aggregator: AntreaRelease;
  /** For the templates, for gRPC, or for both. */
  readonly needed: boolean;
  /** Why a proxy is needed, or why not. */
  readonly why: string;
  /** How the proxy is trusted before the Aggregator is upgraded, and after. `tls.mode: auto` follows by itself. */
  readonly trust: readonly [before: TrustMode, after: TrustMode];
  readonly overlay: Overlay;
  /** Why the proxy runs there. */
  readonly overlayWhy: string;
  /**
   * The Aggregator keeps one layout for each template id over all sessions, before or after: only one proxy may stand
   * before it.
   */
  readonly oneProxy: boolean;
  /** Releases that are newer than any known, each with the one that it is treated as. */
  readonly assumed: readonly Assumption[];
  /**
   * Agents of the new release export by gRPC, unless they are configured otherwise, to an Aggregator that serves none:
   * the proxy does.
   */
  readonly servesGrpc: boolean;
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
 * @param chosen the overlay, where somebody has chosen one
 * @throws RangeError for an unknown release, no upgrade, or a pair outside Antrea's policy
 */
export function planUpgrade(from: string, to: string, order: UpgradeOrder, force = false, chosen?: Overlay): Upgrade {
  const [old, next] = [release(from), release(to)];
  const lines = releaseLines();
  const distance = placeOf(next, lines) - placeOf(old, lines);
  if (isAtLeast(old, next.release)) {
    throw new RangeError(`${old.release} to ${next.release} is not an upgrade (name the newer release second)`);
  }
  if (distance > SUPPORTED_MINORS && !force) {
    throw new RangeError(
      `${old.release} and ${next.release} are ${distance} minor releases apart, and Antrea supports at most ${SUPPORTED_MINORS}: ` +
        `upgrade by way of ${lines[placeOf(old, lines) + SUPPORTED_MINORS]?.until} (--force plans it anyway)`,
    );
  }
  const [agent, aggregator] = order === "agents-first" ? [next, old] : [old, next];
  const between = compatibilityCells(lines)
    .find((cell) => cell.agent === knownLine(agent) && cell.collector === knownLine(aggregator));
  if (between === undefined) throw new Error(`no outcome of ${agent.line} with ${aggregator.line}`);
  const servesGrpc = usesGrpc(agent) && !usesGrpc(aggregator);
  const trust = [trustModeOf(old.release), trustModeOf(next.release)] as const;
  const overlay = chosen ?? (usesGrpc(old) ? "sidecar" : "gateway");
  return {
    from: old,
    to: next,
    order,
    distance,
    between,
    aggregator,
    needed: between.direct.outcome === "broken" || servesGrpc,
    why: reason(between, agent, aggregator, servesGrpc),
    trust,
    overlay,
    overlayWhy: overlayReason(old, overlay, trust[0]),
    oneProxy: [old, next].some(({ dialect }) => dialect !== "go-ipfix"),
    assumed: [old, next].flatMap(({ release }) => {
      const as = newestKnownFor(release)?.release;
      return as === undefined ? [] : [{ release, as, isMajor: major(release) !== major(as) }];
    }),
    servesGrpc,
    hasDestinations: isAtLeast(next, "v2.6.0"),
    newRecordKinds: order === "agents-first" && isAtLeast(next, "v2.7.0") && !isAtLeast(old, "v2.7.0"),
  };
}

function reason(
  { direct }: CompatibilityCell,
  agent: AntreaRelease,
  aggregator: AntreaRelease,
  servesGrpc: boolean,
): string {
  const pair = `Agents ${agent.line} with an Aggregator ${aggregator.line}`;
  const grpc =
    `Agents ${agent.line} export by gRPC to port 14739, which an Aggregator ${aggregator.line} does not serve`;
  if (direct.outcome === "broken") return `${pair}, directly: ${direct.why}${servesGrpc ? `; and ${grpc}` : ""}`;
  if (servesGrpc) return grpc;
  return direct.outcome === "identical"
    ? `${pair}: the same templates`
    : `${pair}: ${direct.why}; a proxy changes nothing about that`;
}

/** A gateway restarts no Aggregator, and those up to v2.3 lose most by a restart. */
function overlayReason({ line }: AntreaRelease, overlay: Overlay, trust: TrustMode): string {
  const loses = `an Aggregator ${line} forgets its flows${trust === "append-ca" ? " and makes a new CA" : ""}`;
  return overlay === "gateway"
    ? `it restarts no Aggregator, and at a restart ${loses}; --overlay sidecar puts the proxy into the Aggregator's Pod instead`
    : `it restarts the Aggregator when it goes in and when it goes out, and each time ${loses}; --overlay gateway restarts none`;
}

function release(name: string): AntreaRelease {
  const profile = `antrea/${name.replace(/^antrea\//, "").replace(/^v?/, "v")}`;
  const found = antreaRelease(profile);
  if (found !== undefined) return found;
  const [, line, patch = ".0"] = /^antrea\/(v\d+\.\d+)(\.\d+)?$/.exec(profile) ?? [];
  const newest = line === undefined ? undefined : newestKnownFor(`${line}${patch}`);
  if (newest !== undefined && line !== undefined) return { ...newest, release: `${line}${patch}`, line };
  const names = ANTREA_RELEASES.flatMap((each) => [each.release, each.line]);
  throw new RangeError(
    `"${name}" is not an Antrea release${didYouMean(name, names)} ` +
      `(v0.12 to ${ANTREA_RELEASES.at(-1)?.line}, or one release such as v2.3.2)`,
  );
}

/** The newest known release, where this one is newer than it. */
function newestKnownFor(release: string): AntreaRelease | undefined {
  const newest = ANTREA_RELEASES.at(-1);
  const [named, known] = [release, newest?.release ?? ""].map(parseSemanticVersion);
  return named !== undefined && known !== undefined && compareSemanticVersions(named, known) > 0 ? newest : undefined;
}

/** The line that stands for a release: of one that is newer than any known, the newest known. */
function knownLine({ release, line }: AntreaRelease): string {
  return newestKnownFor(release)?.line ?? line;
}

/**
 * Its place among the lines; those after the newest known are counted on, and a new major version follows it directly.
 */
function placeOf({ line }: AntreaRelease, lines: readonly ReleaseLine[]): number {
  const place = lines.findIndex((each) => each.line === line);
  if (place >= 0) return place;
  const last = lines.at(-1)?.line ?? line;
  const behind = major(line) === major(last) ? minor(line) - minor(last) : major(line) - major(last) + minor(line);
  return lines.length - 1 + behind;
}

function major(release: string): number {
  return Number(/^v(\d+)/.exec(release)?.[1]);
}

function minor(line: string): number {
  return Number(line.split(".")[1]);
}

/** Whether a release is this one or a later one. */
function isAtLeast({ release }: Pick<AntreaRelease, "release">, other: string): boolean {
  const [one, two] = [release, other].map(parseSemanticVersion);
  if (one === undefined || two === undefined) throw new RangeError(`"${release}" or "${other}" is not a release`);
  return compareSemanticVersions(one, two) >= 0;
}
