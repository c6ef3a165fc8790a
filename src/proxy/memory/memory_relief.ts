/** Sessions gained or lost since the last collection that make another one worth its pause. */
const WORTH_COLLECTING = 1_000;
/** Sessions that may come or go in a second while their number counts as settled. */
const SETTLED_CHANGE = 10;
/** Collections that may follow one another. After that there is at most one per minute. */
const COLLECTIONS = 4;
const COLLECTIONS_PER_LOOK = 1 / 60;

/** How memory is given back, and how much there is. */
export interface MemoryReliefParts {
  /** Collects all garbage. @param thorough also returns the memory to the system, which takes several times as long */
  readonly collect: (thorough: boolean) => void;
  /** Resident octets of the process. */
  readonly resident: () => number;
}

/**
 * Collects the garbage that thousands of sessions leave behind when they open or close at once. It takes as much memory
 * as the sessions themselves, and an idle V8 does not return it on its own. A collection pauses the process for a
 * quarter of a second with 5000 sessions, so it happens only when much has changed and the number of sessions has
 * settled.
 *
 * {@link ResidentMemory} looks after the garbage of everything else.
 */
export class MemoryRelief {
  /** Sessions at the last collection. */
  #collectedAt = 0;
  /** Sessions at the last call. */
  #before = 0;
  #collectionsLeft = COLLECTIONS;
  readonly #parts: MemoryReliefParts;

  constructor(parts: MemoryReliefParts) {
    this.#parts = parts;
  }

  /** Collects if it is worth it. To be called about once a second. */
  look(sessions: number): void {
    const isSettled = Math.abs(sessions - this.#before) <= SETTLED_CHANGE;
    this.#before = sessions;
    this.#collectionsLeft = Math.min(COLLECTIONS, this.#collectionsLeft + COLLECTIONS_PER_LOOK);
    if (!isSettled || Math.abs(sessions - this.#collectedAt) < WORTH_COLLECTING || this.#collectionsLeft < 1) return;
    this.#collectionsLeft--;
    this.#collectedAt = sessions;
    this.#parts.collect(true);
  }
}
