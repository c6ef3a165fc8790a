import type { Dialect } from "../mapping/dialect.ts";
import type { SharedState } from "./shared_state.ts";
import type { Profile } from "../mapping/profile.ts";
import type { CollectorFacts, SessionFacts } from "./session_rewriter.ts";
import type { ChooseTreatment } from "../mapping/treatment.ts";

/**
 * What one session's output is made for: the treatments that it goes by, and what its collector can take. Changes between two
 * messages only, so that no message is half the one and half the other.
 */
export class SessionTarget {
  chooseTreatment: ChooseTreatment;
  /** Without withdrawals where the collector is reached over UDP (RFC 7011 §8.4). */
  dialect: Dialect;
  datagrams = false;
  /** Octets of the longest message that may go out. */
  maxMessageLength = 65535;
  #profile: Profile;

  constructor(readonly shared: SharedState, readonly facts: SessionFacts) {
    this.chooseTreatment = shared.chooseTreatment;
    this.#profile = this.#profileBy(this.chooseTreatment);
    this.dialect = this.#profile.dialect;
    this.adopt(facts);
  }

  /** Whether the collector that holds now for this session expects something else than the one that its output is made for. */
  get outdated(): boolean {
    return this.shared.chooseTreatment !== this.chooseTreatment &&
      expectation(this.#profileBy(this.shared.chooseTreatment)) !== expectation(this.#profile);
  }

  /** Goes by the treatments that hold now, towards the collector that expects the same. */
  follow(): void {
    this.chooseTreatment = this.shared.chooseTreatment;
  }

  /** Goes by all that holds now. */
  adopt({ maxMessageLength, datagrams = false }: CollectorFacts): void {
    this.follow();
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

const expectations = new WeakMap<Profile, string>();

/** A word for what a collector expects: equal words, equal expectations, as far as the collector's own session goes. */
function expectation(profile: Profile): string {
  const known = expectations.get(profile);
  if (known !== undefined) return known;
  const { name, dialect, acceptsUnknownElements, templates } = profile;
  const lists = templates.map(({ name, selectedBy, fields }) => [
    name,
    `${selectedBy.pen}/${selectedBy.id}`,
    fields.map(({ element, length }) => `${element.pen}/${element.id}/${length}`).join(),
  ]);
  const limits = Object.values(dialect).map((limit) => limit instanceof Set ? [...limit].join() : String(limit));
  const word = JSON.stringify([name, acceptsUnknownElements, limits, lists]);
  expectations.set(profile, word);
  return word;
}
