import type { Meter } from "../meter.ts";
import type { Random } from "../input/random.ts";

/** What is fuzzed: a kind of input, and what must hold of it. */
export interface Target<Case = unknown> {
  readonly name: string;
  /** Cases that it gets in each round of all targets. */
  readonly share: number;
  /** Makes a case: plain data, in which octets are `Uint8Array`, so that a file can hold it. */
  draw(random: Random): Case;
  /** Octets that the case brings from outside. */
  octetsOf(one: Case): number;
  /**
   * Runs the case.
   *
   * @throws Error if anything does not hold
   */
  run(one: Case, meter: Meter): void | Promise<void>;
  /** Cases that are a little simpler, the simplest first. */
  simpler(one: Case): Iterable<Case>;
  /** Releases what cases shared, such as a child process. */
  close?(): Promise<void>;
}
