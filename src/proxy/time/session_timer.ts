/**
 * Measures how long an exporter has been silent and how long a message has been incomplete. It is advanced once per
 * tick, so that the data path only sets a flag. Times are in milliseconds, accurate to one tick.
 */
export class SessionTimer {
  /** Time since the exporter last sent anything. */
  quiet = 0;
  /** Time since the current message was first seen to be incomplete. */
  partial = 0;
  /** Time since the templates were last sent to the collector. */
  sinceAnnounced = 0;
  #received = false;
  #partialOffset = -1;

  /** Notes that the exporter has sent something. */
  receive(): void {
    this.#received = true;
  }

  /**
   * Advances the timer by a tick during which the session waited for its exporter.
   *
   * @param offset position in the exporter's stream of the first octet that is not yet processed
   * @param waiting octets there: the beginning of an incomplete message
   */
  wait(elapsed: number, offset: number, waiting: number): void {
    this.quiet = this.#received ? 0 : this.quiet + elapsed;
    this.#received = false;
    // Further octets of the same message do not restart the clock; only the end of the message does.
    this.partial = waiting > 0 && this.#partialOffset === offset ? this.partial + elapsed : 0;
    this.#partialOffset = waiting > 0 ? offset : -1;
  }
}
