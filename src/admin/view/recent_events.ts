import type { AdminEvent } from "./view.ts";

/** How many events are kept. */
export interface RecentEventsOptions {
  /** Events of the whole proxy. */
  readonly overall?: number;
  /** Events of each session. */
  readonly perSession?: number;
  /** Sessions whose events are kept, those that have ended included; of those the oldest are forgotten first. */
  readonly sessions?: number;
  /** Sessions that have ended whose events are kept. */
  readonly ended?: number;
  /**
   * Octets for the events of all sessions, 8 MiB by default; forgotten are ended sessions' first, then the oldest's.
   */
  readonly octets?: number;
}

/** Most characters of a kept text. */
const MOST_CHARACTERS = 512;

/** Octets that a kept event takes beyond its characters, of two octets each. */
const OVERHEAD = 64;

/** An event as kept: what one line of a list shows. */
export interface RecentEvent {
  /** A number that identifies the event on a page. */
  readonly sequence: number;
  readonly time: Date;
  readonly event: string;
  readonly session?: string;
  readonly level: string;
  readonly message: string;
}

/** A kept event as a JSON list: thousands of sessions keep some, and objects would take three times the memory. */
type KeptEvent = string;

/**
 * The last events of the proxy and of each session, newest first. Bounded: those of sessions that have ended make room
 * for others, texts are cut, and the events of all sessions together have a limit in octets.
 */
export class RecentEvents {
  readonly #overall: KeptEvent[] = [];
  readonly #open = new Map<string, readonly KeptEvent[]>();
  /** Of sessions that have ended, in the order of their ends. */
  readonly #ended = new Map<string, readonly KeptEvent[]>();
  readonly #options: Required<RecentEventsOptions>;
  #sequence = 0;
  #octets = 0;

  constructor(options: RecentEventsOptions = {}) {
    this.#options = {
      overall: 100,
      perSession: 20,
      sessions: 10_000,
      ended: 1_000,
      octets: 8 * 1024 * 1024,
      ...options,
    };
  }

  /** Adds an event under the next sequence number. */
  add({ event, time, session, level, message }: AdminEvent): void {
    const kept = JSON.stringify(
      [++this.#sequence, time.getTime(), event, session ?? null, textOf(level), textOf(message)],
    );
    this.#overall.push(kept);
    if (this.#overall.length > this.#options.overall) this.#overall.shift();
    if (session === undefined) return;
    // A new array each time is exactly as long as needed: pushing would reserve room for sixteen more.
    const before = this.#ended.get(session) ?? this.#open.get(session) ?? [];
    const events = before.concat(kept).slice(-this.#options.perSession);
    const ended = event === "session_closed" || this.#ended.has(session);
    if (ended) this.#open.delete(session);
    (ended ? this.#ended : this.#open).set(session, events);
    this.#octets += octetsOf(events) - octetsOf(before);
    const { sessions, ended: most, octets } = this.#options;
    while (this.#ended.size > most) this.#forgetFirst();
    while (this.#open.size + this.#ended.size > sessions || this.#octets > octets) this.#forgetFirst();
  }

  /** Forgets the events of the session that ended first; where none has ended, those of the oldest one. */
  #forgetFirst(): void {
    const sessions = this.#ended.size > 0 ? this.#ended : this.#open;
    const [first] = sessions;
    if (first === undefined) return;
    this.#octets -= octetsOf(first[1]);
    sessions.delete(first[0]);
  }

  overall(): readonly RecentEvent[] {
    return this.#overall.toReversed().map(recall);
  }

  session(id: string): readonly RecentEvent[] {
    return (this.#open.get(id) ?? this.#ended.get(id))?.toReversed().map(recall) ?? [];
  }
}

function recall(kept: KeptEvent): RecentEvent {
  const [sequence, time, event, session, level, message] = JSON.parse(kept);
  return { sequence, time: new Date(time), event, ...(session === null ? {} : { session }), level, message };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MOST_CHARACTERS) : "";
}

function octetsOf(events: readonly KeptEvent[]): number {
  return events.reduce((sum, { length }) => sum + 2 * length + OVERHEAD, 0);
}
