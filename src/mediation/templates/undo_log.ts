/**
 * Changes that can be taken back while a message is being read: a message that turns out broken in its last set must leave no trace of
 * the templates in its first.
 */
export class UndoLog {
  // Made with the first that each takes, and gone with the last: a session is seldom being changed.
  #undo: (() => void)[] | undefined;
  #finish: (() => void)[] | undefined;

  /** Notes what takes a change back, and what is left to do once it stands and its message is written. */
  note(undo: () => void, finish?: () => void): void {
    (this.#undo ??= []).push(undo);
    if (finish !== undefined) (this.#finish ??= []).push(finish);
  }

  /** Everything stands. */
  commit(): void {
    this.#undo = undefined;
  }

  /** The message is written: its data no longer needs the templates that it replaced or withdrew. */
  finish(): void {
    const actions = this.#finish ?? [];
    this.#finish = undefined;
    for (const action of actions) action();
  }

  /** Takes everything back, last change first. */
  rollBack(): void {
    this.#finish = undefined;
    const actions = this.#undo ?? [];
    this.#undo = undefined;
    for (const action of actions.reverse()) action();
  }
}
