/**
 * How long a session has been silent, and how long a message has not become whole: looked at once a tick, so that the data path only
 * sets a mark. Times in milliseconds, as exact as a tick is long.
 */
export class SessionTimer {
  /** Since the exporter last sent anything. */
  quiet = 0;
  /** Since the message that waits for its rest was first seen to wait. */
  partial = 0;
  /** Since the templates were last announced. */
  sinceAnnounced = 0;
  #received = false;
  #partialOffset = -1;

  /** The exporter sent something. */
  receive(): void {
    this.#received = true;
  }

  /**
   * A tick has passed in which the session waited for its exporter.
   *
   * @param offset where in the exporter's stream the first octet lies that is not dealt with
   * @param waiting how many octets wait there: the beginning of a message
   */
  wait(elapsed: number, offset: number, waiting: number): void {
    this.quiet = this.#received ? 0 : this.quiet + elapsed;
    this.#received = false;
    // Octets that trickle in do not buy a message more time, only its end does.
    this.partial = waiting > 0 && this.#partialOffset === offset ? this.partial + elapsed : 0;
    this.#partialOffset = waiting > 0 ? offset : -1;
  }
}
