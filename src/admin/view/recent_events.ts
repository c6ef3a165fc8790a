import type { AdminEvent } from "./view.ts";

/** How many events are kept. */
export interface RecentEventsOptions {
  /** Events of the whole proxy. */
  readonly overall?: number;
  /** Events of each open session. */
  readonly perSession?: number;
  /** Sessions whose events are kept; the oldest are forgotten first. */
  readonly sessions?: number;
}

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
 * The last events of the proxy and of each open session, newest first. Bounded: a session's events are forgotten when it closes, and
 * no kept event refers to a mapping.
 */
export class RecentEvents {
  readonly #overall: KeptEvent[] = [];
  readonly #sessions = new Map<string, readonly KeptEvent[]>();
  readonly #options: Required<RecentEventsOptions>;
  #sequence = 0;

  constructor(options: RecentEventsOptions = {}) {
    this.#options = { overall: 100, perSession: 20, sessions: 10_000, ...options };
  }

  /** Adds an event under the next sequence number. */
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
    // A new array each time is exactly as long as needed: pushing would reserve room for sixteen more.
    const events = this.#sessions.get(session) ?? [];
    this.#sessions.set(session, events.concat(kept).slice(-this.#options.perSession));
    // Late events of a session that has closed would otherwise stay forever.
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
