import type { Bench } from "../bench.ts";
import { issueCertificates } from "../certificates.ts";
import { type EndsTls, manyEnds } from "../load/many_ends.ts";
import { startBareRelay, startHaproxy, startProxy } from "../relays/relays.ts";
import { inTurn, type Row, row } from "../rows.ts";
import { type Contender, cpuPerGigabyte, measureStream } from "../load/stream.ts";
import { BOTH_SIDES, tlsEnds, tlsRelays } from "./tls.ts";

/** The part `sessions`: the same load by many exporters and by one, over TCP and over TLS on both sides. */
export async function measureSessions({ scale, haproxy, go, directory, said }: Bench): Promise<Row[]> {
  if (go === undefined) return [];
  const { warmUp, octets, manySessions } = scale;
  const certificates = await issueCertificates(directory);
  const own = "v2.0 to v1.15";
  const contenders: (Contender & { readonly own: boolean; readonly tls?: EndsTls })[] = [
    { what: own, start: startProxy({ profile: "antrea/v1.15" }), own: true },
    { what: "bare read and write", start: startBareRelay, own: false },
    ...(haproxy ? [{ what: "HAProxy", start: startHaproxy(), own: false }] : []),
    ...tlsRelays(BOTH_SIDES, certificates, haproxy).map(({ what, start }) => ({
      what: `${BOTH_SIDES.name}, ${what}`,
      start,
      own: what === own,
      tls: tlsEnds(BOTH_SIDES, certificates),
    })),
  ];
  const cases = contenders.flatMap((contender) =>
    [manySessions, 1].map((sessions) => ({ contender, sessions, name: `${contender.what}, ${sessions} sessions` }))
  );
  const runs = await inTurn(cases, scale.rounds, async ({ contender, sessions, name }) => {
    const agent = { profile: "antrea/v2.0", families: "both", recordsPerMessage: 1 } as const;
    const load = { ...agent, warmUp, octets };
    const run = await measureStream(contender, load, directory, manyEnds(go.ends, sessions, contender.tls));
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
      const judged = cases[index]?.contender.own === true && unit === "GB/s";
      rows.push(row("sessions", unit, figures(many), {
        beside: figures(one),
        ...(judged ? { goal: { of: "ratio", limit: 0.8, atLeast: true } } : {}),
      }));
    }
  }
  return rows;
}
