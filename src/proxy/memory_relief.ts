/** So many sessions more or less than when memory was last given back are worth a pause. */
const MANY = 1_000;
/** So few come or go in a second while nothing much happens. */
const FEW = 10;

/**
 * Gives back what thousands of sessions that came or went at once have left behind: as much as the sessions themselves hold, and
 * V8 by itself keeps that for as long as nothing else happens. It costs a pause of a quarter of a second with 5000 sessions, so it is done
 * only when it is worth that, and when the sessions are through.
 */
export class MemoryRelief {
  /** Sessions when memory was last given back. */
  #relieved = 0;
  /** Sessions when it was last looked. */
  #before = 0;

  /** @param collect collects all garbage and gives back the memory */
  constructor(readonly collect: () => void) {}

  /** To be called every second or so. */
  look(sessions: number): void {
    const isSettled = Math.abs(sessions - this.#before) <= FEW;
    this.#before = sessions;
    if (!isSettled || Math.abs(sessions - this.#relieved) < MANY) return;
    this.#relieved = sessions;
    this.collect();
  }
}
