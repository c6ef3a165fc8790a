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

/** As it is remembered: thousands of sessions have some each, and a Date takes as much as the rest. Milliseconds. */
type KeptEvent = Omit<AdminEvent, "time" | "mapping"> & {
  readonly event: string;
  readonly session?: string;
  readonly time: number;
};

/**
 * The last events of the proxy, and of each session that is open, newest first. Bounded: what a session said is forgotten when it
 * closes, and nothing keeps a mapping alive.
 */
export class RecentEvents {
  readonly #overall: KeptEvent[] = [];
  readonly #sessions = new Map<string, KeptEvent[]>();
  readonly #options: Required<RecentEventsOptions>;
  #sequence = 0;

  constructor(options: RecentEventsOptions = {}) {
    this.#options = { overall: 100, perSession: 20, sessions: 10_000, ...options };
  }

  /** Takes the event in, under a number of its own. */
  add({ mapping: _mapping, time, ...told }: AdminEvent): void {
    const event: KeptEvent = { ...told, time: time.getTime(), sequence: ++this.#sequence };
    keep(this.#overall, event, this.#options.overall);
    const { session } = event;
    if (session === undefined) return;
    if (event.event === "session_closed") {
      this.#sessions.delete(session);
      return;
    }
    let events = this.#sessions.get(session);
    if (events === undefined) {
      this.#sessions.set(session, events = []);
      // What comes late, of a session that has closed, would stay for ever.
      if (this.#sessions.size > this.#options.sessions) this.#forgetFirst();
    }
    keep(events, event, this.#options.perSession);
  }

  #forgetFirst(): void {
    for (const first of this.#sessions.keys()) {
      this.#sessions.delete(first);
      return;
    }
  }

  overall(): readonly AdminEvent[] {
    return this.#overall.toReversed().map(asTold);
  }

  session(id: string): readonly AdminEvent[] {
    return this.#sessions.get(id)?.toReversed().map(asTold) ?? [];
  }
}

function asTold({ time, ...event }: KeptEvent): AdminEvent {
  return { ...event, time: new Date(time) };
}

function keep(events: KeptEvent[], event: KeptEvent, most: number): void {
  events.push(event);
  if (events.length > most) events.shift();
}
