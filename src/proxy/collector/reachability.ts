import type { ReportEvent } from "../reporting/proxy_event.ts";
import type { Clock } from "../time/clock.ts";

/** `idle`: no connection was tried yet. */
export type CollectorCondition = "idle" | "connected" | "away";

/** Whether a collector can be reached, since when, and why not. Reports each change. */
export class Reachability {
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  readonly #address: string;
  #condition: CollectorCondition = "idle";
  #since: Date;
  #awaySince: number;
  #reason: string | undefined;
  /** The last reason reported while it is away: one that repeats is reported once. */
  #reported: string | undefined;
  /** Attempts that have failed since it was last reached. */
  #failures = 0;
  #silent = false;
  /** Whether it has been reached before. */
  #known = false;

  constructor(address: string, clock: Clock, report: ReportEvent) {
    this.#address = address;
    this.#clock = clock;
    this.#report = report;
    this.#since = clock.date();
    this.#awaySince = clock.now();
  }

  get condition(): CollectorCondition {
    return this.#condition;
  }

  get up(): boolean {
    return this.#condition === "connected";
  }

  /** When the present condition began. */
  get since(): Date {
    return this.#since;
  }

  /** Why it cannot be reached, or was last lost. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Milliseconds for which it has been away; 0 while it is not. */
  get awayFor(): number {
    return this.#condition === "away" ? this.#clock.now() - this.#awaySince : 0;
  }

  /** It is away, which the next failed attempt reports. */
  leave(): void {
    this.#become("away");
  }

  /** An attempt to reach it has failed. */
  failed(reason: string): void {
    this.#reason = reason;
    this.#failures++;
    if (reason === this.#reported) return;
    this.#reported = reason;
    this.#tell("warning", "collector_unreachable", `cannot reach the collector: ${reason}`, {
      reason,
      since: this.#since.toISOString(),
      away: Math.round(this.#clock.now() - this.#awaySince),
      attempts: this.#failures,
    });
  }

  /** Its process has ended. */
  gone(reason: string, epoch: number): void {
    const wasUp = this.up;
    this.#become("away");
    this.#reason = reason;
    if (wasUp) this.#tell("warning", "collector_gone", `the collector has gone: ${reason}`, { reason, epoch });
  }

  /** The watch connection has ended, but its process goes on if sessions' connections still stand in a moment. */
  doubted(reason: string): void {
    this.#reason = reason;
  }

  /** Sessions' connections have shown that only the network ended the watch connection. */
  confirmed(reason: string): void {
    this.#tell("info", "collector_watch_lost", "the watch connection has ended, but sessions' connections stand", {
      reason,
    });
  }

  /** It takes connections, and keeps them. */
  found(epoch: number): void {
    if (this.#condition === "away") {
      const away = Math.round(this.#clock.now() - this.#awaySince);
      const message = `the collector is reachable${this.#known ? " again" : ""} after ${(away / 1_000).toFixed(1)} s`;
      this.#tell("info", "collector_found", message, { away, epoch, attempts: this.#failures });
    }
    this.#become("connected");
    this.#known = true;
    this.#reported = undefined;
    this.#failures = 0;
  }

  /** Reports nothing from now on. */
  close(): void {
    this.#silent = true;
  }

  #become(condition: CollectorCondition): void {
    if (condition === this.#condition) return;
    this.#condition = condition;
    this.#since = this.#clock.date();
    if (condition === "away") this.#awaySince = this.#clock.now();
  }

  #tell(...[level, event, message, fields]: EventParts): void {
    if (!this.#silent) this.#report({ level, event, message, fields: { collector: this.#address, ...fields } });
  }
}

type Event = Parameters<ReportEvent>[0];
type EventParts = [Event["level"], Event["event"], string, Event["fields"]];
