import { type CertificateDetails, certificateName, invalidity } from "../../../certificates/certificate_details.ts";
import type { ReportEvent } from "../../reporting/proxy_event.ts";
import type { Clock } from "../../time/clock.ts";

const WARN_BEFORE_MILLISECONDS = 14 * 24 * 3_600_000;
const WARN_EVERY_MILLISECONDS = 24 * 3_600_000;

/**
 * Reports certificates that are not valid, or expire within two weeks: once a day, and at once when another one stops
 * being valid.
 */
export class ExpiryWarnings {
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  #warnedAt = -Infinity;
  /** Those that were not valid at the last report. */
  #invalid = "";

  constructor(clock: Clock, report: ReportEvent) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Reports those of these that are not valid or expire soon, unless it has done so within a day. */
  look(certificates: readonly CertificateDetails[]): void {
    const now = this.#clock.date();
    const soon = now.getTime() + WARN_BEFORE_MILLISECONDS;
    const found = certificates.flatMap((certificate) => {
      const why = invalidity(certificate, now);
      return why !== undefined || certificate.expiresAt.getTime() < soon ? [{ certificate, why }] : [];
    });
    const invalid = found.flatMap(({ certificate: { subject }, why }) => why === undefined ? [] : [subject, why]).join(
      "\n",
    );
    if (found.length === 0) return;
    if (invalid === this.#invalid && this.#clock.now() - this.#warnedAt < WARN_EVERY_MILLISECONDS) return;
    this.#warnedAt = this.#clock.now();
    this.#invalid = invalid;
    for (const { certificate, why } of found) {
      const { role, subject, validFrom, expiresAt } = certificate;
      this.#report({
        level: why === undefined ? "warning" : "error",
        event: now < validFrom ? "certificate_not_valid_yet" : "certificate_expires",
        message: `the ${role} of ${certificateName(certificate)} ${why ?? `expires at ${expiresAt.toISOString()}`}`,
        fields: { role, subject, validFrom, expiresAt },
      });
    }
  }

  /** Other certificates are in use: they are reported however recent the last report is. */
  reset(): void {
    this.#warnedAt = -Infinity;
  }
}
