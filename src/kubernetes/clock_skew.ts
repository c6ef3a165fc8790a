import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import type { Clock } from "../proxy/time/clock.ts";

/** Largest tolerated difference: a clock that is behind refuses new certificates, one that is ahead expiring ones. */
const TOLERATED_MILLISECONDS = 60_000;

/** Compares this machine's clock with the API server's, and reports once that they differ. */
export class ClockSkew {
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  #text = "";

  constructor(clock: Clock, report: ReportEvent) {
    this.#clock = clock;
    this.#report = report;
  }

  /** The problem; empty if the clocks agree. */
  get problem(): string {
    return this.#text;
  }

  /** Compares with the API server's time of day. */
  see(server: Date): void {
    const ahead = this.#clock.date().getTime() - server.getTime();
    if (Math.abs(ahead) <= TOLERATED_MILLISECONDS) {
      this.#text = "";
      return;
    }
    const first = this.#text === "";
    const seconds = Math.round(Math.abs(ahead) / 1000);
    this.#text =
      `this machine's clock is ${seconds} s ${ahead > 0 ? "ahead of" : "behind"} the API server's: certificates may ` +
      "be refused as not valid yet, or no longer";
    if (!first) return;
    this.#report({ level: "warning", event: "clock_skew", message: this.#text, fields: { seconds } });
  }
}
