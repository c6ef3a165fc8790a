/**
 * Changes that can be undone while a message is being read: a message that is broken in its last set must not leave the
 * templates of its first set behind.
 */
export class UndoLog {
  // Created with the first change and released with the last, because sessions rarely change.
  #undo: (() => void)[] | undefined;
  #finish: (() => void)[] | undefined;
  /** How many of `#finish` have been done. */
  #finished = 0;

  /** Whether anything can still be undone. */
  get pending(): boolean {
    return this.#undo !== undefined;
  }

  /** Notes how to undo a change, and what remains to be done once it is final and its message is written. */
  note(undo: () => void, finish?: () => void): void {
    (this.#undo ??= []).push(undo);
    if (finish !== undefined) (this.#finish ??= []).push(finish);
  }

  /** Makes all changes final. */
  commit(): void {
    this.#undo = undefined;
  }

  /**
   * Finishes the changes of a message that is written: its data no longer needs templates replaced or withdrawn by it.
   *
   * @param most how many of the actions left may be done now
   * @returns how many were done; fewer than `most` if none is left
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
   * Undoes everything, last change first.
   *
   * @param most how many changes may be undone now; until none is left, nothing else may be noted
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
