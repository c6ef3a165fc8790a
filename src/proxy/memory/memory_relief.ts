import type { ProcessMemory } from "./process_memory.ts";

/** Sessions gained or lost since the last collection that make another one worth its work. */
const WORTH_COLLECTING = 1_000;
/** Sessions that may come or go in a second while their number counts as settled. */
const SETTLED_CHANGE = 10;
/** Collections one after the other, each of which returns a part of the memory to the system. */
const COLLECTIONS = 3;

/**
 * Collects the garbage that thousands of sessions leave behind when they open or close at once. It takes as much memory
 * as the sessions themselves, and an idle V8 does not return it on its own.
 *
 * {@link ResidentMemory} looks after the garbage of everything else.
 */
export class MemoryRelief {
  /** Sessions at the last collection. */
  #collectedAt = 0;
  /** Sessions at the last call. */
  #before = 0;
  #left = 0;
  readonly #memory: Pick<ProcessMemory, "begin">;

  constructor(memory: Pick<ProcessMemory, "begin">) {
    this.#memory = memory;
  }

  /** Collects if it is worth it. Must be called about once a second. */
  look(sessions: number): void {
    const isSettled = Math.abs(sessions - this.#before) <= SETTLED_CHANGE;
    this.#before = sessions;
    if (!isSettled) return;
    if (Math.abs(sessions - this.#collectedAt) >= WORTH_COLLECTING) {
      this.#left = COLLECTIONS;
      this.#collectedAt = sessions;
    }
    if (this.#left === 0) return;
    this.#left--;
    this.#memory.begin();
  }
}
