/** Certificates of peers, as files, for measurements over TLS. */
import { Authority, type Request } from "../../support/certificates.ts";
import type { Identity } from "./peers.ts";

/**
 * An identity for each side and for what is in between, issued by one authority, in a folder that is removed in the
 * end.
 */
export interface Identities extends AsyncDisposable {
  readonly exporter: Identity;
  readonly collector: Identity;
  readonly proxy: Identity;
  /** Where they are. */
  readonly folder: string;
}

export async function issueIdentities(): Promise<Identities> {
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  const authority = await Authority.create("interop");
  const ca = `${folder}/ca.pem`;
  await Deno.writeTextFile(ca, authority.pem);
  const issue = async (request: Request): Promise<Identity> => {
    const issued = await authority.issue(request);
    const identity = { certificate: `${folder}/${request.name}.pem`, key: `${folder}/${request.name}.key`, ca };
    await Deno.writeTextFile(identity.certificate, issued.certificate);
    await Deno.writeTextFile(identity.key, issued.key);
    return identity;
  };
  return {
    exporter: await issue({ name: "exporter", usage: ["client"] }),
    collector: await issue({ name: "collector", addresses: ["127.0.0.1"], usage: ["server"] }),
    proxy: await issue({ name: "proxy", addresses: ["127.0.0.1"] }),
    folder,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
