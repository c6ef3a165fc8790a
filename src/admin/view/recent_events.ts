import type { AdminEvent } from "./view.ts";

/** How much is remembered. */
export interface RecentEventsOptions {
  /** Events of the whole proxy. */
  readonly overall?: number;
  /** Events of each session that is open. */
  readonly perSession?: number;
  /** Sessions of which events are kept: those that spoke first are forgotten first. */
  readonly sessions?: number;
}

/** What is remembered of an event: as much as a line of a list says. */
export interface RecentEvent {
  /** Its number, by which a page tells events apart. */
  readonly sequence: number;
  readonly time: Date;
  readonly event: string;
  readonly session?: string;
  readonly level: string;
  readonly message: string;
}

/** One as it is kept, a list in JSON: thousands of sessions have some each, and objects take three times as much. */
type KeptEvent = string;

/**
 * The last events of the proxy, and of each session that is open, newest first. Bounded: what a session said is forgotten when it
 * closes, and nothing keeps a mapping alive.
 */
export class RecentEvents {
  readonly #overall: KeptEvent[] = [];
  readonly #sessions = new Map<string, readonly KeptEvent[]>();
  readonly #options: Required<RecentEventsOptions>;
  #sequence = 0;

  constructor(options: RecentEventsOptions = {}) {
    this.#options = { overall: 100, perSession: 20, sessions: 10_000, ...options };
  }

  /** Takes the event in, under a number of its own. */
  add({ event, time, session, level, message }: AdminEvent): void {
    const kept = JSON.stringify(
      [++this.#sequence, time.getTime(), event, session ?? null, textOf(level), textOf(message)],
    );
    this.#overall.push(kept);
    if (this.#overall.length > this.#options.overall) this.#overall.shift();
    if (session === undefined) return;
    if (event === "session_closed") {
      this.#sessions.delete(session);
      return;
    }
    // A new list each time is just as long as it has to be: one that is pushed to is given room for sixteen more.
    const events = this.#sessions.get(session) ?? [];
    this.#sessions.set(session, events.concat(kept).slice(-this.#options.perSession));
    // What comes late, of a session that has closed, would stay for ever.
    if (this.#sessions.size > this.#options.sessions) this.#forgetFirst();
  }

  #forgetFirst(): void {
    for (const first of this.#sessions.keys()) {
      this.#sessions.delete(first);
      return;
    }
  }

  overall(): readonly RecentEvent[] {
    return this.#overall.toReversed().map(recall);
  }

  session(id: string): readonly RecentEvent[] {
    return this.#sessions.get(id)?.toReversed().map(recall) ?? [];
  }
}

function recall(kept: KeptEvent): RecentEvent {
  const [sequence, time, event, session, level, message] = JSON.parse(kept);
  return { sequence, time: new Date(time), event, ...(session === null ? {} : { session }), level, message };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
