import { Authority, type Issued } from "../support/certificates.ts";
import type { Bench } from "./bench.ts";
import { startBareTlsRelay, startHaproxy, startProxy, type TlsFiles } from "./relays.ts";
import { inTurn, type Row, row } from "./rows.ts";
import { type Contender, cpuPerGigabyte, measureStream } from "./stream.ts";

const PROFILE = "antrea/v1.15";
const [REWRITING, BARE, PLAIN] = ["TLS in, v2.0 to v1.15", "TLS in, bare read and write", "TCP in, v2.0 to v1.15"];

/** The part `tls`: TLS with certificates of both sides comes in, plain TCP goes out. */
export async function measureTls({ scale, haproxy, directory, said }: Bench): Promise<Row[]> {
  const { tls, listener: files } = await issueCertificates(directory);
  const contenders: (Contender & { readonly tls?: typeof tls })[] = [
    { what: REWRITING, start: startProxy({ profile: PROFILE, tls: files }), tls },
    { what: BARE, start: startBareTlsRelay(files), tls },
    { what: PLAIN, start: startProxy({ profile: PROFILE }) },
    ...(haproxy ? [{ what: "TLS in, HAProxy", start: startHaproxy({ tls: files }), tls }] : []),
  ];
  const samples = await inTurn(contenders, scale.rounds, async ({ tls, ...contender }) => {
    const agent = { profile: "antrea/v2.0", families: "both", recordsPerMessage: 1 } as const;
    const load = { ...agent, warmUp: scale.warmUp, octets: scale.octets, ...(tls === undefined ? {} : { tls }) };
    const cost = cpuPerGigabyte(await measureStream(contender, load, directory));
    said(`${contender.what}: ${cost.toFixed(2)} CPU s/GB`);
    return cost;
  });
  const [own, ...others] = contenders.map(({ what: name }, index) => ({ name, samples: samples[index] ?? [] }));
  if (own === undefined) return [];
  return others.map((beside) =>
    row("tls", "CPU s/GB", own, { beside, goal: beside.name === BARE ? { of: "ratio", limit: 1.2 } : undefined })
  );
}

/** What exporters show as PEM, and the same as files; and what a listener shows. */
export async function issueCertificates(directory: string): Promise<{
  readonly tls: Issued & { readonly ca: string };
  readonly exporter: TlsFiles;
  readonly listener: TlsFiles;
}> {
  const authority = await Authority.create("bench");
  const listener = await authority.issue({ name: "proxy", addresses: ["127.0.0.1"], usage: ["server"] });
  const exporter = await authority.issue({ name: "exporter", usage: ["client"] });
  return {
    tls: { ca: authority.pem, ...exporter },
    exporter: await writeFiles(directory, "exporter", authority, exporter),
    listener: await writeFiles(directory, "listener", authority, listener),
  };
}

async function writeFiles(
  directory: string,
  whose: string,
  authority: Authority,
  { certificate, key }: Issued,
): Promise<TlsFiles> {
  const write = async (name: string, pem: string) => {
    const path = `${directory}/${whose}-${name}.pem`;
    await Deno.writeTextFile(path, pem);
    return path;
  };
  return {
    certificate: await write("certificate", certificate),
    key: await write("key", key),
    ca: await write("authority", authority.pem),
  };
}
