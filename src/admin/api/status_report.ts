import {
  type CountersReport,
  countersReport,
  type CountsReport,
  countsReport,
  type LossesReport,
  lossesReport,
  type WouldLoseReport,
  wouldLoseReport,
} from "./counters_report.ts";
import { momentOf } from "../view/moment.ts";
import { ORDERLY_OUTCOMES } from "../view/orderly_outcomes.ts";
import { type Totals, totalsNow } from "../view/totals.ts";
import { allCollectors, recordsInHand } from "../view/collectors.ts";
import type {
  AdminView,
  ClusterView,
  CollectorView,
  FailingHandshakesView,
  MemoryView,
  VerdictView,
} from "../view/view.ts";

/** A collector, as `/api/status` has it. */
export interface CollectorReport {
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
}

/** The answer of `/api/status`. */
export interface StatusReport {
  readonly version: string;
  readonly mode: "rewrite" | "observe";
  /** Whole seconds since the start. */
  readonly uptimeSeconds: number;
  readonly draining: boolean;
  /** Whether the proxy can be removed, and why or why not. */
  readonly verdict: VerdictView;
  /** The collector of sessions for which no peer rule names another. */
  readonly collector: CollectorReport;
  /** All collectors: the same, then those that peer rules name. */
  readonly collectors: readonly (CollectorReport & {
    readonly transport: string | null;
    /** The rules that name it. */
    readonly rules: readonly string[];
    /** Sessions that go there and whose exporters are connected. */
    readonly sessions: number;
  })[];
  readonly skew: {
    /** Open sessions with a template that is not relayed unchanged: the metric `skewed_sessions`. */
    readonly sessions: number;
    /** The same: a session whose exporter has gone is no open session. */
    readonly left: number;
    /** ISO 8601 time at which a skewed session was last open: now, while one is; null if none was since the start. */
    readonly lastSeen: string | null;
    /** Seconds since a session last needed rewriting, or since all exporters are in sight, whichever is less. */
    readonly quietSeconds: number;
    readonly settleSeconds: number;
  };
  /** Over all sessions since the start. */
  readonly totals: {
    readonly sessions: {
      readonly open: number;
      /** Sessions whose exporter has gone, and whose remaining octets are being delivered. */
      readonly closing: number;
      readonly ended: number;
      /** Exporters that were never let in, because a limit was reached or their collector was away. */
      readonly refused: number;
    };
    /** TLS handshakes with exporters that failed, by reason. */
    readonly handshakeFailures: CountsReport;
    /** Data records that were received and are neither sent nor dropped yet. */
    readonly recordsInHand: number;
  } & CountersReport;
  /** The process' resident memory; null if it is left to the runtime. */
  readonly memory: MemoryView | null;
  /** Exporters whose TLS handshake failed within the last minute; null if none did. */
  readonly failingHandshakes: FailingHandshakesView | null;
  /** Certificates in use that are not valid now, and what comes of that, in words. */
  readonly certificateFaults: readonly string[];
  /** Why the template cache cannot be written; null while it can, or if there is none. */
  readonly templateCacheFault: { readonly file: string; readonly since: string; readonly reason: string } | null;
  /** The configuration that was refused, until a good one is loaded. */
  readonly refusedConfiguration: { readonly since: string; readonly mistakes: readonly string[] } | null;
  readonly losses: LossesReport & {
    /** The part of these counts that sessions count which are only observed: of it, nothing is lost. */
    readonly wouldLose: WouldLoseReport;
    /** Upper bound of the records lost with broken connections to the collector. */
    readonly recordsPossiblyLost: number;
    /** Sessions that were not let in, or ended otherwise than their exporters wanted, by outcome. */
    readonly sessionsFailed: Readonly<Record<string, number>>;
  };
  /** Missing where the configuration names no cluster. */
  readonly cluster?: ClusterView;
}

/** Returns the proxy's state at the given time. */
export function statusReport(moment: AdminView, now: Date, totals: Totals = totalsNow(moment)): StatusReport {
  const view = momentOf(moment);
  const all = view.sessions();
  const sessions = all.filter(({ closing }) => !closing);
  const skewed = sessions.filter((session) => session.skewed && session.silent !== true).length;
  let [ended, refused] = [0, 0];
  for (const { outcome, count } of view.sessionOutcomes()) {
    if (outcome === "refused") refused += count;
    else ended += count;
  }
  const lastSeen = skewed > 0 ? now : view.skew.lastSeen;
  const cacheFault = view.templateCache?.fault;
  const { refusedConfiguration, verdict: { verdict, reason: why } } = view;
  return {
    version: view.version,
    mode: view.mode,
    uptimeSeconds: Math.max(0, Math.floor((now.getTime() - view.startedAt.getTime()) / 1000)),
    draining: view.draining,
    verdict: { verdict, reason: why },
    collector: collectorReport(view.collector),
    collectors: allCollectors(view).map((collector) => ({
      ...collectorReport(collector),
      transport: collector.key?.split(" ")[0] ?? null,
      rules: collector.rules ?? [],
      sessions: collector.sessions ?? 0,
    })),
    skew: {
      sessions: skewed,
      left: skewed,
      lastSeen: lastSeen?.toISOString() ?? null,
      quietSeconds: skewed > 0 ? 0 : Math.floor(view.skew.quiet / 1000),
      settleSeconds: view.skew.settle / 1000,
    },
    totals: {
      sessions: { open: sessions.length, closing: all.length - sessions.length, ended, refused },
      handshakeFailures: countsReport(view.handshakeFailures),
      recordsInHand: recordsInHand(view),
      ...countersReport(totals.all),
    },
    memory: view.memory === undefined
      ? null
      : { limit: view.memory.limit, resident: view.memory.resident, state: view.memory.state },
    failingHandshakes: view.failingHandshakes ?? null,
    certificateFaults: view.certificateFaults ?? [],
    templateCacheFault: cacheFault === undefined ? null : { ...cacheFault, since: cacheFault.since.toISOString() },
    refusedConfiguration: refusedConfiguration === undefined
      ? null
      : { since: refusedConfiguration.since.toISOString(), mistakes: refusedConfiguration.mistakes },
    losses: {
      ...lossesReport(totals.all),
      wouldLose: wouldLoseReport(totals.observed),
      recordsPossiblyLost: view.collector.recordsPossiblyLost,
      sessionsFailed: sessionsFailed(view),
    },
    ...(view.cluster === undefined ? {} : { cluster: view.cluster }),
  };
}

function sessionsFailed(view: AdminView): Record<string, number> {
  const failed: Record<string, number> = {};
  for (const { outcome, count } of view.sessionOutcomes()) {
    if (!ORDERLY_OUTCOMES.has(outcome) && count > 0) failed[outcome] = (failed[outcome] ?? 0) + count;
  }
  return failed;
}

function collectorReport(
  { address, state, since, reason, epoch, profile, nextProfile, dialect, reconnects, candidates }: CollectorView,
): CollectorReport {
  const step = candidates?.lastStep;
  return {
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
  };
}
