import type { ProcessMemory } from "./process_memory.ts";

/** Parts of the limit from which on garbage is collected as it grows, and from which on memory is tight or full. */
const COLLECTING = 0.7;
const TIGHT = 0.78;
const FULL = 0.84;
/** Part of the limit that has to be free again before memory that was full no longer is. */
const HYSTERESIS = 0.02;

/** Part of the limit by which it has grown when another collection is worth its work. */
const WORTH_COLLECTING = 0.07;
/** Milliseconds between two collections, and between two that pause the process. */
const COLLECTION_INTERVAL = 250;
const PAUSE_INTERVAL = 2_000;
/** The next pause comes no sooner than this many times the length of the last one after it. */
const REST = 4;
/** Milliseconds that a collection takes at most. */
const COLLECTION = 400;
/** Part of the limit from which on there is no time for one that does not pause the process. */
const URGENT = 0.9;
/** Newcomers between two looks, of which thousands come in the time between two calls of the clock. */
const NEWCOMERS = 64;
/** Milliseconds that sessions which were ended for memory have to leave before others are. */
const RELIEF_INTERVAL = 1_000;

/** How much memory is left: `tight`: what takes most of it is ended; `full`: nothing that could take more begins. */
export type MemoryState = "ample" | "tight" | "full";

/** Dependencies of {@link ResidentMemory}. */
export interface ResidentMemoryParts {
  /** Milliseconds that never run backwards. */
  readonly clock: { now(): number };
  readonly memory: ProcessMemory;
  /**
   * Ends the sessions that take much, the largest first, until about this many octets become free. Returns how many
   * will.
   */
  readonly endLargest: (octets: number) => number;
  /** Ends sessions until about this many octets become free, however little each takes. */
  readonly endAny: (octets: number) => void;
  /** Called when the state has changed, with the resident octets. */
  readonly onChange: (state: MemoryState, resident: number) => void;
}

/**
 * Keeps the resident memory of the process below a limit, whatever takes it. Budgets bound what is kept of templates
 * and messages; what the process takes is more than their sum: garbage, fragments of freed memory, sockets, the runtime
 * itself. So the resident octets are looked at several times a second.
 *
 * - From 70 % of the limit on, garbage is collected as it grows, beside all other work.
 * - From 78 % on memory is tight: if that collection does not help, the sessions end whose templates or unfinished
 *   messages take most.
 * - From 84 % on it is full: no newcomer is let in and no template is worked on. If the collection does not help, the
 *   process pauses for one that also returns memory to the system, and any session may be ended.
 */
export class ResidentMemory {
  limit: number;
  #state: MemoryState = "ample";
  #resident = 0;
  /** Resident octets after the last collection, or the least since. */
  #least = 0;
  /** When the next collection may begin, and the next pause. */
  #nextCollection = -Infinity;
  #nextPause = -Infinity;
  /** Since when it has not been ample, and since when it has been full. */
  #tightSince = Infinity;
  #fullSince = Infinity;
  #relievedAt = -Infinity;
  /** Those let in since the last look. */
  #newcomers = 0;
  /** Those who wait until it is not full. */
  #waiting: (() => void)[] = [];
  readonly #parts: ResidentMemoryParts;

  constructor(limit: number, parts: ResidentMemoryParts) {
    this.limit = limit;
    this.#parts = parts;
  }

  get state(): MemoryState {
    return this.#state;
  }

  /** Resident octets at the last look. */
  get resident(): number {
    return this.#resident;
  }

  /** Whether there is room for a newcomer, who must then be let in. */
  admit(): boolean {
    if (this.#state !== "full" && ++this.#newcomers >= NEWCOMERS) this.look();
    return this.#state !== "full";
  }

  /** Waits until it is not full. */
  wait(): Promise<void> {
    return this.#state === "full" ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** Checks the resident memory and acts on it. Must be called about twenty times a second. */
  look(): void {
    const now = this.#parts.clock.now();
    this.#newcomers = 0;
    this.#resident = this.#parts.memory.resident();
    this.#least = Math.min(this.#least, this.#resident);
    const paused = this.#isPauseDue(now);
    if (paused) this.#collect(now);
    else if (now >= this.#nextCollection && this.#isWorthCollecting) {
      this.#parts.memory.begin();
      this.#nextCollection = now + COLLECTION_INTERVAL;
      this.#least = this.#resident;
    }
    this.#become(this.#stateOf(this.#resident), now);
    // What is garbage ends no session.
    if (this.#state === "ample" || !(paused || now - this.#tightSince >= COLLECTION)) return;
    if (!paused && now - this.#relievedAt < RELIEF_INTERVAL) return;
    this.#relievedAt = now;
    const excess = this.#resident - TIGHT * this.limit;
    const left = excess - this.#parts.endLargest(excess);
    if (left > 0 && (paused || now - this.#fullSince >= COLLECTION)) this.#parts.endAny(left);
  }

  get #isWorthCollecting(): boolean {
    const isFull = this.#resident >= FULL * this.limit && this.#state !== "full";
    const hasGrown = this.#resident - this.#least >= WORTH_COLLECTING * this.limit;
    return isFull || (this.#resident >= COLLECTING * this.limit && hasGrown);
  }

  #isPauseDue(now: number): boolean {
    if (this.#resident < FULL * this.limit || now < this.#nextPause) return false;
    return this.#resident >= URGENT * this.limit || now - this.#fullSince >= COLLECTION;
  }

  #collect(began: number): void {
    const { clock, memory } = this.#parts;
    memory.collect();
    const now = clock.now();
    this.#nextPause = now + Math.max(PAUSE_INTERVAL, REST * (now - began));
    this.#nextCollection = now + COLLECTION_INTERVAL;
    this.#resident = this.#least = memory.resident();
  }

  #stateOf(resident: number): MemoryState {
    const full = this.#state === "full" ? FULL - HYSTERESIS : FULL;
    if (resident >= full * this.limit) return "full";
    return resident >= TIGHT * this.limit ? "tight" : "ample";
  }

  #become(state: MemoryState, now: number): void {
    if (state === this.#state) return;
    if (this.#state === "ample") this.#tightSince = now;
    this.#fullSince = state === "full" ? now : Infinity;
    this.#state = state;
    this.#parts.onChange(state, this.#resident);
    if (state === "full") return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
