import { type CountersReport, countersReport, type LossesReport, lossesReport } from "./counters_report.ts";
import type { AdminView, ClusterView } from "../view/view.ts";

/** The answer of `/api/status`. */
export interface StatusReport {
  readonly version: string;
  readonly mode: "rewrite" | "observe";
  /** Whole seconds since the start. */
  readonly uptimeSeconds: number;
  readonly draining: boolean;
  readonly collector: {
    readonly address: string;
    readonly state: string;
    /** ISO 8601 time at which the state began. */
    readonly since: string;
    /** Why it cannot be reached; null while it is connected. */
    readonly reason: string | null;
    /** Processes of it that were seen so far. */
    readonly epoch: number;
    readonly profile: string;
    /** The profile that takes effect when the collector restarts; null if none waits. */
    readonly nextProfile: string | null;
    /** The profiles of `collector.candidates`, how often another was tried, and the last time; null without any. */
    readonly candidates: {
      readonly profiles: readonly string[];
      readonly steps: number;
      readonly lastStep: {
        readonly from: string;
        readonly to: string;
        readonly why: string;
        readonly how: string | null;
      } | null;
    } | null;
    readonly dialect: string;
    readonly reconnects: number;
  };
  readonly skew: {
    /** Open sessions with a template that is not relayed unchanged: the metric `skewed_sessions`. */
    readonly sessions: number;
    /** Those whose exporter is still connected, so that they still need rewriting. 0 means that the proxy can go. */
    readonly left: number;
    /** ISO 8601 time at which a skewed session was last open: now, while one is; null if none was since the start. */
    readonly lastSeen: string | null;
    /** Exporters have connected, and none has needed rewriting for `settleSeconds`: the proxy can be removed. */
    readonly over: boolean;
    /** Seconds since a session last needed rewriting, or since the start. */
    readonly quietSeconds: number;
    readonly settleSeconds: number;
  };
  /** Over all sessions since the start. */
  readonly totals: { readonly sessions: { readonly open: number; readonly ended: number } } & CountersReport;
  readonly losses: LossesReport & {
    /** Upper bound of the records lost with broken connections to the collector. */
    readonly recordsPossiblyLost: number;
    /** Sessions that were not let in, or ended otherwise than their exporters wanted, by outcome. */
    readonly sessionsFailed: Readonly<Record<string, number>>;
  };
  /** Missing where the configuration names no cluster. */
  readonly cluster?: ClusterView;
}

/** Returns the proxy's state at the given time. */
export function statusReport(view: AdminView, now: Date): StatusReport {
  const sessions = view.sessions();
  const skewed = sessions.filter((session) => session.skewed);
  let ended = 0;
  for (const { count } of view.sessionOutcomes()) ended += count;
  const lastSeen = skewed.length > 0 ? now : view.skew.lastSeen;
  const totals = view.totals();
  const { address, state, since, reason, epoch, profile, nextProfile, dialect, reconnects, candidates } =
    view.collector;
  const step = candidates?.lastStep;
  return {
    version: view.version,
    mode: view.mode,
    uptimeSeconds: Math.max(0, Math.floor((now.getTime() - view.startedAt.getTime()) / 1000)),
    draining: view.draining,
    collector: {
      address,
      state,
      since: since.toISOString(),
      reason: reason ?? null,
      epoch,
      profile,
      nextProfile: nextProfile ?? null,
      candidates: candidates === undefined ? null : {
        profiles: candidates.profiles,
        steps: candidates.steps,
        lastStep: step === undefined
          ? null
          : { from: step.from.profile, to: step.to.profile, why: step.why, how: step.how ?? null },
      },
      dialect,
      reconnects,
    },
    skew: {
      sessions: skewed.length,
      left: skewed.filter(({ closing }) => !closing).length,
      lastSeen: lastSeen?.toISOString() ?? null,
      over: skewed.length === 0 && view.skew.over,
      quietSeconds: skewed.length > 0 ? 0 : Math.floor(view.skew.quiet / 1000),
      settleSeconds: view.skew.settle / 1000,
    },
    totals: { sessions: { open: sessions.length, ended }, ...countersReport(totals) },
    losses: {
      ...lossesReport(totals),
      recordsPossiblyLost: view.collector.recordsPossiblyLost,
      sessionsFailed: sessionsFailed(view),
    },
    ...(view.cluster === undefined ? {} : { cluster: view.cluster }),
  };
}

/** Outcomes of sessions that lost nothing. */
const ORDERLY: ReadonlySet<string> = new Set(["closed", "drained", "administrator", "idle"]);

function sessionsFailed(view: AdminView): Record<string, number> {
  const failed: Record<string, number> = {};
  for (const { outcome, count } of view.sessionOutcomes()) {
    if (!ORDERLY.has(outcome) && count > 0) failed[outcome] = (failed[outcome] ?? 0) + count;
  }
  return failed;
}
