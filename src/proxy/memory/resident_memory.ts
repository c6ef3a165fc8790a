import type { MemoryReliefParts } from "./memory_relief.ts";

/** Parts of the limit from which on garbage is collected as it grows, and from which on memory is tight or full. */
const COLLECTING = 0.7;
const TIGHT = 0.78;
const FULL = 0.84;
/** Part of the limit that has to be free again before memory that was full no longer is. */
const HYSTERESIS = 0.02;

/** Part of the limit by which it has grown when another collection is worth its pause. */
const WORTH_COLLECTING = 0.07;
/** Milliseconds between two collections, and between two that return memory to the system at once. */
const COLLECTION_INTERVAL = 250;
const THOROUGH_INTERVAL = 2_000;
/**
 * How many times as long as the last one took there is at least none, so that they leave most of the time to sessions.
 */
const REST = 10;
/** The same of thorough ones, whose work nothing else does. */
const THOROUGH_REST = 4;
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
  readonly memory: MemoryReliefParts;
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
 * - From 70 % of the limit on, garbage is collected as it grows, which takes 30 to 100 ms each time.
 * - From 78 % on memory is tight: sessions end whose templates or unfinished messages take most.
 * - From 84 % on it is full: no newcomer is let in, no template is worked on, and garbage is collected so thoroughly
 *   that it goes back to the system, which takes several times as long. Where that is not enough, any session may be
 *   ended.
 */
export class ResidentMemory {
  limit: number;
  #state: MemoryState = "ample";
  #resident = 0;
  /** Resident octets after the last collection, or the least since. */
  #least = 0;
  /** When the next collection may be, and the next thorough one. */
  #nextCollection = -Infinity;
  #nextThorough = -Infinity;
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

  /** Whether there is room for a newcomer, who is to be let in then. */
  admit(): boolean {
    if (this.#state !== "full" && ++this.#newcomers >= NEWCOMERS) this.look();
    return this.#state !== "full";
  }

  /** Waits until it is not full. */
  wait(): Promise<void> {
    return this.#state === "full" ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** Looks at the resident memory, and does what it takes. To be called about twenty times a second. */
  look(): void {
    const now = this.#parts.clock.now();
    this.#newcomers = 0;
    this.#resident = this.#parts.memory.resident();
    this.#least = Math.min(this.#least, this.#resident);
    const isThorough = this.#resident >= FULL * this.limit && now >= this.#nextThorough;
    if (isThorough || (this.#isWorthCollecting && now >= this.#nextCollection)) this.#collect(isThorough, now);
    this.#become(this.#stateOf(this.#resident));
    if (this.#state === "ample" || (!isThorough && now - this.#relievedAt < RELIEF_INTERVAL)) return;
    this.#relievedAt = now;
    const excess = this.#resident - TIGHT * this.limit;
    const left = excess - this.#parts.endLargest(excess);
    if (left > 0 && (isThorough || this.#state === "full")) this.#parts.endAny(left);
  }

  get #isWorthCollecting(): boolean {
    return this.#resident >= COLLECTING * this.limit && this.#resident - this.#least >= WORTH_COLLECTING * this.limit;
  }

  #collect(isThorough: boolean, began: number): void {
    const { clock, memory } = this.#parts;
    memory.collect(isThorough);
    const now = clock.now();
    const took = now - began;
    this.#nextCollection = now + Math.max(COLLECTION_INTERVAL, REST * took);
    if (isThorough) this.#nextThorough = now + Math.max(THOROUGH_INTERVAL, THOROUGH_REST * took);
    this.#resident = this.#least = memory.resident();
  }

  #stateOf(resident: number): MemoryState {
    const full = this.#state === "full" ? FULL - HYSTERESIS : FULL;
    if (resident >= full * this.limit) return "full";
    return resident >= TIGHT * this.limit ? "tight" : "ample";
  }

  #become(state: MemoryState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#parts.onChange(state, this.#resident);
    if (state === "full") return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
