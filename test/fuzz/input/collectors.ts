import { DIALECTS } from "../../../src/mediation/mapping/profile/dialect.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { antreaProfile, COLLECTORS as RELEASES, rfc7011 } from "../../support/messages/antrea.ts";
import { REFERENCE_COLLECTORS } from "../../support/reference/reference_arbitrary.ts";

/**
 * Collectors by name, so that a case can be kept in a file: releases of Antrea, every dialect, and mixtures of limits.
 */
const COLLECTORS: ReadonlyMap<string, Profile> = new Map([
  ["rfc7011", rfc7011],
  ...RELEASES.map((release) => [release, antreaProfile(release)] as const),
  ...[...DIALECTS.values()].map((dialect) =>
    [`rfc7011 as ${dialect.name}`, { ...rfc7011, dialect: { ...dialect, fieldLengths: "template" as const } }] as const
  ),
  ...Object.entries(REFERENCE_COLLECTORS),
]);

export const COLLECTOR_NAMES: readonly string[] = [...COLLECTORS.keys()];

/** @throws Error if there is none of this name */
export function collectorOf(name: string): Profile {
  const profile = COLLECTORS.get(name);
  if (profile === undefined) throw new Error(`no collector ${name}`);
  return profile;
}
