import type { Clock } from "../proxy/time/clock.ts";

/** Lines of one event within a second. */
const LINES_PER_SECOND = 50;
const SECOND = 1_000;
/** How long a source address whose handshakes fail is not mentioned again for the same reason, in milliseconds. */
const SOURCE_SILENCE = 60_000;
/** Source addresses that are remembered; then the one mentioned first is forgotten. */
const MOST_SOURCES = 4096;

/** Bounds how often one event is logged, whatever exporters do. What is left out is counted and reported. */
export class RepetitionLimit {
  readonly #clock: Clock;
  readonly #say: (event: string, more: number) => void;
  /** Lines of the current second, by event. */
  readonly #counts = new Map<string, number>();
  readonly #sources = new Map<string, { readonly since: number; more: number }>();
  #since = -Infinity;
  #cancel: (() => void) | undefined;

  /** @param say logs that this many more lines of an event were left out */
  constructor(clock: Clock, say: (event: string, more: number) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Whether a line of this event may be logged. */
  admit(event: string): boolean {
    if (this.#clock.now() - this.#since >= SECOND) {
      this.finish();
      this.#since = this.#clock.now();
    }
    const count = (this.#counts.get(event) ?? 0) + 1;
    this.#counts.set(event, count);
    if (count <= LINES_PER_SECOND) return true;
    this.#cancel ??= this.#clock.after(SECOND, () => this.finish());
    return false;
  }

  /**
   * Whether a source, an address with a reason, may be mentioned: once a minute. Returns how many times it was left out
   * since it last was, and undefined if it may not be.
   */
  admitSource(source: string): number | undefined {
    const now = this.#clock.now();
    const known = this.#sources.get(source);
    if (known !== undefined && now - known.since < SOURCE_SILENCE) {
      known.more++;
      return undefined;
    }
    this.#sources.delete(source);
    this.#sources.set(source, { since: now, more: 0 });
    if (this.#sources.size > MOST_SOURCES) {
      const [oldest] = this.#sources.keys();
      if (oldest !== undefined) this.#sources.delete(oldest);
    }
    return known?.more ?? 0;
  }

  /** Reports what was left out within the current second, and ends it. */
  finish(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [event, count] of counts) if (count > LINES_PER_SECOND) this.#say(event, count - LINES_PER_SECOND);
  }
}
