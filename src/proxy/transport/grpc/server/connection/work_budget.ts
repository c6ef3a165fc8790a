import type { Clock } from "../../../../time/clock.ts";

/** What may be done in one turn of the event loop, in requests, each of which takes about 10 µs. */
const WORK = 512;
/** Milliseconds from one turn to the next, at least. */
const BEAT = 4;
/**
 * Part of the time by which the next turn is late that is left to sockets: Deno looks at them when it has nothing else
 * to do.
 */
const REST = 0.5;
const LEAST_REST = 1;
const LONGEST_REST = 50;

/**
 * How much of what has been read node:http2 and @grpc/grpc-js may process in one turn of the event loop, for all
 * connections of a listener together. They process octets as soon as they get them, before anybody else has a turn.
 */
export class WorkBudget {
  readonly #clock: Clock;
  #left = WORK;
  #renewing = false;
  /** Those who wait until there is some left again, in their order. */
  readonly #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is left of this turn. */
  get left(): number {
    return this.#left;
  }

  /** Takes from what is left, and more where one piece of work cannot be divided. */
  spend(work: number): void {
    if (work === 0) return;
    this.#left -= work;
    if (!this.#renewing) void this.#renew();
  }

  /** Waits until something is left, if nothing is. */
  async some(): Promise<void> {
    while (this.#left <= 0) await new Promise<void>((resume) => this.#waiting.push(resume));
  }

  async #renew(): Promise<void> {
    this.#renewing = true;
    while (this.#left < WORK) {
      const began = this.#clock.now();
      await this.#wait(BEAT);
      const late = this.#clock.now() - began - BEAT;
      if (this.#left <= 0) await this.#wait(Math.min(LONGEST_REST, Math.max(LEAST_REST, late * REST)));
      this.#left = WORK;
      while (this.#waiting.length > 0 && this.#left > 0) {
        this.#waiting.shift()?.();
        // It has spent what it needs then.
        for (let microtask = 0; microtask < 3; microtask++) await undefined;
      }
    }
    this.#renewing = false;
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(milliseconds, resolve));
  }
}
