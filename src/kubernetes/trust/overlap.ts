import type { Clock } from "../../proxy/time/clock.ts";

/**
 * Milliseconds for which replaced trust stays valid: a terminating Pod has a grace period, and Agents may have read its
 * Secret just before.
 */
export const OVERLAP_MILLISECONDS = 10 * 60_000;

/** CA certificates in force, and those that they replaced for as long as peers may still use them. */
export class OverlappingAuthorities {
  readonly #clock: Clock;
  readonly #retired = new Map<string, number>();
  #current: readonly string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts these in force. Returns all that are valid: these, and those that they replace. */
  use(authorities: readonly string[]): readonly string[] {
    const now = this.#clock.now();
    for (const before of this.#current) {
      if (!authorities.includes(before)) this.#retired.set(before, now + OVERLAP_MILLISECONDS);
    }
    for (const authority of authorities) this.#retired.delete(authority);
    this.#current = authorities;
    for (const [authority, until] of this.#retired) if (until <= now) this.#retired.delete(authority);
    return [...authorities, ...this.#retired.keys()];
  }

  /** Milliseconds until the next replaced one becomes invalid; undefined if there is none. */
  get nextEnd(): number | undefined {
    const [first] = this.#retired.values();
    return first === undefined ? undefined : Math.max(0, first - this.#clock.now());
  }
}
