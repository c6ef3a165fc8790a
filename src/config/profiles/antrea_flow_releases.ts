import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { antreaEras } from "./antrea_eras.ts";
import { usesGrpc } from "./antrea_releases.ts";
import { loadProfile } from "./profiles.ts";

/** The templates that releases of Agents which speak gRPC send over IPFIX, oldest first. */
export function antreaFlowReleases(): { ipv4: readonly FieldSpecifier[]; ipv6: readonly FieldSpecifier[] }[] {
  return antreaEras().filter(({ until }) => usesGrpc({ release: until })).map(({ profile }) => {
    const { templates } = loadProfile(profile);
    const fields = (name: string) => templates.find((template) => template.name === name)?.fields ?? [];
    return { ipv4: fields("IPv4"), ipv6: fields("IPv6") };
  });
}
