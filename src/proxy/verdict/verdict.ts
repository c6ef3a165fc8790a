/** May the proxy be removed? `unknown`: that cannot be told. */
export const VERDICTS = ["needed", "not_needed", "unknown"] as const;

/** The one answer to whether the proxy is still needed, which status, metrics, events and dashboard all give. */
export interface Verdict {
  readonly verdict: (typeof VERDICTS)[number];
  /** Why, in words. */
  readonly reason: string;
}

/** Sessions whose exporters are connected. */
export interface SessionEvidence {
  readonly open: number;
  /** Those with a template that is not relayed unchanged. */
  readonly skewed: number;
  /** Those of them that are only observed. */
  readonly observed: number;
  /** Those that have announced no template yet, or have sent data of one that they have not announced. */
  readonly unread: number;
  /**
   * Those whose exporters send by gRPC what the collector takes by IPFIX alone, or the other way round. Missing: none.
   */
  readonly converted?: number;
}

/** What is known of the collector. */
export interface CollectorEvidence {
  readonly address: string;
  readonly up: boolean;
  /** Whether it was ever tried. */
  readonly tried: boolean;
  /** Whether nothing would show that it is away: it is reached over udp and has no watch connection. Missing: no. */
  readonly unwatched?: boolean;
  /** Why it cannot be reached, where that is known. */
  readonly reason?: string | undefined;
  /** The profile that takes effect when it restarts, where another one holds now: what that needs is not seen yet. */
  readonly nextProfile?: string | undefined;
}

/** A moment, of the monotonic clock in milliseconds and as the time of day. */
export interface Moment {
  readonly at: number;
  readonly date: Date;
}

/** All that a verdict is based on. Times are in milliseconds. */
export interface Evidence {
  readonly sessions: SessionEvidence;
  readonly collector: CollectorEvidence;
  /** Exporters closed because the collector was unreachable that have not come back. */
  readonly abandoned: {
    readonly exporters: number;
    readonly skewed: number;
    /** Until when they are expected back. Missing: as long as the collector is away. */
    readonly until?: Date | undefined;
  };
  /** Exporters whose TLS handshake failed recently. */
  readonly handshakes: { readonly exporters: number; readonly address: string; readonly reason: string } | undefined;
  /** Why peers may be locked out: a certificate in use is not valid now. */
  readonly certificateFault: string | undefined;
  /** Exporters that a limit kept out recently, and the limit: `limits.sessions (5000)`. */
  readonly refused: { readonly exporters: number; readonly limit: string } | undefined;
  readonly now: number;
  readonly settle: number;
  /** When a session last needed rewriting. */
  readonly skew: Moment | undefined;
  /** Since when every exporter has been in sight: sessions are open, the collector is up, and nobody is kept out. */
  readonly inSight: Moment;
  /** When an exporter last left. */
  readonly left: Moment | undefined;
}

/**
 * Judges the evidence. `needed`: a session needs rewriting or conversion, or did within the settle time. `not_needed`:
 * at least one session is open, all templates of every open session are known and relayed unchanged, the collector is
 * seen to be up and no other profile waits for its restart, nobody is kept out, and the settle time has passed. `unknown`: anything else.
 */
export function judge(evidence: Evidence): Verdict {
  const need = whyNeeded(evidence);
  if (need !== undefined) return { verdict: "needed", reason: need };
  const doubt = whyUnknown(evidence);
  if (doubt !== undefined) return { verdict: "unknown", reason: doubt };
  const { sessions: { open }, skew } = evidence;
  const relayed = open === 1
    ? "the one open session is relayed unchanged"
    : `${open === 2 ? "both" : `all ${open}`} sessions are relayed unchanged`;
  const since = skew === undefined ? "the proxy started" : timeOfDay(skew.date);
  return { verdict: "not_needed", reason: `${relayed}, and none has needed rewriting since ${since}` };
}

function whyNeeded(evidence: Evidence): string | undefined {
  const { sessions: { open, skewed, observed, converted = 0 }, abandoned, skew, now, settle } = evidence;
  if (skewed > 0) {
    if (open === 1) {
      return `1 of 1 session ${observed > 0 ? "would need rewriting, but is only observed" : "needs rewriting"}`;
    }
    if (observed === skewed) {
      return `${skewed} of ${open} sessions would need rewriting, but ${skewed === 1 ? "is" : "are"} only observed`;
    }
    const only = observed === 0 ? "" : `; ${observed} of them ${observed === 1 ? "is" : "are"} only observed`;
    return `${skewed} of ${open} sessions need rewriting${only}`;
  }
  if (converted > 0) {
    return `${converted} of ${open} ${open === 1 ? "session is" : "sessions are"} converted between gRPC and IPFIX, ` +
      "because the collector accepts only the other one";
  }
  if (abandoned.skewed > 0) {
    return `${exporters(abandoned.skewed)} that needed rewriting ${
      was(abandoned.skewed)
    } closed because the collector ` +
      `was unreachable, and not all have come back${expected(abandoned)}`;
  }
  if (skew === undefined || now - skew.at >= settle) return undefined;
  return `a session needed rewriting at ${timeOfDay(skew.date)}; ${waits(skew, settle)}`;
}

function whyUnknown(evidence: Evidence): string | undefined {
  const { sessions: { open, unread }, collector, abandoned, handshakes, certificateFault, refused, left } = evidence;
  if (collector.tried && !collector.up) {
    const why = collector.reason === undefined ? "" : `: ${collector.reason}`;
    return `the collector ${collector.address} is unreachable${why}`;
  }
  if (handshakes !== undefined) {
    const { exporters: failed, address, reason } = handshakes;
    return failed === 1
      ? `the TLS handshake of exporter ${address} fails: ${reason}`
      : `the TLS handshakes of ${exporters(failed)} fail, last that of ${address}: ${reason}`;
  }
  if (certificateFault !== undefined) return certificateFault;
  if (refused !== undefined) {
    return `${exporters(refused.exporters)} ${was(refused.exporters)} refused when ${refused.limit} was reached`;
  }
  if (abandoned.exporters > 0) {
    return `${exporters(abandoned.exporters)} ${
      was(abandoned.exporters)
    } closed because the collector was unreachable, ` +
      `and not all have come back${expected(abandoned)}`;
  }
  if (open === 0) {
    return left === undefined
      ? "no exporter has connected yet"
      : `no exporter is connected; the last one left at ${timeOfDay(left.date)}`;
  }
  if (!collector.up) return `the collector ${collector.address} has not been reached yet`;
  if (unread > 0) {
    return `${unread} of ${open} ${open === 1 ? "session" : "sessions"} ${
      unread === 1 ? "has" : "have"
    } not announced ` +
      "all templates yet";
  }
  if (collector.unwatched === true) {
    return `over udp nothing shows that the collector ${collector.address} is there: set collector.watch`;
  }
  if (collector.nextProfile !== undefined) {
    return `the collector ${collector.address} is to be ${collector.nextProfile} once it restarts, ` +
      "and sessions may need rewriting then";
  }
  const { now, inSight, settle } = evidence;
  if (now - inSight.at >= settle) return undefined;
  return `no session needs rewriting so far; ${waits(inSight, settle)}`;
}

function expected({ until }: Evidence["abandoned"]): string {
  return until === undefined ? "" : `; the proxy waits for them until ${timeOfDay(until)}`;
}

function waits({ date }: Moment, settle: number): string {
  return `the proxy keeps watching until ${timeOfDay(new Date(date.getTime() + settle))}`;
}

/** `2026-01-01 00:00:30 UTC` */
function timeOfDay(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function exporters(count: number): string {
  return `${count} ${count === 1 ? "exporter" : "exporters"}`;
}

function was(count: number): string {
  return count === 1 ? "was" : "were";
}
