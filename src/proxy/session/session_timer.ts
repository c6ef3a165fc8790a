import type { SessionOutcome } from "../reporting/proxy_counters.ts";
import type { SessionLimits } from "./session_parts.ts";

/**
 * Measures how long an exporter has been silent and how long a message has been incomplete, and applies the limits to
 * both. It is advanced once per tick, so that the data path only sets a flag. Times are in milliseconds, accurate to
 * one tick.
 */
export class SessionTimer {
  /** Time since the exporter last sent anything. */
  quiet = 0;
  /** Time since the templates were last sent to the collector. */
  sinceAnnounced = 0;
  /** Time since the current message was first seen to be incomplete. */
  #partial = 0;
  #received = false;
  #partialOffset = -1;
  #draining = false;
  #drainLeft = Infinity;

  /** Notes that the exporter has sent something. */
  receive(): void {
    this.#received = true;
  }

  /** The exporter has been asked to stop sending. It may go on for this long. */
  drain(within: number): void {
    this.#draining = true;
    this.#drainLeft = within;
    this.quiet = 0;
  }

  /** Whether the time that a drain leaves the exporter is over. */
  get drainOver(): boolean {
    return this.#draining && this.#drainLeft <= 0;
  }

  /** Advances the timer by a tick. */
  pass(elapsed: number): void {
    this.sinceAnnounced += elapsed;
    this.#drainLeft -= elapsed;
  }

  /**
   * Notes that the session waited for its exporter during a tick.
   *
   * @param offset position in the exporter's stream of the first octet that is not yet processed
   * @param waiting octets there: the beginning of an incomplete message
   */
  wait(elapsed: number, offset: number, waiting: number): void {
    this.quiet = this.#received ? 0 : this.quiet + elapsed;
    this.#received = false;
    // Further octets of the same message do not restart the clock; only the end of the message does.
    this.#partial = waiting > 0 && this.#partialOffset === offset ? this.#partial + elapsed : 0;
    this.#partialOffset = waiting > 0 ? offset : -1;
  }

  /**
   * Why the session has to end now, if it has.
   *
   * @param idle how long the exporter may be silent; 0 means no limit
   * @param drainQuiet when draining, the silence after which it is taken to have sent everything
   */
  expired({ partialMessage }: SessionLimits, idle: number, drainQuiet: number): SessionOutcome | undefined {
    if (this.drainOver || (this.#draining && this.quiet >= drainQuiet)) return "drained";
    if (partialMessage > 0 && this.#partial >= partialMessage) return "partial_message";
    if (idle > 0 && this.quiet >= idle) return "idle";
    return undefined;
  }
}
