import type { Session } from "../session/session.ts";
import type { Clock } from "../time/clock.ts";
import type { Turns } from "../time/turns.ts";

/** Milliseconds that sessions may take to apply their time limits before others have a turn. */
const TICK_PART = 4;

/** The sessions that have not ended. */
interface TimedSessions extends Iterable<Pick<Session, "id" | "tick">> {
  get(id: string): unknown;
}

/**
 * Passes on to all sessions the time that has passed, in parts: thousands whose time is up at once take a while to end.
 */
export class SessionTicks {
  readonly #sessions: TimedSessions;
  readonly #clock: Pick<Clock, "now">;
  readonly #turns: Pick<Turns, "next">;
  /** Milliseconds not yet passed on to sessions, and whether some are being passed on. */
  #passed = 0;
  #ticking = false;

  constructor(sessions: TimedSessions, clock: Pick<Clock, "now">, turns: Pick<Turns, "next">) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#turns = turns;
  }

  /**
   * This much time has passed; see {@link Session.tick}. Time that passes during a call is passed on by the next one.
   */
  async pass(milliseconds: number, quiet: number): Promise<void> {
    this.#passed += milliseconds;
    if (this.#ticking) return;
    this.#ticking = true;
    const passed = this.#passed;
    this.#passed = 0;
    try {
      await this.#passOn(passed, quiet);
    } finally {
      this.#ticking = false;
    }
  }

  async #passOn(passed: number, quiet: number): Promise<void> {
    let began = this.#clock.now();
    for (const session of [...this.#sessions]) {
      if (this.#clock.now() - began >= TICK_PART) {
        await this.#turns.next(false);
        began = this.#clock.now();
      }
      if (this.#sessions.get(session.id) !== undefined) session.tick(passed, quiet);
    }
  }
}
