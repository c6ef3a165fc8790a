import type { CurrentCollector } from "../current_collector.ts";
import type { ReportEvent } from "../reporting/proxy_event.ts";
import type { Clock } from "../time/clock.ts";
import type { Turns } from "../time/turns.ts";
import type { OpenSession, OpenSessions } from "./open_sessions.ts";
import type { SessionFactory } from "./session_factory.ts";

/** Dependencies of {@link SessionUpdates}. */
export interface SessionUpdatesParts {
  readonly clock: Pick<Clock, "now">;
  readonly turns: Pick<Turns, "over" | "next">;
  readonly factory: Pick<SessionFactory, "update" | "beginEpoch">;
  readonly sessions: Pick<OpenSessions, "entries">;
  readonly report: ReportEvent;
}

/**
 * Has open sessions take up what has changed: the options, what a collector expects, or its process. In turns, as there
 * are thousands of them.
 */
export class SessionUpdates {
  readonly #parts: SessionUpdatesParts;

  constructor(parts: SessionUpdatesParts) {
    this.#parts = parts;
  }

  /**
   * Resolves once every session has the current options.
   *
   * @param changed collectors to which the way is another than before
   */
  all(changed: ReadonlySet<CurrentCollector>): Promise<void> {
    return this.#each((open) => this.#parts.factory.update(open, changed));
  }

  /** Resolves once the sessions of this collector follow what it expects now. */
  of(collector: CurrentCollector): Promise<void> {
    return this.#eachOf(collector, (open) => this.#parts.factory.update(open));
  }

  /**
   * The process of this collector is another one. Sessions whose records wait, or are on their way to the new process
   * already, begin anew by themselves.
   */
  beginEpoch(collector: CurrentCollector): Promise<void> {
    const began = this.#parts.clock.now();
    return this.#eachOf(collector, (open) => this.#parts.factory.beginEpoch(open, began));
  }

  async #each(change: (open: OpenSession) => Promise<void> | undefined): Promise<void> {
    const { turns, sessions } = this.#parts;
    for (const open of sessions.entries) {
      // Each session is a small piece of work, after which no rest is needed.
      if (turns.over) await turns.next(false);
      try {
        await change(open);
      } catch (error) {
        this.#fail(open, error);
      }
    }
  }

  /** An error ends this session and leaves the others alone. */
  #fail({ session }: OpenSession, error: unknown): void {
    const fields = { session: session.id, peer: session.peer, reason: String(error) };
    const message = "a session cannot take up a change of the configuration or of its collector";
    this.#parts.report({ level: "error", event: "session_failed", message, fields });
    session.stop("failed");
  }

  #eachOf(collector: CurrentCollector, change: (open: OpenSession) => Promise<void> | undefined): Promise<void> {
    return this.#each((open) => open.collector === collector && !open.session.undecided ? change(open) : undefined);
  }
}
