import type { Clock } from "./clock.ts";

/** Milliseconds of work after which the next session waits until all others have had a turn. */
const BUDGET = 5;
/** Milliseconds between two beats: a timer that is due already costs nothing, while a new one takes a millisecond. */
const BEAT = 4;
/**
 * Turns of costly work in a row that end after the next beat was due, until one beat is left to sockets: Tokio looks at
 * them when it has nothing else to do, else after 61 polls, which is 300 ms of such turns.
 */
const MOST_LATE = 3;
/** Milliseconds of that beat. */
const PAUSE = 1;
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
 * Milliseconds after others that costly work may take in a turn where many wait for it, each of whom has little to do, such as the
 * first template of one of thousands of sessions.
 */
const SHARE = 3.5;
/** How many that wait let one more of them work in the same turn, and how many more may at most. */
const QUEUE = 16;
const MOST_TOGETHER = 64;
/** From this many on, newcomers should wait: all of these together take about half a second. */
const CROWD = 512;

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
  readonly #waiting: (() => void)[] = [];
  /** Those whose work takes long: one of them, or of the unfinished, in each turn. */
  readonly #demanding: (() => void)[] = [];
  /** Sessions in the middle of such work. */
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
  /** Turns of costly work in a row after which the next beat was overdue. */
  #late = 0;

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

  /** Whether enough wait with costly work that others should come one at a time. */
  get crowded(): boolean {
    return this.#demanding.length >= CROWD;
  }

  /**
   * Waits for a turn. Not an async function, after whose end others would be resumed before the caller has worked.
   *
   * @param demanding whether the last piece of work was costly: then all others go first
   * @param unfinished who is in the middle of something. What is half done takes memory: so of those, one goes on until
   * it is done, while others begin in turn with it
   */
  next(demanding: boolean, unfinished?: object): Promise<void> {
    // A session that wakes from a longer wait may be the first to work for a while.
    if (!this.#beating) this.#begin();
    return new Promise<void>((resume) => {
      if (!demanding) this.#waiting.push(resume);
      else if (unfinished === undefined) this.#demanding.push(resume);
      else if (unfinished === this.#resumed && this.#continued < MOST_CONTINUED) {
        this.#unfinished.unshift({ who: unfinished, resume });
      } else this.#unfinished.push({ who: unfinished, resume });
    });
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
    const now = this.#clock.now();
    const isLate = this.#resumedAt !== undefined && now - this.#began > BEAT;
    this.#began = now;
    this.#late = isLate ? this.#late + 1 : 0;
    if (this.#late > MOST_LATE) {
      this.#late = 0;
      this.#clock.after(PAUSE, () => this.#beat());
      return;
    }
    if (this.#resumedAt !== undefined) {
      const cost = now - this.#resumedAt - BEAT;
      if (cost > BUDGET && !this.#hurried) this.#restUntil = now + Math.min(REST * cost, LONGEST_REST);
      this.#resumedAt = undefined;
    }
    const demanding = now >= this.#restUntil ? this.#takeDemanding() : undefined;
    this.#beating = this.#used || demanding !== undefined || this.#waiting.length > 0 || this.#demanding.length > 0 ||
      this.#unfinished.length > 0;
    this.#used = false;
    if (this.#beating) this.#clock.after(BEAT, () => this.#beat());
    void this.#resume(demanding);
  }

  /** Resumes those who wait, one after the other: each works before the next one is resumed, as long as time is left. */
  async #resume(demanding: (() => void) | undefined): Promise<void> {
    await this.#resumeUntil(this.#began + BUDGET, this.#waiting, this.#waiting.length);
    if (demanding === undefined) return;
    const most = Math.min(MOST_TOGETHER, Math.floor(this.#demanding.length / QUEUE));
    const now = this.#resumedAt = this.#clock.now();
    demanding();
    await undefined;
    await this.#resumeUntil(now + (this.#hurried ? BUDGET : SHARE), this.#demanding, most);
  }

  /** Resumes up to this many of a queue, one after the other until that time. */
  async #resumeUntil(end: number, queue: (() => void)[], most: number): Promise<void> {
    let resumed = 0;
    while (resumed < most && this.#clock.now() <= end) {
      queue[resumed++]?.();
      // What it does before it waits again is done then.
      await undefined;
    }
    queue.splice(0, resumed);
  }

  /** Whose costly work is next: one that begins and one that goes on, by turns. */
  #takeDemanding(): (() => void) | undefined {
    this.#beginnersFirst = !this.#beginnersFirst;
    if (this.#unfinished.length === 0 || (this.#beginnersFirst && this.#demanding.length > 0)) {
      return this.#demanding.shift();
    }
    const next = this.#unfinished.shift();
    this.#continued = next?.who === this.#resumed ? this.#continued + 1 : 0;
    this.#resumed = next?.who;
    return next?.resume;
  }
}

/** A session in the middle of costly work that waits for a turn. */
interface Unfinished {
  readonly who: object;
  readonly resume: () => void;
}
