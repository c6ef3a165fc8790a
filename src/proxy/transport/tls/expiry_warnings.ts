import type { ReportEvent } from "../../reporting/proxy_event.ts";
import type { Clock } from "../../time/clock.ts";

const WARN_BEFORE_MILLISECONDS = 14 * 24 * 3_600_000;
const WARN_EVERY_MILLISECONDS = 24 * 3_600_000;

/** When a certificate expires. */
export interface CertificateExpiry {
  readonly role: "certificate" | "ca";
  readonly subject: string;
  readonly expiresAt: Date;
}

/** Reports certificates that expire soon, or have expired: two weeks before, and once a day from then on. */
export class ExpiryWarnings {
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  #warnedAt = -Infinity;

  constructor(clock: Clock, report: ReportEvent) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Reports those of these that expire soon, unless it has done so within a day. */
  look(expires: readonly CertificateExpiry[]): void {
    const soon = this.#clock.date().getTime() + WARN_BEFORE_MILLISECONDS;
    const expiring = expires.filter(({ expiresAt }) => expiresAt.getTime() < soon);
    if (expiring.length === 0 || this.#clock.now() - this.#warnedAt < WARN_EVERY_MILLISECONDS) return;
    this.#warnedAt = this.#clock.now();
    for (const { role, subject, expiresAt } of expiring) {
      const message = `the ${role} of ${subject} expires at ${expiresAt.toISOString()}`;
      this.#report({ level: "warning", event: "certificate_expires", message, fields: { role, subject, expiresAt } });
    }
  }

  /** Other certificates are in use: they are reported however recent the last report is. */
  reset(): void {
    this.#warnedAt = -Infinity;
  }
}
