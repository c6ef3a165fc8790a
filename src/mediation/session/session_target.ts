import type { Dialect } from "../mapping/profile/dialect.ts";
import type { CollectorKnowledge, SharedState } from "./shared/shared_state.ts";
import type { Profile } from "../mapping/profile/profile.ts";
import type { CollectorFacts, SessionFacts } from "./session_rewriter.ts";
import type { ChooseTreatment, FirstTemplate } from "../mapping/chain/treatment.ts";
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
  /** What the sessions to its collector share. */
  knowledge: CollectorKnowledge;
  decidedBy: FirstTemplate | undefined;
  #profile: Profile;

  constructor(readonly shared: SharedState, readonly facts: SessionFacts) {
    this.knowledge = facts.knowledge ?? shared;
    this.decidedBy = facts.decidedBy;
    this.chooseTreatment = this.knowledge.chooseTreatment;
    this.ids = this.knowledge.ids;
    this.#profile = this.#profileBy(this.chooseTreatment);
    this.dialect = this.#profile.dialect;
    this.adopt(facts);
  }

  /** Whether the collector that holds now for this session expects something else than the one that its output is made for. */
  get outdated(): boolean {
    const { knowledge: { chooseTreatment }, shared: { fingerprints } } = this;
    return chooseTreatment !== this.chooseTreatment &&
      fingerprints.expectation(this.#profileBy(chooseTreatment)) !== fingerprints.expectation(this.#profile);
  }

  /** Goes by the treatments that hold now, towards the collector that expects the same. */
  follow(): void {
    this.chooseTreatment = this.knowledge.chooseTreatment;
  }

  /** Goes by all that holds now. Ids taken in an epoch before have to be given back first. */
  adopt({ maxMessageLength, datagrams = false, knowledge = this.shared, decidedBy }: CollectorFacts): void {
    this.knowledge = knowledge;
    this.decidedBy = decidedBy;
    this.follow();
    this.ids = knowledge.ids;
    this.#profile = this.#profileBy(this.chooseTreatment);
    const { dialect } = this.#profile;
    this.datagrams = datagrams;
    this.dialect = datagrams && dialect.withdrawals ? { ...dialect, withdrawals: false } : dialect;
    this.maxMessageLength = Math.min(maxMessageLength ?? 65535, 65535);
  }

  get announcers(): CollectorKnowledge["announcers"] {
    return this.knowledge.announcers;
  }

  #profileBy(choose: ChooseTreatment): Profile {
    const { address, certificateName } = this.facts;
    return choose({
      ...(address === undefined ? {} : { address }),
      ...(certificateName === undefined ? {} : { certificateName }),
      observationDomain: this.decidedBy?.observationDomain ?? 0,
      ...(this.decidedBy === undefined ? {} : { decidedBy: this.decidedBy }),
    }).profile;
  }
}
