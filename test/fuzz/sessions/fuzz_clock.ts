import type { Clock } from "../../../src/proxy/time/clock.ts";

interface Timer {
  due: number;
  readonly every: number;
  readonly callback: () => void;
}

/** A clock that moves on when it is told to, and a little each time that it is read, as if work took time. */
export class FuzzClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  /** @param step milliseconds that pass with each reading */
  constructor(readonly step: number) {}

  now(): number {
    return this.#now += this.step;
  }

  date(): Date {
    return new Date(1_700_000_000_000 + this.#now);
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#add({ due: this.#now + milliseconds, every: 0, callback });
  }

  every(milliseconds: number, callback: () => void): () => void {
    return this.#add({ due: this.#now + milliseconds, every: milliseconds, callback });
  }

  /** Moves on at once: timers that are due run once each, as after a machine has slept. Then lets what waits run. */
  async jump(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    for (const timer of [...this.#timers].sort((one, other) => one.due - other.due)) {
      if (timer.due > this.#now || !this.#timers.has(timer)) continue;
      if (timer.every > 0) timer.due = this.#now + timer.every;
      else this.#timers.delete(timer);
      timer.callback();
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
