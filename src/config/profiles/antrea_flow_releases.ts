import { compareSemanticVersions, parseSemanticVersion } from "../../ipfix/semantic_version.ts";
import type { FieldSpecifier } from "../../ipfix/template.ts";
import { antreaEras } from "./antrea_eras.ts";
import { loadProfile } from "./profiles.ts";

/** The first release whose Agents can send flows by gRPC. */
const FIRST = "v2.4.0";

/** The templates that releases of Agents which speak gRPC send over IPFIX, oldest first. */
export function antreaFlowReleases(): { ipv4: readonly FieldSpecifier[]; ipv6: readonly FieldSpecifier[] }[] {
  return antreaEras().filter(({ until }) => !isBefore(until, FIRST)).map(({ profile }) => {
    const { templates } = loadProfile(profile);
    const fields = (name: string) => templates.find((template) => template.name === name)?.fields ?? [];
    return { ipv4: fields("IPv4"), ipv6: fields("IPv6") };
  });
}

function isBefore(one: string, other: string): boolean {
  const [left, right] = [parseSemanticVersion(one), parseSemanticVersion(other)];
  return left !== undefined && right !== undefined && compareSemanticVersions(left, right) < 0;
}
