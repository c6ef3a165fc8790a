/**
 * Antrea's releases as the tests need them: which go-ipfix release each one is built with, and the ordered list of
 * elements in its templates. Kept apart from `config/profiles` on purpose, so that a mistake there is found here.
 */
import antrea from "./antrea.json" with { type: "json" };

export type Family = "ipv4" | "ipv6";

/** One release of Antrea, as an Agent or as a Flow Aggregator, with the go-ipfix release that stands for it here. */
export interface Line {
  /** As in `antrea/NAME`: `v2.0`, or `v1.2.1` for a patch release of its own. */
  readonly name: string;
  /** The newest patch release of the line, or the release itself. */
  readonly release: string;
  /** The first line with the same template. */
  readonly era: string;
  /** The go-ipfix release of the peer; the release's own where it can be had, else the nearest one. */
  readonly goIpfix: string;
}

/** The go-ipfix releases that peers are built of, with the build tags that choose each one's variant of the source. */
export const goIpfixReleases: readonly { readonly version: string; readonly tags: readonly string[] }[] = [
  { version: "v0.4.2", tags: [] },
  { version: "v0.4.7", tags: ["since_0_4_7"] },
  { version: "v0.5.2", tags: ["since_0_4_7"] },
  { version: "v0.5.4", tags: ["since_0_4_7"] },
  { version: "v0.5.7", tags: ["since_0_4_7", "since_0_5_7"] },
  { version: "v0.5.11", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11"] },
  { version: "v0.5.12", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11"] },
  { version: "v0.6.0", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6"] },
  { version: "v0.6.2", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6"] },
  { version: "v0.8.2", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6"] },
  { version: "v0.9.0", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6"] },
  { version: "v0.11.0", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6"] },
  { version: "v0.13.0", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6", "since_0_12"] },
  { version: "v0.16.0", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6", "since_0_12"] },
  { version: "v0.17.0", tags: ["since_0_4_7", "since_0_5_7", "since_0_5_11", "since_0_6", "since_0_12"] },
];

/** Stands for a go-ipfix release that cannot be had (v0.14.0 is not in the checksum database). */
const stand: Readonly<Record<string, string>> = { "v0.14.0": "v0.13.0" };

const releases: Readonly<Record<string, { readonly era: string; readonly goIpfix: string }>> = antrea.releases;
const eras: Readonly<Record<string, readonly string[]>> = antrea.eras;
const elements: Readonly<Record<string, { readonly pen: number; readonly type: string }>> = antrea.elements;

/**
 * The line, or patch release, of this name.
 *
 * @throws {RangeError} if there is no such Antrea release
 */
export function line(name: string): Line {
  const names = Object.keys(releases);
  const release = names.includes(name) ? name : names.findLast((release) => release.startsWith(`${name}.`));
  const known = release === undefined ? undefined : releases[release];
  if (release === undefined || known === undefined) throw new RangeError(`no Antrea release is named ${name}`);
  return { name, release, era: known.era, goIpfix: stand[known.goIpfix] ?? known.goIpfix };
}

/** One Agent per template era. */
export const agentLines: readonly Line[] = ["v0.12", "v1.0", "v1.1", "v1.13", "v1.15", "v2.0", "v2.6", "v2.7"].map(
  line,
);

/** One Flow Aggregator per combination of template era and go-ipfix release that can be had. */
export const collectorLines: readonly Line[] = [
  ...["v0.12", "v1.0", "v1.1", "v1.2.1", "v1.2", "v1.5", "v1.6", "v1.11", "v1.13", "v1.14", "v1.15"],
  ...["v2.0", "v2.2", "v2.3", "v2.4", "v2.6", "v2.7"],
].map(line);

/** Each Flow Aggregator that exports by position, up to v2.2, with the Agents of the era before it. */
export const positionalUpgrades: readonly { readonly agent: Line; readonly aggregator: Line }[] = [
  { agent: line("v0.12"), aggregator: line("v1.0") },
  { agent: line("v1.0"), aggregator: line("v1.1") },
  { agent: line("v1.1"), aggregator: line("v1.13") },
  { agent: line("v1.13"), aggregator: line("v1.15") },
  { agent: line("v1.15"), aggregator: line("v2.0") },
  { agent: line("v1.15"), aggregator: line("v2.2") },
];

/** The elements of a line's template for one address family, in the line's own order. */
export function templateOf(line: Line, family: Family): readonly string[] {
  const names = eras[line.era];
  if (names === undefined) throw new RangeError(`no template list of ${line.era}`);
  return family === "ipv4" ? names : names.map((name) => name.replace("IPv4", "IPv6"));
}

/** The enterprise number and the abstract data type of an element in Antrea's templates. */
export function elementOf(name: string): { readonly pen: number; readonly type: string } {
  const known = elements[name];
  if (known === undefined) throw new RangeError(`no template of Antrea has an element ${name}`);
  return known;
}
