import type { Clock } from "../time/clock.ts";
import { AbsentExporters, type RejectedExporter } from "./absent_exporters.ts";
import { type CollectorEvidence, judge, type Moment, type SessionEvidence, type Verdict } from "./verdict.ts";

/** What is seen of the running proxy at one moment. */
export interface Sight {
  readonly sessions: SessionEvidence;
  readonly collector: CollectorEvidence;
  /** Why peers may be locked out: a certificate in use is not valid now. */
  readonly certificateFault?: string | undefined;
}

/** An event that a verdict gives rise to. */
export type VerdictNews = "skew_seen" | "skew_over";

/**
 * Remembers what a verdict is based on beyond the present moment: when a session last needed rewriting, since when all
 * exporters have been in sight, and which ones are missing.
 *
 * ```ts
 * import { SYSTEM_CLOCK } from "../time/clock.ts";
 * import { VerdictWatch } from "./verdict_watch.ts";
 * import assert from "node:assert/strict";
 *
 * const watch = new VerdictWatch(0, SYSTEM_CLOCK);
 * const collector = { address: "10.0.0.9:4739", up: true, tried: true };
 * const sight = { collector };
 * const look = (skewed: number) => watch.look({ ...sight, sessions: { open: 1, skewed, observed: 0, unread: 0 } });
 * assert.equal(look(1).reason, "1 of 1 session needs rewriting");
 * assert.equal(look(0).verdict, "not_needed");
 * ```
 */
export class VerdictWatch {
  readonly #clock: Clock;
  readonly #absent = new AbsentExporters();
  #skew: Moment | undefined;
  #inSight: Moment;
  /** Whether at the last look not all exporters were in sight. */
  #blind = true;
  #left: Moment | undefined;
  #told: VerdictNews | undefined;

  /** @param settle milliseconds for which no session may have needed rewriting before the proxy is not needed */
  constructor(public settle: number, clock: Clock) {
    this.#clock = clock;
    this.#inSight = this.#moment();
  }

  /** When a session last needed rewriting; undefined if none ever did. */
  get lastSeen(): Date | undefined {
    return this.#skew?.date;
  }

  /** Milliseconds since a session last needed rewriting, or since all exporters are in sight, whichever is less. */
  get quiet(): number {
    return this.#clock.now() - Math.max(this.#skew?.at ?? -Infinity, this.#inSight.at);
  }

  /** A session needs rewriting just now. */
  see(): void {
    this.#skew = this.#moment();
  }

  /** An exporter tried to connect and did not get in. */
  reject(exporter: RejectedExporter): void {
    this.#absent.reject(exporter, this.#clock.now());
  }

  /** An exporter has a session. */
  arrive(address: string): void {
    if (this.#absent.arrive(address)) this.see();
  }

  /**
   * An exporter has left, or its session was ended.
   *
   * @param abandoned whether the proxy ended it because the collector was unreachable: what it needed, it still needs
   */
  leave(address: string, { skewed, abandoned }: { readonly skewed: boolean; readonly abandoned: boolean }): void {
    if (skewed) this.see();
    if (abandoned) this.#absent.abandon(address, skewed, this.#clock.now());
    this.#left = this.#moment();
  }

  /** Exporters whose TLS handshake failed recently. */
  get handshakes(): { readonly exporters: number; readonly address: string; readonly reason: string } | undefined {
    const failed = this.#absent.rejected("handshake");
    return failed === undefined ? undefined : { exporters: failed.exporters, ...failed.last };
  }

  /** Judges what is seen now. Called every second, and whenever somebody asks. */
  look({ sessions, collector, certificateFault }: Sight): Verdict {
    const now = this.#clock.now();
    this.#absent.expire(now, collector.up);
    if (sessions.skewed > 0 || (sessions.converted ?? 0) > 0) this.see();
    const [abandoned, handshakes] = [this.#absent.abandoned(), this.handshakes];
    const full = this.#absent.rejected("limit");
    const isBlind = sessions.open === 0 || !collector.up || collector.unwatched === true ||
      collector.nextProfile !== undefined || handshakes !== undefined || full !== undefined ||
      abandoned.exporters > 0 || certificateFault !== undefined;
    if (isBlind || this.#blind) this.#inSight = this.#moment();
    this.#blind = isBlind;
    return judge({
      sessions,
      collector,
      abandoned: {
        ...abandoned,
        until: collector.up && abandoned.exporters > 0
          ? new Date(this.#clock.date().getTime() + abandoned.until - now)
          : undefined,
      },
      handshakes,
      certificateFault,
      refused: full === undefined ? undefined : { exporters: full.exporters, limit: full.last.reason },
      now,
      settle: this.settle,
      skew: this.#skew,
      inSight: this.#inSight,
      left: this.#left,
    });
  }

  /** The news reported last. */
  get told(): VerdictNews | undefined {
    return this.#told;
  }

  /** The news in a verdict, if there is any: each is reported once, until the other becomes true. */
  news({ verdict }: Verdict): VerdictNews | undefined {
    const news = verdict === "needed" ? "skew_seen" : verdict === "not_needed" ? "skew_over" : undefined;
    if (news === undefined || news === this.#told) return undefined;
    return this.#told = news;
  }

  #moment(): Moment {
    return { at: this.#clock.now(), date: this.#clock.date() };
  }
}
