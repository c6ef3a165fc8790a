import type { Clock } from "../../time/clock.ts";
import type { Turns } from "../../time/turns.ts";

/**
 * Microtasks from the end of a wait until the one who waited has worked: a promise that waits for another one, and the
 * function that waits for that.
 */
const UNTIL_WORKED = 4;
/** Milliseconds between two turns that are left to sockets: Deno looks at them when it has nothing else to do. */
const PAUSE = 1;

/**
 * Lets streams work one after the other, by turns of their connections: what one of them leaves of a turn of the event
 * loop is the next one's. So a thousand streams get no more turns than one, and a hundred connections no more than one.
 */
export class TurnQueue {
  readonly #turns: Turns;
  readonly #clock: Clock;
  /** Those who wait, by their connection; the next connection first. */
  readonly #waiting = new Map<object, (() => void)[]>();
  #serving = false;

  constructor(turns: Turns, clock: Clock) {
    this.#turns = turns;
    this.#clock = clock;
  }

  /** Whether the present turn of the event loop has taken too long. */
  get over(): boolean {
    return this.#turns.over;
  }

  /** Waits for a turn. */
  next(connection: object): Promise<void> {
    return new Promise<void>((resume) => {
      const before = this.#waiting.get(connection);
      if (before === undefined) this.#waiting.set(connection, [resume]);
      else before.push(resume);
      if (!this.#serving) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#serving = true;
    for (let next; (next = this.#take()) !== undefined;) {
      if (this.#turns.over) await new Promise<void>((resume) => void this.#clock.after(PAUSE, resume));
      next();
      for (let microtask = 0; microtask < UNTIL_WORKED; microtask++) await undefined;
    }
    this.#serving = false;
  }

  #take(): (() => void) | undefined {
    for (const [connection, waiting] of this.#waiting) {
      const next = waiting.shift();
      this.#waiting.delete(connection);
      if (waiting.length > 0) this.#waiting.set(connection, waiting);
      return next;
    }
    return undefined;
  }
}
