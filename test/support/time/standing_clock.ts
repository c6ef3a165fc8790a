import assert from "node:assert/strict";
import type { Clock } from "../../../src/proxy/time/clock.ts";
import { PATIENCE } from "./until.ts";

/** A clock that stands still until a test moves it. */
export class StandingClock implements Clock {
  #now = 0;
  #timers = new Set<{ due: number; every: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#now);
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#add({ due: this.#now + milliseconds, every: 0, callback });
  }

  every(milliseconds: number, callback: () => void): () => void {
    return this.#add({ due: this.#now + milliseconds, every: milliseconds, callback });
  }

  /** Moves on, step by step, and lets what waits run in between. */
  async advance(milliseconds: number, step = 1000): Promise<void> {
    for (const end = this.#now + milliseconds; this.#now < end;) {
      this.#now = Math.min(end, this.#now + step);
      for (const timer of [...this.#timers]) {
        while (timer.due <= this.#now && this.#timers.has(timer)) {
          if (timer.every > 0) timer.due += timer.every;
          else this.#timers.delete(timer);
          timer.callback();
        }
      }
      await turn();
    }
  }

  /**
   * Moves on step by step until something holds, and lets input and output happen in between.
   *
   * @throws {AssertionError} saying what was awaited, if it does not hold within a minute of real time
   */
  async advanceUntil(what: string, holds: () => boolean, step = 10): Promise<void> {
    for (const end = performance.now() + PATIENCE; !holds();) {
      assert.ok(performance.now() < end, `waited in vain until ${what}`);
      await this.advance(step, step);
      await turn();
    }
  }

  #add(timer: { due: number; every: number; callback: () => void }): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** Lets the event loop turn once: input and output that is ready happens. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
