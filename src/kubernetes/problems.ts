import type { EventName } from "../proxy/reporting/event_name.ts";
import type { EventLevel, ReportEvent } from "../proxy/reporting/proxy_event.ts";

/** Current problems by topic. Each is reported once, not at every attempt. */
export class Problems {
  readonly #report: ReportEvent;
  readonly #event: EventName;
  readonly #level: EventLevel;
  readonly #texts = new Map<string, string>();

  /** @param event under which problems are reported */
  constructor(report: ReportEvent, event: EventName, level: EventLevel = "error") {
    this.#report = report;
    this.#event = event;
    this.#level = level;
  }

  /** Sets the problem of a topic; undefined clears it. */
  set(topic: string, text: string | undefined): void {
    if (text === undefined) {
      this.#texts.delete(topic);
      return;
    }
    if (this.#texts.get(topic) === text) return;
    this.#texts.set(topic, text);
    this.#report({ level: this.#level, event: this.#event, message: text, fields: { topic } });
  }

  /** The problem of a topic. */
  get(topic: string): string | undefined {
    return this.#texts.get(topic);
  }

  /** All current problems. */
  get all(): readonly string[] {
    return [...this.#texts.values()];
  }
}
