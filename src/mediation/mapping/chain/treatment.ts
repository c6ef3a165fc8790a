import type { Plugin } from "../plugin.ts";
import type { Profile } from "../profile/profile.ts";

/** Facts about an exporter when one of its templates arrives. */
export interface Peer {
  /** Textual address without port; undefined offline. */
  readonly address?: string;
  /** Name in the exporter's verified certificate. */
  readonly certificateName?: string;
  readonly observationDomain: number;
  /** Release or range detected from the template: `antrea/v2.0`. */
  readonly detectedProfile?: string;
  /** The first template of the session, if that decided its treatment. */
  readonly decidedBy?: FirstTemplate;
}

/** Facts that the first template of a session reveals. */
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
