/** Certificates of a small cluster: the authority, Agents, the Aggregator, the proxy towards both. */
import { Authority, type Issued, type Request } from "../../support/certificates.ts";

/** Name under which the collector is verified. */
export const SERVER_NAME = "flow-aggregator.svc";

/** Paths of PEM files, as a `tls:` block names them. */
export interface PemFiles {
  readonly certificate?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** What serves under the Aggregator's name, and at this machine's own address. */
export const AGGREGATOR: Request = {
  name: "aggregator",
  dns: [SERVER_NAME],
  addresses: ["127.0.0.1"],
  usage: ["server"],
};

/** A cluster's authority and its members. */
export class Identities implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly authority: Authority,
    readonly aggregator: Issued,
    readonly agent: Issued,
  ) {}

  static async create(): Promise<Identities> {
    const authority = await Authority.create("cluster");
    return new Identities(
      await Deno.makeTempDir({ prefix: "end-to-end-pki-" }),
      authority,
      await authority.issue(AGGREGATOR),
      await authority.issue({ name: "agent-1", usage: ["client"] }),
    );
  }

  /** What the proxy shows to Agents, in files. */
  listener(issued = this.aggregator): Promise<PemFiles> {
    return this.write("listener", { ...issued, ca: this.authority.pem });
  }

  /** What the proxy shows to the collector, in files. */
  async collector(issued = this.agent): Promise<PemFiles & { readonly serverName: string }> {
    return { ...await this.write("collector", { ...issued, ca: this.authority.pem }), serverName: SERVER_NAME };
  }

  /** Writes PEM texts into files of this name, each replaced whole; gives the paths. */
  async write(name: string, pem: PemFiles): Promise<PemFiles> {
    const paths: Record<string, string> = {};
    for (const [role, text] of Object.entries(pem)) {
      const path = `${this.folder}/${name}-${role}.pem`;
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
      paths[role] = path;
    }
    return paths;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
