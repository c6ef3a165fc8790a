import type { ProxyEvent } from "../../proxy/reporting/proxy_event.ts";
import type { AdminEvent } from "./view.ts";

/** Publishes the proxy's events to subscribers. It keeps none: a late subscriber reads the state instead. */
export class EventFeed {
  readonly #listeners = new Set<(event: AdminEvent) => void>();

  constructor(readonly now: () => Date = () => new Date()) {}

  /** As {@link AdminView.subscribe}. */
  subscribe(listener: (event: AdminEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Publishes an event. Costs next to nothing without subscribers. */
  publish({ level, event, message, fields, mediation }: ProxyEvent): void {
    if (this.#listeners.size === 0) return;
    const session = fields?.["session"];
    const link = mediation === undefined || session === undefined ? {} : { link: `/api/sessions/${session}` };
    const told: AdminEvent = { ...fields, event, time: this.now(), level, message, ...link };
    for (const listener of this.#listeners) listener(told);
  }
}
