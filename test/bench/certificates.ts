import { Authority, type Issued } from "../support/certificates.ts";
import type { TlsFiles } from "./relays/relays.ts";

/** What each of the three shows, and all trust: keys of ECDSA P-256. */
export interface Certificates {
  /** What exporters show, as PEM and as files. */
  readonly tls: Issued & { readonly ca: string };
  readonly exporter: TlsFiles;
  /** What is measured shows it to both sides. */
  readonly relay: TlsFiles;
  readonly collector: TlsFiles;
}

/** Makes certificates that are good for 127.0.0.1. */
export async function issueCertificates(directory: string): Promise<Certificates> {
  const authority = await Authority.create("bench");
  const addresses = ["127.0.0.1"];
  const relay = await authority.issue({ name: "relay", addresses });
  const collector = await authority.issue({ name: "collector", addresses, usage: ["server"] });
  const exporter = await authority.issue({ name: "exporter", usage: ["client"] });
  return {
    tls: { ca: authority.pem, ...exporter },
    exporter: await writeFiles(directory, "exporter", authority, exporter),
    relay: await writeFiles(directory, "relay", authority, relay),
    collector: await writeFiles(directory, "collector", authority, collector),
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
