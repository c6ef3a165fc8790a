import type { Plugin } from "../plugin.ts";
import type { Profile } from "../profile/profile.ts";

/** What is known of an exporter when one of its templates arrives. */
export interface Peer {
  /** Textual address without port; undefined offline. */
  readonly address?: string;
  /** Name in the exporter's verified certificate. */
  readonly certificateName?: string;
  readonly observationDomain: number;
  /** Release or range read off the template: `antrea/v2.0`. */
  readonly detectedProfile?: string;
  /** The first template of the session, where the session was treated by what that gives away. */
  readonly decidedBy?: FirstTemplate;
}

/** What the first template of a session gives away. */
export interface FirstTemplate {
  readonly observationDomain: number;
  readonly detectedProfile?: string;
}

/** How one exporter's templates are treated: the peer rule that matched, or the defaults. */
export interface Treatment {
  /** What the collector expects. Output has to fit its dialect. */
  readonly profile: Profile;
  readonly plugins: readonly Plugin[];
}

/**
 * Returns the treatment of a peer; the first peer rule that matches decides. Called once per template, so it may be
 * slow.
 */
export type ChooseTreatment = (peer: Peer) => Treatment;
