import type { Bench } from "../bench.ts";
import { type Certificates, issueCertificates } from "../certificates.ts";
import { manyEnds } from "../load/many_ends.ts";
import { startBareTlsRelay, startHaproxy, startProxy, type StartRelay } from "../relays/relays.ts";
import { type Figures, inTurn, type Row, row } from "../rows.ts";
import { cpuPerGigabyte, measureStream } from "../load/stream.ts";

const PROFILE = "antrea/v1.15";
const REWRITING = "v2.0 to v1.15";

/** What is spoken on which side of what is measured. */
export interface Sides {
  readonly name: string;
  readonly exporters: boolean;
  readonly collector: boolean;
  /** Exporters write each message by itself, in a TLS record of its own, as Agents do; else they fill their records. */
  readonly oneByOne?: boolean;
}

/** As Antrea is installed by default: certificates are shown and asked for on both sides. */
export const BOTH_SIDES: Sides = { name: "mutual TLS in and out", exporters: true, collector: true };
/** A collector in the same Pod may be spoken to in plain. */
export const IN_ONLY: Sides = { name: "mutual TLS in, plain out", exporters: true, collector: false };
const ONE_BY_ONE = [BOTH_SIDES, IN_ONLY].map((sides): Sides => ({
  ...sides,
  name: `${sides.name}, a TLS record each`,
  oneByOne: true,
}));
/** What is sent one by one costs several times as much, so that less of it is measured as well. */
const ONE_BY_ONE_SHARE = 0.25;
const NEITHER: Sides = { name: "plain in and out", exporters: false, collector: false };

/** The proxy, HAProxy where it is there, and the least that Deno can do, all with the same certificates. */
export function tlsRelays(
  { exporters, collector }: Sides,
  { relay }: Certificates,
  haproxy: boolean,
): readonly { readonly what: string; readonly start: StartRelay }[] {
  const tls = { ...(exporters ? { tls: relay } : {}), ...(collector ? { collectorTls: relay } : {}) };
  return [
    { what: REWRITING, start: startProxy({ profile: PROFILE, ...tls }) },
    ...(haproxy ? [{ what: "HAProxy", start: startHaproxy(tls) }] : []),
    ...(exporters ? [{ what: "bare read and write", start: startBareTlsRelay(relay, collector ? "tls" : "tcp") }] : []),
  ];
}

/** What the two ends show, as far as they speak TLS. */
export function tlsEnds({ exporters, collector }: Sides, certificates: Certificates) {
  return {
    ...(exporters ? { exporter: certificates.exporter } : {}),
    ...(collector ? { collector: certificates.collector } : {}),
  };
}

/** The part `tls`: mutual TLS on both sides, and from the exporters only. */
export async function measureTls({ scale, haproxy, go, directory, said }: Bench): Promise<Row[]> {
  if (go === undefined) return [];
  const certificates = await issueCertificates(directory);
  const cases = [BOTH_SIDES, IN_ONLY, NEITHER, ...ONE_BY_ONE].flatMap((sides) =>
    tlsRelays(sides, certificates, haproxy).map((relay) => ({ sides, ...relay, name: `${sides.name}, ${relay.what}` }))
  );
  const agreed = new Agreement();
  const samples = await inTurn(cases, scale.rounds, async ({ sides, name, start }) => {
    const agent = { profile: "antrea/v2.0", families: "both", recordsPerMessage: 1 } as const;
    const { oneByOne = false } = sides;
    const share = oneByOne ? ONE_BY_ONE_SHARE : 1;
    const load = { ...agent, warmUp: scale.warmUp * share, octets: scale.octets * share };
    const ends = manyEnds(go.ends, 1, tlsEnds(sides, certificates), oneByOne);
    const run = await measureStream({ what: name, start }, load, directory, ends);
    const negotiated = [run.negotiated, run.negotiatedWithCollector].filter((side) => side !== undefined);
    agreed.add(name, negotiated);
    said(`${name}: ${cpuPerGigabyte(run).toFixed(2)} CPU s/GB (${negotiated.join(", then ") || "no TLS"})`);
    return cpuPerGigabyte(run);
  });
  const figures = (of: Sides, what: string): Figures | undefined => {
    const index = cases.findIndex((one) => one.sides === of && one.what === what);
    return index < 0 ? undefined : { name: cases[index]?.name ?? "", samples: samples[index] ?? [] };
  };
  const rows: Row[] = [];
  for (const sides of [BOTH_SIDES, IN_ONLY, ...ONE_BY_ONE]) {
    const limit = sides.collector ? 1.2 : 1.1;
    const own = figures(sides, REWRITING);
    if (own === undefined) continue;
    const beside = (other: Figures | undefined, goal?: number) =>
      rows.push(
        row("tls", "CPU s/GB", own, { beside: other, goal: goal === undefined ? goal : { of: "ratio", limit: goal } }),
      );
    beside(figures(sides, "HAProxy"), limit);
    beside(figures(sides, "bare read and write"));
    if (sides.oneByOne !== true) beside(figures(NEITHER, REWRITING));
  }
  return rows;
}

/** What TLS agrees on has to be the same for all that are compared. */
class Agreement {
  #first: { readonly name: string; readonly negotiated: string } | undefined;

  /** @throws Error where it is another suite or group than before */
  add(name: string, sides: readonly string[]): void {
    for (const negotiated of sides) {
      this.#first ??= { name, negotiated };
      const { name: before, negotiated: expected } = this.#first;
      if (negotiated === expected) continue;
      throw new Error(`${before} has agreed on ${expected}, and ${name} on ${negotiated}: they cannot be compared`);
    }
  }
}
