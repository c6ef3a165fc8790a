import type { Bench } from "../bench.ts";
import { startBareRelay, startHaproxy, startProxy } from "../relays/relays.ts";
import { type Figures, type Goal, inTurn, type Row, row } from "../rows.ts";
import { type Contender, cpuPerGigabyte, measureStream, type StreamRun } from "../load/stream.ts";
import type { WorkloadOptions } from "../load/workload.ts";

/** A contender with what the exporter sends it. */
interface RelayCase extends Contender {
  /** The exporter's release. */
  readonly profile: string;
  readonly shape: WorkloadOptions;
  /** Times what HAProxy needs, at most. */
  readonly limit?: number;
}

const AGENT: WorkloadOptions = { families: "both", recordsPerMessage: 1 };
const [OLDER, NEWER] = ["antrea/v1.15", "antrea/v2.0"];
const [BARE, HAPROXY] = ["bare read and write", "HAProxy"];

/** What the exporter sends, with the limit that it has beside HAProxy. */
const SHAPES: readonly (readonly [WorkloadOptions, number])[] = [
  [{ families: "IPv4", recordsPerMessage: 1 }, 0.95],
  [{ families: "both", recordsPerMessage: 1 }, 0.9],
  [{ families: "IPv4", recordsPerMessage: 16 }, 0.85],
  [{ families: "both", recordsPerMessage: 16 }, 0.85],
];

const REWRITING = caseName(NEWER, OLDER, AGENT);
const IDENTITY = caseName(NEWER, NEWER, AGENT);

/** The part `relays`: CPU of whole programs for each gigabyte that goes through one connection. */
export async function measureRelays({ scale, haproxy, directory, said }: Bench): Promise<Row[]> {
  const cases = relayCases(haproxy, scale.shapes);
  const runs = await inTurn(cases, scale.rounds, async (one) => {
    const { warmUp, octets } = scale;
    const run = await measureStream(one, { ...one.shape, profile: one.profile, warmUp, octets }, directory);
    said(`${one.what}: ${cpuPerGigabyte(run).toFixed(2)} CPU s/GB`);
    return run;
  });
  const figuresOf = (name: string, figure: (run: StreamRun) => number): Figures | undefined => {
    const index = cases.findIndex(({ what }) => what === name);
    return index < 0 ? undefined : { name, samples: runs[index]?.map(figure) ?? [] };
  };
  const rows: Row[] = [];
  const add = (name: string, other: string, unit: string, figure: (run: StreamRun) => number, goal?: Goal) => {
    const figures = figuresOf(name, figure);
    if (figures !== undefined) rows.push(row("relays", unit, figures, { beside: figuresOf(other, figure), goal }));
  };
  for (const { what, limit } of cases) {
    if (what === HAPROXY) continue;
    add(what, HAPROXY, "CPU s/GB", cpuPerGigabyte, limit === undefined ? undefined : { of: "ratio", limit });
    if (what === BARE) continue;
    add(what, BARE, "CPU s/GB", cpuPerGigabyte, what === IDENTITY ? { of: "ratio", limit: 1.1 } : undefined);
  }
  add(REWRITING, HAPROXY, "GB/s", ({ octets, seconds }) => octets / 1e9 / seconds);
  add(REWRITING, HAPROXY, "MB at most", ({ peakMemoryMegabytes }) => peakMemoryMegabytes);
  return rows;
}

/** All that is compared; HAProxy only where it is there. */
function relayCases(haproxy: boolean, shapes: number): RelayCase[] {
  const blind = { profile: NEWER, shape: AGENT };
  return [
    { what: BARE, start: startBareRelay, ...blind },
    ...(haproxy
      ? [
        { what: HAPROXY, start: startHaproxy(), ...blind },
        { what: `${HAPROXY}, buffers of 256 KiB`, start: startHaproxy({ bufferLength: 256 * 1024 }), ...blind },
      ]
      : []),
    ...[[NEWER, OLDER] as const, [OLDER, NEWER] as const].flatMap(([from, to]) =>
      SHAPES.slice(0, shapes).map(([shape, limit]) => ({
        what: caseName(from, to, shape),
        start: startProxy({ profile: to }),
        profile: from,
        shape,
        limit,
      }))
    ),
    { what: IDENTITY, start: startProxy({ profile: NEWER }), ...blind },
  ];
}

/** What a row is called: from release, to release, and what the exporter sends. */
export function caseName(from: string, to: string, { families, recordsPerMessage }: WorkloadOptions): string {
  const [one, other] = [from, to].map((profile) => profile.replace("antrea/", ""));
  return `${one} to ${other}, ${families === "both" ? "IPv4 and IPv6" : families}, ${recordsPerMessage} a message`;
}
