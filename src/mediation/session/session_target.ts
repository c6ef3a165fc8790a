import type { Dialect } from "../mapping/profile/dialect.ts";
import type { CollectorKnowledge, SharedState } from "./shared/shared_state.ts";
import type { Profile } from "../mapping/profile/profile.ts";
import type { CollectorFacts, SessionFacts } from "./session_rewriter.ts";
import type { ChooseTreatment, FirstTemplate } from "../mapping/chain/treatment.ts";
import type { TemplateIdSpace } from "../templates/template_id_space.ts";

/**
 * The collector for which a session's output is made: its treatments and limits. Changes only between two messages, so
 * that no message mixes both.
 */
export class SessionTarget {
  chooseTreatment: ChooseTreatment;
  /** The ids that sessions share in the epoch of the collector that the output is made for. */
  ids: TemplateIdSpace;
  /** Without withdrawals where the collector is reached over UDP (RFC 7011 §8.4). */
  dialect: Dialect;
  datagrams = false;
  /** Maximum length in octets of an outgoing message. */
  maxMessageLength = 65535;
  /** State shared by the sessions to its collector. */
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

  /** Whether the current treatments expect another profile than the one for which output is made. */
  get outdated(): boolean {
    const { knowledge: { chooseTreatment }, shared: { fingerprints } } = this;
    return chooseTreatment !== this.chooseTreatment &&
      fingerprints.expectation(this.#profileBy(chooseTreatment)) !== fingerprints.expectation(this.#profile);
  }

  /** Adopts the current treatments, for a collector with the same expectation. */
  follow(): void {
    this.chooseTreatment = this.knowledge.chooseTreatment;
  }

  /** Adopts another collector and the current treatments. Ids of an earlier epoch must be released first. */
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
