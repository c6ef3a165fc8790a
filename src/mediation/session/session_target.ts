import type { Dialect } from "../mapping/dialect.ts";
import type { SharedState } from "./shared_state.ts";
import type { Profile } from "../mapping/profile.ts";
import type { CollectorFacts, SessionFacts } from "./session_rewriter.ts";
import type { ChooseTreatment } from "../mapping/treatment.ts";
import type { TemplateIdSpace } from "../templates/template_id_space.ts";

/**
 * What one session's output is made for: the treatments that it goes by, and what its collector can take. Changes between two
 * messages only, so that no message is half the one and half the other.
 */
export class SessionTarget {
  chooseTreatment: ChooseTreatment;
  /** The ids that sessions share in the epoch of the collector that the output is made for. */
  ids: TemplateIdSpace;
  /** Without withdrawals where the collector is reached over UDP (RFC 7011 §8.4). */
  dialect: Dialect;
  datagrams = false;
  /** Octets of the longest message that may go out. */
  maxMessageLength = 65535;
  #profile: Profile;

  constructor(readonly shared: SharedState, readonly facts: SessionFacts) {
    this.chooseTreatment = shared.chooseTreatment;
    this.ids = shared.ids;
    this.#profile = this.#profileBy(this.chooseTreatment);
    this.dialect = this.#profile.dialect;
    this.adopt(facts);
  }

  /** Whether the collector that holds now for this session expects something else than the one that its output is made for. */
  get outdated(): boolean {
    const { chooseTreatment, fingerprints } = this.shared;
    return chooseTreatment !== this.chooseTreatment &&
      fingerprints.expectation(this.#profileBy(chooseTreatment)) !== fingerprints.expectation(this.#profile);
  }

  /** Goes by the treatments that hold now, towards the collector that expects the same. */
  follow(): void {
    this.chooseTreatment = this.shared.chooseTreatment;
  }

  /** Goes by all that holds now. Ids taken in an epoch before have to be given back first. */
  adopt({ maxMessageLength, datagrams = false }: CollectorFacts): void {
    this.follow();
    this.ids = this.shared.ids;
    this.#profile = this.#profileBy(this.chooseTreatment);
    const { dialect } = this.#profile;
    this.datagrams = datagrams;
    this.dialect = datagrams && dialect.withdrawals ? { ...dialect, withdrawals: false } : dialect;
    this.maxMessageLength = Math.min(maxMessageLength ?? 65535, 65535);
  }

  #profileBy(choose: ChooseTreatment): Profile {
    const { address, certificateName } = this.facts;
    return choose({
      ...(address === undefined ? {} : { address }),
      ...(certificateName === undefined ? {} : { certificateName }),
      observationDomain: 0,
    }).profile;
  }
}
