import type { Clock } from "../time/clock.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import type { Connection } from "../transport/connection.ts";
import { Allowance } from "../time/allowance.ts";

/** Lets a session wait that changes more templates than it may, and reports the first time that it has to. */
export class TemplateThrottle {
  readonly #clock: Clock;
  readonly #exporter: Connection;
  readonly #report: ReportOfSession;
  #allowance: Allowance | undefined;
  #perSecond = 0;
  #reported = false;
  #wake = () => {};

  constructor(clock: Clock, exporter: Connection, report: ReportOfSession) {
    this.#clock = clock;
    this.#exporter = exporter;
    this.#report = report;
  }

  /** Notes this number of changes. Returns the milliseconds to wait after them. */
  note(changes: number, perSecond: number): number {
    const now = this.#clock.now();
    this.#perSecond = perSecond;
    this.#allowance ??= new Allowance(perSecond, now);
    return this.#allowance.use(changes, perSecond, now);
  }

  /** Waits this many milliseconds, or until {@link end}. What the exporter sends meanwhile waits as well. */
  async wait(milliseconds: number): Promise<void> {
    this.#reportOnce();
    this.#exporter.throttle?.(true);
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(milliseconds, resolve);
      this.#wake = () => (cancel(), resolve());
    });
    this.#wake = () => {};
    this.#exporter.throttle?.(false);
  }

  /** Ends a wait. */
  end(): void {
    this.#wake();
  }

  #reportOnce(): void {
    if (this.#reported) return;
    this.#reported = true;
    const templateChanges = this.#perSecond;
    const message =
      `the exporter changes more than ${templateChanges} templates a second; the proxy limits it to that from now on`;
    this.#report("warning", "templates_throttled", message, { templateChanges });
  }
}
