/**
 * Changes that can be taken back while a message is being read: a message that turns out broken in its last set must leave no trace of
 * the templates in its first.
 */
export class UndoLog {
  // Made with the first that each takes, and gone with the last: a session is seldom being changed.
  #undo: (() => void)[] | undefined;
  #finish: (() => void)[] | undefined;
  /** How many of `#finish` have been done. */
  #finished = 0;

  /** Whether anything can still be taken back. */
  get pending(): boolean {
    return this.#undo !== undefined;
  }

  /** Notes what takes a change back, and what is left to do once it stands and its message is written. */
  note(undo: () => void, finish?: () => void): void {
    (this.#undo ??= []).push(undo);
    if (finish !== undefined) (this.#finish ??= []).push(finish);
  }

  /** Everything stands. */
  commit(): void {
    this.#undo = undefined;
  }

  /**
   * The message is written: its data no longer needs the templates that it replaced or withdrew.
   *
   * @param most how many of the actions left may be done now
   * @returns how many were done; fewer than `most`: none is left
   */
  finish(most: number = Infinity): number {
    const actions = this.#finish;
    if (actions === undefined) return 0;
    const first = this.#finished;
    const end = Math.min(actions.length, first + most);
    while (this.#finished < end) actions[this.#finished++]?.();
    const done = this.#finished - first;
    if (this.#finished < actions.length) return done;
    this.#finish = undefined;
    this.#finished = 0;
    return done;
  }

  /**
   * Takes everything back, last change first.
   *
   * @param most how many changes may be taken back now; until none is left, nothing else may be noted
   * @returns how many were
   */
  rollBack(most: number = Infinity): number {
    this.#finish = undefined;
    this.#finished = 0;
    const actions = this.#undo;
    let done = 0;
    for (; done < most && actions !== undefined && actions.length > 0; done++) actions.pop()?.();
    if (actions?.length === 0) this.#undo = undefined;
    return done;
  }
}
