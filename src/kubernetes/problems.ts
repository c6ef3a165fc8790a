import type { EventName } from "../proxy/reporting/event_name.ts";
import type { EventLevel, ReportEvent } from "../proxy/reporting/proxy_event.ts";

/** What is wrong now, by what it is about; each is reported once, not at every attempt. */
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

  /** Says what is wrong about a topic. Undefined: nothing any more. */
  set(topic: string, text: string | undefined): void {
    if (text === undefined) {
      this.#texts.delete(topic);
      return;
    }
    if (this.#texts.get(topic) === text) return;
    this.#texts.set(topic, text);
    this.#report({ level: this.#level, event: this.#event, message: text, fields: { topic } });
  }

  /** What is wrong about a topic. */
  get(topic: string): string | undefined {
    return this.#texts.get(topic);
  }

  /** All that is wrong. */
  get all(): readonly string[] {
    return [...this.#texts.values()];
  }
}
