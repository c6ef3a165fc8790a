import type { Clock } from "./clock.ts";

/** Milliseconds of work after which whoever works next waits until all others have had a turn. */
const BUDGET = 5;
/** Milliseconds between two beats: a timer that is due already costs nothing, while a new one takes a millisecond. */
const BEAT = 4;
/**
 * How many times as long as a costly piece of work took, if that was more than the budget, no other costly one begins:
 * one session's work that cannot be divided, such as a template of 16,000 fields, leaves most of the time to the others.
 */
const REST = 4;
/** Milliseconds of rest at most. */
const LONGEST_REST = 200;
/** Turns in a row that one costly work may take before others: a template of 16,000 fields takes thirteen. */
const MOST_CONTINUED = 16;
/**
 * Milliseconds of a turn that costly work may take where many wait for it, each of whom has little to do, such as the
 * first template of one of thousands of sessions.
 */
const SHARE = 2.5;
/** How many that wait let one more of them try in each turn, and how many try at most. */
const QUEUE = 16;
const MOST_TRYING = 64;
/** Waiting sessions that are resumed in one turn. */
const RESUMED = 256;

/**
 * Shares the process among sessions. Reads and writes that complete at once never let the event loop turn, and until it
 * turns, no timer, signal or other socket is served. So each session looks at {@link over} between two pieces of work,
 * and waits for {@link next} where the present turn of the loop has taken too long.
 *
 * Only a timer lets Deno 2.9.6 serve sockets: with `setImmediate` or a message channel, the loop turns without looking
 * at them. One timer serves all sessions, and none runs while no session works.
 */
export class Turns {
  readonly #clock: Clock;
  #began = 0;
  #beating = false;
  /** Whether any session has worked since the last beat. */
  #used = false;
  #waiting: (() => void)[] = [];
  /** Those whose work takes long: one of them, or of the unfinished, in each turn. */
  #demanding: ((outcome: Outcome) => void)[] = [];
  /** Those of them who tried, and found no time left in that turn. */
  #late: ((outcome: Outcome) => void)[] = [];
  /** Those who are in the middle of such work. */
  #unfinished: Unfinished[] = [];
  /** The one of them that was resumed last, and how many times in a row. */
  #resumed: object | undefined;
  #continued = 0;
  /** Whether one who begins goes before one who goes on, where both wait. */
  #beginnersFirst = false;
  /** When the last of them was resumed, until its cost is known. */
  #resumedAt: number | undefined;
  #restUntil = 0;
  #hurried = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the present turn of the event loop has taken too long. */
  get over(): boolean {
    this.#used = true;
    if (this.#beating) return this.#clock.now() - this.#began > BUDGET;
    this.#begin();
    return false;
  }

  /**
   * Waits for a turn.
   *
   * @param demanding whether the last piece of work was costly: then all others go first
   * @param unfinished who is in the middle of something. What is half done takes memory: so of those, one goes on until
   * it is done, while others begin in turn with it
   */
  async next(demanding: boolean, unfinished?: object): Promise<void> {
    for (let queue = this.#demanding;; queue = this.#late) {
      // Whoever wakes up from a longer wait may be the first to work for a while.
      if (!this.#beating) this.#begin();
      const outcome = await new Promise<Outcome>((resume) => {
        if (!demanding) this.#waiting.push(() => resume("try"));
        else if (unfinished === undefined) queue.push(resume);
        else if (unfinished === this.#resumed && this.#continued < MOST_CONTINUED) {
          this.#unfinished.unshift({ who: unfinished, resume: () => resume("go") });
        } else this.#unfinished.push({ who: unfinished, resume: () => resume("go") });
      });
      if (outcome === "go" || !this.#isLate(demanding)) return;
    }
  }

  /** Whether who has been resumed has no time left in this turn. */
  #isLate(demanding: boolean): boolean {
    if (!demanding) return this.over;
    this.#used = true;
    return this.#clock.now() - this.#began > (this.#hurried ? BUDGET : SHARE);
  }

  /** Lets costly work follow costly work from now on: a drain waits for the end of all of it. */
  hurry(): void {
    this.#hurried = true;
    this.#restUntil = 0;
  }

  #begin(): void {
    this.#beating = true;
    this.#began = this.#clock.now();
    this.#clock.after(BEAT, () => this.#beat());
  }

  #beat(): void {
    const now = this.#began = this.#clock.now();
    if (this.#resumedAt !== undefined) {
      const cost = now - this.#resumedAt - BEAT;
      if (cost > BUDGET && !this.#hurried) this.#restUntil = now + Math.min(REST * cost, LONGEST_REST);
      this.#resumedAt = undefined;
    }
    const resumed = this.#waiting.splice(0, RESUMED);
    const demanding = now >= this.#restUntil ? this.#takeDemanding() : undefined;
    const trying = demanding === undefined ? [] : this.#takeTrying();
    if (demanding !== undefined) this.#resumedAt = now;
    this.#beating = this.#used || resumed.length > 0 || demanding !== undefined || this.#demanding.length > 0 ||
      this.#late.length > 0 || this.#unfinished.length > 0;
    this.#used = false;
    if (this.#beating) this.#clock.after(BEAT, () => this.#beat());
    for (const resume of resumed) resume();
    demanding?.();
    for (const resume of trying) resume("try");
  }

  /** Of a long queue those who work in the same turn, as far as time is left in it. */
  #takeTrying(): ((outcome: Outcome) => void)[] {
    const most = Math.min(MOST_TRYING, Math.floor((this.#late.length + this.#demanding.length) / QUEUE));
    const trying = this.#late.splice(0, most);
    return trying.concat(this.#demanding.splice(0, most - trying.length));
  }

  /** Whose costly work is next: one that begins and one that goes on, by turns. */
  #takeDemanding(): (() => void) | undefined {
    this.#beginnersFirst = !this.#beginnersFirst;
    const begins = this.#late.length > 0 ? this.#late : this.#demanding;
    if (this.#unfinished.length === 0 || (this.#beginnersFirst && begins.length > 0)) {
      const resume = begins.shift();
      return resume === undefined ? undefined : () => resume("go");
    }
    const next = this.#unfinished.shift();
    this.#continued = next?.who === this.#resumed ? this.#continued + 1 : 0;
    this.#resumed = next?.who;
    return next?.resume;
  }
}

/** `go`: it is this one's turn. `try`: it may be, if time is left. */
type Outcome = "go" | "try";

/** Somebody in the middle of costly work, who waits for a turn. */
interface Unfinished {
  readonly who: object;
  readonly resume: () => void;
}
