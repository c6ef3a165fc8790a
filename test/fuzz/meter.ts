import { processorTime } from "../support/time/processor_time.ts";

/** Milliseconds that a piece of work may take before others have their turn. */
export const LONGEST_TURN = 50;

/** What is measured while cases run: how long each piece of work takes, and which states are reached. */
export class Meter {
  /** What cases brought about: reasons for drops, outcomes, kinds of answers. */
  readonly states = new Set<string>();
  /** Milliseconds of the longest turn of the present case. */
  longest = 0;

  /** Measures one turn: work that nothing interrupts. */
  turn<Result>(work: () => Result): Result {
    const began = performance.now();
    try {
      return work();
    } finally {
      this.longest = Math.max(this.longest, performance.now() - began);
    }
  }

  /** Notes a state that was reached. */
  reach(...states: readonly string[]): void {
    for (const state of states) this.states.add(state);
  }
}

/** A meter for a second look: the processor's time counts, which other programs on a busy machine do not lengthen. */
export class ProcessorMeter extends Meter {
  override turn<Result>(work: () => Result): Result {
    const before = processorTime();
    try {
      return work();
    } finally {
      this.longest = Math.max(this.longest, processorTime() - before);
    }
  }
}
