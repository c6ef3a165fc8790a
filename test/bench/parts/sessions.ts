import type { Bench } from "../bench.ts";
import { issueCertificates } from "../certificates.ts";
import { type EndsTls, manyEnds } from "../load/many_ends.ts";
import { startBareRelay, startHaproxy, startProxy } from "../relays/relays.ts";
import { eitherGoal, inTurn, type Row, row } from "../rows.ts";
import { type Contender, cpuPerGigabyte, measureStream } from "../load/stream.ts";
import { BOTH_SIDES, tlsEnds, tlsRelays } from "./tls.ts";

/** The least share of one session's throughput, or this many times the share that HAProxy keeps. */
const SHARE = { of: "ratio", limit: 0.8, atLeast: true } as const;
const TIMES_HAPROXY = 1.1;

/** The part `sessions`: the same load by many exporters and by one, over TCP and over TLS on both sides. */
export async function measureSessions({ scale, haproxy, go, directory, said }: Bench): Promise<Row[]> {
  if (go === undefined) return [];
  const { warmUp, octets, manySessions } = scale;
  const certificates = await issueCertificates(directory);
  const own = "v2.0 to v1.15";
  /** `peer`: the one that has a goal is judged beside this one. */
  const contenders: (Contender & { readonly peer?: string; readonly tls?: EndsTls })[] = [
    { what: own, start: startProxy({ profile: "antrea/v1.15" }), peer: "HAProxy" },
    { what: "bare read and write", start: startBareRelay },
    ...(haproxy ? [{ what: "HAProxy", start: startHaproxy() }] : []),
    ...tlsRelays(BOTH_SIDES, certificates, haproxy).map(({ what, start }) => ({
      what: `${BOTH_SIDES.name}, ${what}`,
      start,
      ...(what === own ? { peer: `${BOTH_SIDES.name}, HAProxy` } : {}),
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
  const compared = (contender: Contender, unit: "GB/s" | "CPU s/GB", peer?: string): Row => {
    const first = cases.findIndex((one) => one.contender === contender);
    const figures = (index: number, name: string) => ({
      name,
      samples: runs[index]?.map((run) => unit === "GB/s" ? run.gigabytesPerSecond : run.cpu) ?? [],
    });
    const beside = figures(first + 1, "1 session");
    const judgedBeside = contenders.find(({ what }) => what === peer);
    const ofPeer = judgedBeside === undefined ? undefined : compared(judgedBeside, unit).ratio;
    const goal = peer === undefined ? undefined : eitherGoal(SHARE, ofPeer && ofPeer * TIMES_HAPROXY);
    return row("sessions", unit, figures(first, cases[first]?.name ?? ""), { beside, goal });
  };
  return contenders.flatMap((one) => [compared(one, "GB/s", one.peer), compared(one, "CPU s/GB")]);
}
