import type { Clock } from "./clock.ts";
import { Fifo } from "./fifo.ts";
import { RecentUse } from "./recent_use.ts";

/** Milliseconds of work after which the next session waits until all others have had a turn. */
const BUDGET = 5;
/** Milliseconds between two beats: a timer that is due already costs nothing, while a new one takes a millisecond. */
const BEAT = 4;
/** Milliseconds of costly work in one turn, before the last piece. */
const MOST_TOGETHER = 3.5;
/**
 * Pause after costly work, as a part of the time that it took. Others use it, above all sockets: Deno polls them when
 * it has nothing else to do, and otherwise Tokio does after 61 polls, which is 300 ms of turns of 5 ms each.
 */
const PAUSE = 0.2;
/**
 * The same after a piece that took longer than a turn. Work that cannot be divided, such as a step of a template of
 * 16,000 fields, leaves most of the time to others, and of these, only those that have used little may do costly work.
 */
const REST = 4;
const LONG_PAUSE = 1;
/** Milliseconds of rest at most. */
const LONGEST_REST = 200;
/**
 * Tokio hands out 128 completed reads and writes in a turn of the event loop, in the order in which they completed.
 * When this many sessions come with costly work between two beats, as they do when thousands of exporters disconnect,
 * others may be queued behind many more of them. Then costly work waits until they have come, for {@link LONGEST_CROWD}
 * milliseconds in a row at most, and for half of the time.
 */
const CROWD = 64;
const LONGEST_CROWD = 200;
/** Milliseconds until the next beat at least. */
const SOON = 1;
/** Turns in a row that one costly work may take before others: a template of 16,000 fields takes thirteen. */
const MOST_CONTINUED = 16;
/**
 * Milliseconds of costly work up to which a session has used little, and how much of that is forgotten in a
 * millisecond.
 */
const LITTLE = 3;
const FORGOTTEN = 0.01;

const NOW = Promise.resolve();

/** What a session has used of the time for costly work. */
export function costlyUse(): RecentUse {
  return new RecentUse(FORGOTTEN);
}

/**
 * Shares the process among sessions. Reads and writes that complete at once never let the event loop turn, and until it
 * turns, no timer, signal or other socket is served. So each session looks at {@link over} between two pieces of work,
 * and waits for {@link next} where the present turn of the loop has taken too long.
 *
 * Costly work, such as that for templates, for new sessions and for those that end, is done in turns of its own, which
 * {@link costly} gives: however many sessions have such work, together they take a bounded share of the time, after all
 * that is not costly. Of either kind of work, sessions that have used little lately come first, as flows do in FQ-CoDel
 * (RFC 8290 §4.2), so that no number of busy ones keeps a quiet one waiting.
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
  readonly #waiting = new Fifo<() => void>();
  /** Of those who have used much lately, some of whom have a turn after the others. */
  readonly #busy = new Fifo<() => void>();
  /** Those with costly work who have used little of the time for it lately. */
  readonly #sparing = new Fifo<() => void>();
  readonly #demanding = new Fifo<() => void>();
  /** Those in the middle of costly work. */
  readonly #unfinished = new Fifo<Unfinished>();
  /** The one of them that was resumed last, how many times in a row, and its next work. */
  #resumed: object | undefined;
  #continued = 0;
  #continuing: Unfinished | undefined;
  /** Who goes first where all wait: see {@link #takeCostly}. */
  #sparingFirst = false;
  #beginnersFirst = false;
  /** Milliseconds of costly work since the last pause, when it ended, and how long the pause after it is. */
  #spent = 0;
  #spentUntil = 0;
  #pause = 0;
  /** Until then, only those work who have used little. */
  #restUntil = 0;
  /** How many have come with costly work since the last beat, and how long that was let wait for others lately. */
  #arrived = 0;
  #crowded = new RecentUse(1);
  /** Whether those with costly work are being resumed, or one who did not have to wait is about to work. */
  #granted = false;
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
   * Waits for a turn. Not an async function, after whose end others would be resumed before the caller has worked.
   *
   * @param busy whether the caller has worked much lately: then those who have not go first
   */
  next(busy = false): Promise<void> {
    // A session that wakes from a longer wait may be the first to work for a while.
    if (!this.#beating) this.#begin();
    const queue = busy ? this.#busy : this.#waiting;
    return new Promise<void>((resume) => queue.push(resume));
  }

  /**
   * Waits for a turn of costly work, one piece of which must then be done at once, by {@link spend}. Like {@link next},
   * not an async function.
   *
   * @param use what the caller has used lately; undefined: it stands for many who have each used nothing
   * @param unfinished identifies a caller in the middle of its work. What is half done takes memory, so one of these
   *   goes on until it is done, while others begin in turn with it
   */
  costly(use?: RecentUse, unfinished?: object): Promise<void> {
    if (!this.#beating) this.#begin();
    const now = this.#clock.now();
    const isSparing = unfinished === undefined && (use?.used(now) ?? 0) <= LITTLE;
    const isFree = this.#demands === 0 && !this.#granted && now - this.#began <= BUDGET && this.#spent < MOST_TOGETHER;
    if (isFree && (isSparing || now >= this.#restUntil)) {
      void this.#grant();
      return NOW;
    }
    this.#arrived++;
    return new Promise<void>((resume) => {
      if (unfinished === undefined) (isSparing ? this.#sparing : this.#demanding).push(resume);
      else if (unfinished === this.#resumed && this.#continued < MOST_CONTINUED && this.#continuing === undefined) {
        this.#continuing = { who: unfinished, resume };
      } else this.#unfinished.push({ who: unfinished, resume });
    });
  }

  /**
   * Does a piece of costly work, in a turn that {@link costly} gave, and adds the time that it takes to the caller's
   * use.
   */
  spend<Result>(use: RecentUse | undefined, work: () => Result): Result {
    const began = this.#clock.now();
    try {
      return work();
    } finally {
      const now = this.#spentUntil = this.#clock.now();
      const cost = now - began;
      use?.add(cost, now);
      this.#spent += cost;
      const isLong = cost > BUDGET && !this.#hurried;
      const pause = isLong ? Math.min(LONG_PAUSE * cost, LONGEST_REST) : PAUSE * this.#spent;
      this.#pause = Math.max(this.#pause, pause);
      if (isLong) this.#restUntil = now + Math.min(REST * cost, LONGEST_REST);
    }
  }

  /** Lets costly work follow costly work from now on: a drain waits for the end of all of it. */
  hurry(): void {
    this.#hurried = true;
    this.#pause = this.#restUntil = 0;
  }

  /** How many wait with costly work. */
  get #demands(): number {
    return this.#sparing.length + this.#demanding.length + this.#unfinished.length +
      (this.#continuing === undefined ? 0 : 1);
  }

  /** Ends a pause that is over. Returns how many milliseconds are left of it. */
  #endPause(now: number): number {
    const left = this.#spentUntil + this.#pause - now;
    if (left <= 0) this.#spent = this.#pause = 0;
    return Math.max(0, left);
  }

  #begin(): void {
    this.#beating = true;
    this.#began = this.#clock.now();
    this.#endPause(this.#began);
    this.#clock.after(BEAT, () => this.#beat());
  }

  #beat(): void {
    this.#began = this.#clock.now();
    const pause = this.#endPause(this.#began);
    const demands = this.#demands > 0;
    this.#beating = this.#used || this.#waiting.length > 0 || this.#busy.length > 0 || demands;
    this.#used = false;
    if (!this.#beating) return;
    this.#clock.after(demands && pause > 0 ? Math.min(BEAT, Math.max(SOON, pause)) : BEAT, () => this.#beat());
    void this.#resume();
  }

  /** Resumes those who wait, one after the other, while time is left: each works before the next one is resumed. */
  async #resume(): Promise<void> {
    const end = this.#began + BUDGET;
    for (let left = this.#waiting.length; left > 0 && this.#clock.now() <= end; left--) {
      this.#waiting.take()?.();
      // What it does before it waits again is done then.
      await undefined;
    }
    // Some of the busy have a turn however many others have.
    for (let left = this.#busy.length, first = true; left > 0 && (first || this.#clock.now() <= end); left--) {
      first = false;
      this.#busy.take()?.();
      await undefined;
    }
    if (!this.#isCrowded()) await this.#workOff(end);
  }

  /** Whether so many have come with costly work since the last beat that others may wait behind more of them. */
  #isCrowded(): boolean {
    const arrived = this.#arrived;
    this.#arrived = 0;
    const now = this.#clock.now();
    if (arrived < CROWD || this.#crowded.used(now) >= LONGEST_CROWD) return false;
    // What is forgotten in that time is half of it.
    this.#crowded.add(2 * BEAT, now);
    return true;
  }

  /** Lets one work who did not have to wait, then those who have asked meanwhile. */
  async #grant(): Promise<void> {
    this.#granted = true;
    // The one that asked goes on between these two.
    await undefined;
    await undefined;
    await this.#workOff(this.#began + BUDGET);
  }

  async #workOff(end: number): Promise<void> {
    this.#granted = true;
    while (this.#spent < MOST_TOGETHER && this.#clock.now() <= end + MOST_TOGETHER) {
      const resume = this.#takeCostly();
      if (resume === undefined) break;
      resume();
      await undefined;
    }
    this.#granted = false;
  }

  /**
   * Whose costly work is next: every other time one who has used little, if any waits, else one who goes on and one who
   * begins by turns.
   */
  #takeCostly(): (() => void) | undefined {
    this.#sparingFirst = !this.#sparingFirst;
    const isRest = this.#clock.now() < this.#restUntil;
    if (this.#sparingFirst || isRest) {
      const resume = this.#sparing.take();
      if (resume !== undefined || isRest) return resume;
    }
    this.#beginnersFirst = !this.#beginnersFirst;
    return (this.#beginnersFirst ? this.#demanding.take() : undefined) ?? this.#takeUnfinished() ??
      this.#demanding.take() ?? this.#sparing.take();
  }

  #takeUnfinished(): (() => void) | undefined {
    const next = this.#continuing ?? this.#unfinished.take();
    if (next === undefined) return undefined;
    this.#continuing = undefined;
    this.#continued = next.who === this.#resumed ? this.#continued + 1 : 0;
    this.#resumed = next.who;
    return next.resume;
  }
}

/** A session in the middle of costly work that waits for a turn. */
interface Unfinished {
  readonly who: object;
  readonly resume: () => void;
}
