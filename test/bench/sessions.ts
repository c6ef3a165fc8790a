import type { Bench } from "./bench.ts";
import { manyEnds } from "./many_ends.ts";
import { startBareRelay, startHaproxy, startProxy } from "./relays.ts";
import { inTurn, type Row, row } from "./rows.ts";
import { type Contender, cpuPerGigabyte, measureStream } from "./stream.ts";

/** The part `sessions`: the same load by many exporters and by one. */
export async function measureSessions({ scale, haproxy, go, directory, said }: Bench): Promise<Row[]> {
  if (go === undefined) return [];
  const { warmUp, octets, manySessions } = scale;
  const contenders: Contender[] = [
    { what: "v2.0 to v1.15", start: startProxy({ profile: "antrea/v1.15" }) },
    { what: "bare read and write", start: startBareRelay },
    ...(haproxy ? [{ what: "HAProxy", start: startHaproxy() }] : []),
  ];
  const cases = contenders.flatMap((contender) =>
    [manySessions, 1].map((sessions) => ({ contender, sessions, name: `${contender.what}, ${sessions} sessions` }))
  );
  const runs = await inTurn(cases, scale.rounds, async ({ contender, sessions, name }) => {
    const agent = { profile: "antrea/v2.0", families: "both", recordsPerMessage: 1 } as const;
    const load = { ...agent, warmUp, octets };
    const run = await measureStream(contender, load, directory, manyEnds(go.ends, sessions));
    said(`${name}: ${(run.octets / run.seconds / 1e9).toFixed(2)} GB/s, ${cpuPerGigabyte(run).toFixed(2)} CPU s/GB`);
    return { gigabytesPerSecond: run.octets / run.seconds / 1e9, cpu: cpuPerGigabyte(run) };
  });
  const rows: Row[] = [];
  for (let index = 0; index < cases.length; index += 2) {
    const [many, one] = [0, 1].map((offset) => ({
      name: offset === 0 ? cases[index]?.name ?? "" : "1 session",
      samples: runs[index + offset] ?? [],
    }));
    if (many === undefined || one === undefined) continue;
    for (const [unit, key] of [["GB/s", "gigabytesPerSecond"], ["CPU s/GB", "cpu"]] as const) {
      const figures = ({ name, samples }: typeof many) => ({ name, samples: samples.map((sample) => sample[key]) });
      const judged = index === 0 && unit === "GB/s";
      rows.push(row("sessions", unit, figures(many), {
        beside: figures(one),
        ...(judged ? { goal: { of: "ratio", limit: 0.8, atLeast: true } } : {}),
      }));
    }
  }
  return rows;
}
