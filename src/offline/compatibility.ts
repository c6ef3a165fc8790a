import measurements from "../../config/compatibility/antrea.json" with { type: "json" };
import { ANTREA_RELEASES, type AntreaRelease } from "../config/profiles/antrea_releases.ts";
import { loadProfile } from "../config/profiles/profiles.ts";
import { explainTemplates, type TemplateExplanation } from "./template_explanation.ts";
import { automaticTreatment } from "./release_treatment.ts";

/**
 * - `identical`: every record arrives octet for octet
 * - `lossless`: every record arrives and is used, with everything that the Agent sent
 * - `lossy`: every record arrives and is used, without what the Aggregator does not know
 * - `broken`: records are refused, wrong, or stuck in the Aggregator
 */
export type Outcome = "identical" | "lossless" | "lossy" | "broken";

/** How a pair breaks, short enough for a narrow table. */
export type Breakage = "dies" | "shut" | "false" | "stuck" | "id 0";

/** One release line of Antrea, represented by its newest release. */
export interface ReleaseLine {
  /** `v2.3` */
  readonly line: string;
  /** First release of the line. */
  readonly since: string;
  /** Newest release of the line. */
  readonly until: string;
  /** Name of its profile. */
  readonly profile: string;
  /** Profile of the first line with the same templates. */
  readonly era: string;
  readonly goIpfix: string;
  readonly dialect: string;
}

/** The outcome without a proxy. */
export interface DirectCell {
  readonly outcome: Outcome;
  readonly how?: Breakage;
  readonly why: string;
  /** The measured pair that represents this one: same templates, same or nearest go-ipfix. */
  readonly measured: { readonly agent: string; readonly collector: string };
}

/** The outcome through the proxy. */
export interface ProxiedCell {
  readonly outcome: Outcome;
  readonly stripped: readonly string[];
  readonly padded: readonly string[];
  readonly lost: readonly string[];
}

/** An Agent of one line with a Flow Aggregator of another. */
export interface CompatibilityCell {
  readonly agent: string;
  readonly collector: string;
  readonly direct: DirectCell;
  readonly proxied: ProxiedCell;
}

type Measurement = (typeof measurements.direct)[number];

/** Every release line, oldest first. */
export function releaseLines(): ReleaseLine[] {
  return [...Map.groupBy(ANTREA_RELEASES, ({ line }) => line)].map(([line, releases]) => {
    const [first, last] = [releases[0], releases.at(-1)];
    if (first === undefined || last === undefined) throw new Error(`${line} has no release`);
    return {
      line,
      since: first.release,
      until: last.release,
      profile: `antrea/${line}`,
      era: last.era,
      goIpfix: goIpfixOf(last),
      dialect: last.dialect,
    };
  });
}

/** Every line as an Agent against every line as an Aggregator. */
export function compatibilityCells(lines: readonly ReleaseLine[]): CompatibilityCell[] {
  // Agents of one era send the same templates, so their cells are computed once per collector.
  return lines.flatMap((collector) => {
    const byEra = new Map<string, Omit<CompatibilityCell, "agent" | "collector">>();
    return lines.map((agent) => {
      let cell = byEra.get(agent.era);
      if (cell === undefined) {
        const proxied = explainTemplates(
          loadProfile(agent.profile),
          automaticTreatment(loadProfile(collector.profile)),
        );
        cell = { direct: directCell(agent, collector, proxied), proxied: proxiedCell(proxied) };
        byEra.set(agent.era, cell);
      }
      return { agent: agent.line, collector: collector.line, ...cell };
    });
  }).sort((one, other) => order(lines, one.agent) - order(lines, other.agent));
}

function order(lines: readonly ReleaseLine[], line: string): number {
  return lines.findIndex((each) => each.line === line);
}

function proxiedCell(templates: readonly TemplateExplanation[]): ProxiedCell {
  const union = (list: (template: TemplateExplanation) => readonly string[]) => [...new Set(templates.flatMap(list))];
  const lost = union(({ lost }) => lost);
  return {
    outcome: templates.some(({ target }) => target.length === 0)
      ? "broken"
      : templates.every(({ identical }) => identical)
      ? "identical"
      : lost.length > 0
      ? "lossy"
      : "lossless",
    stripped: union(({ stripped }) => stripped),
    padded: union(({ padded }) => padded),
    lost,
  };
}

function directCell(
  agent: ReleaseLine,
  collector: ReleaseLine,
  templates: readonly TemplateExplanation[],
): DirectCell {
  const pairs = measurements.direct.filter((pair) => pair.agent === measuredAgent(agent));
  const collectorName = nearestMeasured(collector, [...new Set(pairs.map((pair) => pair.collector))]);
  const find = (scenario: string) =>
    pairs.find((pair) => pair.collector === collectorName && pair.scenario === scenario);
  const [fresh, known] = [find("fresh"), find("known")];
  if (fresh === undefined || known === undefined) {
    throw new Error(`no measurement of an Agent ${agent.line} with an Aggregator ${collector.line}`);
  }
  const measured = {
    agent: `${known.agent} (go-ipfix ${known.agentGoIpfix})`,
    collector: `${known.collector} (go-ipfix ${known.collectorGoIpfix})`,
  };
  return { ...judge(fresh, known, collector, templates), measured };
}

/** What the figures, measured at the collecting process, mean for the whole Aggregator. */
function judge(
  fresh: Measurement,
  known: Measurement,
  collector: ReleaseLine,
  templates: readonly TemplateExplanation[],
): Omit<DirectCell, "measured"> {
  const { sent, delivered, exact, correct, closed, panic } = known;
  const broken = (how: Breakage, why: string) => ({ outcome: "broken" as const, how, why });
  const freshly = fresh.delivered === 0 ? "; a fresh one refuses the template and gets nothing" : "";
  if (panic !== null) {
    const before = delivered === 0 ? "" : `, after ${delivered - correct} false records of ${sent}`;
    return broken("dies", `the Aggregator that knows the older template dies (${panic})${before}${freshly}`);
  }
  if (correct < delivered) {
    return broken(
      "false",
      `${delivered - correct} of ${sent} records are decoded with the older template and passed on as true${freshly}`,
    );
  }
  if (delivered < sent) {
    const then = closed ? "closes the connection, at every attempt" : "goes on without a sign";
    return broken("shut", `the Aggregator refuses the template and ${then}: ${delivered} of ${sent} records arrive`);
  }
  if (exact === sent) return { outcome: "identical", why: `${sent} of ${sent} records arrive as they are expected` };
  if (collector.dialect !== "go-ipfix") {
    return broken(
      "stuck",
      "all records are decoded, but the Aggregator's own IPFIX export takes fields by their place and refuses each one",
    );
  }
  if (collector.line === "v2.3") {
    return broken(
      "id 0",
      "all records are decoded, but the Aggregator's own IPFIX export sends them in data sets with id 0, counted as sent",
    );
  }
  const lost = [...new Set(templates.flatMap(({ lost }) => lost))];
  return lost.length === 0
    ? { outcome: "lossless", why: "fields are taken by name; those that the Agent lacks are the type's default" }
    : { outcome: "lossy", why: `fields are taken by name; dropped: ${lost.join(", ")}` };
}

/** The measured Agent that represents all Agents with the same templates. */
function measuredAgent({ era }: ReleaseLine): string {
  return era.replace("antrea/", "");
}

/** The measured collector that decodes alike: same templates, same dialect, nearest go-ipfix. */
function nearestMeasured(collector: ReleaseLine, measured: readonly string[]): string | undefined {
  const wanted = versionNumber(collector.goIpfix);
  return measured
    .map((name) => ({ name, release: newestOf(name) }))
    .filter(({ release }) => release?.era === collector.era && release.dialect === collector.dialect)
    .map(({ name, release }) => ({ name, distance: Math.abs(versionNumber(release && goIpfixOf(release)) - wanted) }))
    .sort((one, other) => one.distance - other.distance)[0]?.name;
}

/** The release that a measured name stands for: a line means its newest release. */
function newestOf(name: string): AntreaRelease | undefined {
  return ANTREA_RELEASES.findLast(({ release, line }) => name === release || name === line);
}

function goIpfixOf({ registry }: AntreaRelease): string {
  return registry.replace("go-ipfix/", "");
}

/** A version such as `v0.5.12` as a number, so that the nearest version can be found. */
function versionNumber(version: string | undefined): number {
  const [major = 0, minor = 0, patch = 0] = (version ?? "").replace("v", "").split(".").map(Number);
  return (major * 1000 + minor) * 1000 + patch;
}
