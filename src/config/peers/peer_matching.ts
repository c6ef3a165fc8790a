import { parseAddress, prefixContains } from "../../ipfix/types/address.ts";
import type { Peer } from "../../mediation/mapping/chain/treatment.ts";
import { antreaRelease } from "../profiles/antrea_releases.ts";
import type { PeerMatch } from "../configuration.ts";

/** What is known of an exporter when its session opens, and perhaps of one of its templates. */
export type KnownPeer = Pick<Peer, "address" | "certificateName"> & Partial<Peer>;

/** Whether a rule matches whole sessions: everything it asks for is known when a session opens. */
export function isSessionMatch({ observationDomain, profile }: PeerMatch): boolean {
  return observationDomain === undefined && profile === undefined;
}

/** Whether every key of the rule matches the exporter. What is not known of the exporter does not match. */
export function matches(match: PeerMatch, peer: KnownPeer): boolean {
  if (match.address !== undefined) {
    const address = parseAddress(peer.address ?? "");
    if (address === undefined || !prefixContains(match.address, address)) return false;
  }
  if (match.certificateName !== undefined && match.certificateName !== peer.certificateName) return false;
  if (match.observationDomain !== undefined && match.observationDomain !== peer.observationDomain) return false;
  return match.profile === undefined || match.profile === eraOf(peer.detectedProfile);
}

function eraOf(profile: string | undefined): string | undefined {
  return profile === undefined ? undefined : antreaRelease(profile)?.era ?? profile;
}
