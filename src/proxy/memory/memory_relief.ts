/** So many sessions more or less than when memory was last given back are worth a pause. */
const MANY = 1_000;
/** So few come or go in a second while nothing much happens. */
const FEW = 10;
/** So many pauses may follow each other; then one comes a minute, however sessions come and go. */
const PAUSES = 4;
const PAUSES_PER_LOOK = 1 / 60;

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
  #pausesLeft = PAUSES;

  /** @param collect collects all garbage and gives back the memory */
  constructor(readonly collect: () => void) {}

  /** To be called every second or so. */
  look(sessions: number): void {
    const isSettled = Math.abs(sessions - this.#before) <= FEW;
    this.#before = sessions;
    this.#pausesLeft = Math.min(PAUSES, this.#pausesLeft + PAUSES_PER_LOOK);
    if (!isSettled || Math.abs(sessions - this.#relieved) < MANY || this.#pausesLeft < 1) return;
    this.#pausesLeft--;
    this.#relieved = sessions;
    this.collect();
  }
}
