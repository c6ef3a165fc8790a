import type { Expectation } from "./expectation.ts";

/** Number of times that a collector must end on a candidate before the next one is tried. */
const STRIKES = 2;

export interface CandidateOptions {
  /** In the order in which they are tried. */
  readonly list: readonly Expectation[];
  /** Milliseconds that a collector has to live after its first templates for a candidate to be accepted. */
  readonly acceptedAfter: number;
}

/** Evidence that a collector does not accept its candidate. */
export interface Rejection {
  /** `closed`: it closed a session's connection, and lives; `ended`: its process ended. */
  readonly how: "closed" | "ended";
  /** When it received the first templates, and when it ended; {@link Clock.now}. */
  readonly usedAt: number;
  readonly endedAt: number;
}

/** A change from one candidate to another, and why. */
export interface CandidateStep {
  readonly from: Expectation;
  readonly to: Expectation;
  /** `rejected`: the collector ended on it repeatedly; `epoch`: the newest is tried again with another process. */
  readonly why: "rejected" | "epoch";
  readonly how?: Rejection["how"];
}

/**
 * Finds out which of several profiles a collector has, if that is not configured, by how it ends on them. The first
 * candidate is tried first. If the collector ends repeatedly, soon after its first templates, the next one is tried.
 * After an epoch that accepted a later candidate, the first is tried once more: if the collector ends on it, the
 * accepted one is used again, and kept until another epoch has accepted it.
 */
export class Candidates {
  #list: readonly Expectation[];
  #acceptedAfter: number;
  #index = 0;
  /** The candidate that was accepted last; undefined: none was. */
  #accepted: number | undefined;
  /** Whether the present candidate was accepted in this epoch. */
  #stable = false;
  /** Whether the first is tried again. */
  #trial = false;
  #strikes = 0;
  #struckAt = -Infinity;
  #steps = 0;
  #last: CandidateStep | undefined;

  constructor({ list, acceptedAfter }: CandidateOptions) {
    this.#list = list;
    this.#acceptedAfter = acceptedAfter;
  }

  get current(): Expectation | undefined {
    return this.#list[this.#index];
  }

  get names(): string[] {
    return this.#list.map(({ profile }) => profile);
  }

  /** How many steps there were, and the last one. */
  get steps(): { readonly count: number; readonly last: CandidateStep | undefined } {
    return { count: this.#steps, last: this.#last };
  }

  /** Takes the same candidates as a changed configuration has them. Returns false if they are others. */
  renew({ list, acceptedAfter }: CandidateOptions): boolean {
    if (list.map(({ profile }) => profile).join() !== this.names.join()) return false;
    this.#list = list;
    this.#acceptedAfter = acceptedAfter;
    return true;
  }

  /** Whether the collector lived for long enough before that end to have accepted its candidate. */
  accepts({ usedAt, endedAt }: Rejection): boolean {
    return endedAt - usedAt >= this.#acceptedAfter;
  }

  /** The collector has ended. Returns the step to be taken, if any. */
  reject(rejection: Rejection): CandidateStep | undefined {
    const { how, usedAt, endedAt } = rejection;
    if (this.accepts(rejection)) {
      this.#accept();
      return undefined;
    }
    // One end closes all connections.
    if (usedAt <= this.#struckAt) return undefined;
    this.#struckAt = endedAt;
    this.#strikes++;
    if (this.#strikes < (this.#trial ? 1 : STRIKES)) return undefined;
    const next = this.#trial ? this.#accepted ?? 0 : this.#index + 1;
    return this.#step(next, "rejected", how);
  }

  /** The collector has lived for this many milliseconds after its first templates. */
  lived(milliseconds: number): void {
    if (milliseconds >= this.#acceptedAfter) this.#accept();
  }

  /** Another process begins. Returns the step to be taken, if any. */
  beginEpoch(): CandidateStep | undefined {
    if (!this.#stable || this.#index === 0) return undefined;
    const step = this.#step(0, "epoch");
    this.#trial = step !== undefined;
    return step;
  }

  #accept(): void {
    this.#accepted = this.#index;
    this.#stable = true;
    this.#trial = false;
    this.#strikes = 0;
  }

  #step(index: number, why: CandidateStep["why"], how?: Rejection["how"]): CandidateStep | undefined {
    const [from, to] = [this.current, this.#list[index]];
    this.#strikes = 0;
    if (from === undefined || to === undefined) return undefined;
    this.#index = index;
    this.#stable = this.#trial = false;
    this.#steps++;
    return this.#last = { from, to, why, ...(how === undefined ? {} : { how }) };
  }
}
