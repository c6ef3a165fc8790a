import type { CollectorKnowledge } from "../../mediation/session/shared/shared_state.ts";

/** The profile that a collector is expected to have, with what depends on it. */
export interface Expectation {
  /** The profile's name, such as `antrea/v1.15`. */
  readonly profile: string;
  readonly dialect: string;
  /** Expectations with equal keys are the same to the collector. */
  readonly key: string;
  /** Whether it serves exporters' gRPC by itself. */
  readonly servesGrpc?: boolean;
  /** Octets of the longest message. */
  readonly maxMessageLength?: number;
  /**
   * Makes the mediator follow it.
   *
   * @param knowledge what the sessions to this collector share; undefined: the mediator's default
   */
  readonly adopt: (knowledge?: CollectorKnowledge) => void;
}

/**
 * The expectation that holds for a collector, and the one that waits for its next epoch. Another layout under a
 * template id that a process knows makes some releases read garbage or die, so that a changed profile takes effect only
 * with another process.
 */
export class Expectations {
  #current: Expectation | undefined;
  #next: Expectation | undefined;

  /** @param knowledge as for {@link Expectation.adopt} */
  constructor(current?: Expectation, readonly knowledge?: CollectorKnowledge) {
    this.#current = current;
  }

  get current(): Expectation | undefined {
    return this.#current;
  }

  /** Takes effect with the next epoch. */
  get next(): Expectation | undefined {
    return this.#next;
  }

  /**
   * Expects this.
   *
   * @param now whether it may take effect at once: no process lives, or the operator asked for it
   * @returns whether it has taken effect
   */
  expect(expectation: Expectation, now: boolean): boolean {
    if (now || this.#current === undefined || expectation.key === this.#current.key) {
      this.#next = undefined;
      this.#current = expectation;
      expectation.adopt(this.knowledge);
      return true;
    }
    this.#next = expectation;
    return false;
  }

  /** A new process has begun: the waiting expectation takes effect. @returns that one, and the previous one */
  beginEpoch(): { readonly before: Expectation | undefined; readonly after: Expectation } | undefined {
    const [before, after] = [this.#current, this.#next];
    if (after === undefined) return undefined;
    this.expect(after, true);
    return { before, after };
  }
}
