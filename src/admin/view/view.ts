import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";

/** A collector, as seen by all its sessions together. */
export interface CollectorView {
  /** `host:port`, as configured. */
  readonly address: string;
  /** `tcp 127.0.0.1:4739`: each collector has another. */
  readonly key?: string;
  /** The rules that name it: `peers[0]`. */
  readonly rules?: readonly string[];
  /** Sessions that go there and whose exporters are connected. */
  readonly sessions?: number;
  /** `idle`: no connection was tried yet; `connected`; `away`. */
  readonly state: string;
  /** Whether it is connected: `collector_up`. */
  readonly up: boolean;
  /** When the state began. */
  readonly since: Date;
  /** Why it cannot be reached; undefined while it is connected. */
  readonly reason: string | undefined;
  /** Processes of it that were seen so far. */
  readonly epoch: number;
  /** `antrea/v1.15` */
  readonly profile: string;
  /** The profile that takes effect when the collector restarts; undefined if none waits. */
  readonly nextProfile: string | undefined;
  /** The profiles of `collector.candidates`, how often another was tried, and the last time; undefined without any. */
  readonly candidates:
    | {
      readonly profiles: readonly string[];
      readonly steps: number;
      readonly lastStep:
        | {
          readonly from: { readonly profile: string };
          readonly to: { readonly profile: string };
          readonly why: string;
          readonly how?: string;
        }
        | undefined;
    }
    | undefined;
  /** `go-ipfix-legacy` */
  readonly dialect: string;
  /** Whether it accepts exporters of this transport itself, without a conversion between gRPC and IPFIX. */
  takes?(transport: TransportProtocol): boolean;
  /** Connections that replaced a lost one; like all further counts, of all collectors together. */
  readonly reconnects: number;
  /** Attempts to connect, by outcome. */
  readonly connections: ReadonlyMap<string, number>;
  /** Templates sent again after reconnecting. */
  readonly replayedTemplates: number;
  /** Upper bound of the records lost with broken connections. */
  readonly recordsPossiblyLost: number;
  /** Octets waiting in the proxy for this collector. */
  readonly heldOctets: number;
  /** Data records received for it that are neither sent nor dropped yet. */
  readonly recordsInHand: number;
}

/** One exporter's transport session that has not ended. */
export interface SessionView {
  readonly id: string;
  /** `address:port`, `[v6]:port`. Never a metric's label. */
  readonly peer: string;
  readonly transport: TransportProtocol;
  readonly certificateName?: string | undefined;
  readonly openedAt: Date;
  /**
   * True once the exporter has gone and only its remaining octets are being written: it is no open session any more.
   */
  readonly closing: boolean;
  /** Whether any live template's mapping is not the identity. */
  readonly skewed: boolean;
  /** {@link CollectorView.key} of its collector; undefined until its first template decides that. */
  readonly collector?: string | undefined;
  /** Whether it is only observed: what it counts as lost is then what would be. */
  readonly observed: boolean;
  /** True over UDP once the exporter has been silent for so long that its session is over for the verdict. */
  readonly silent?: boolean;
  readonly counters: Counters;
  /** The part of {@link counters} that was counted while it was only observed. */
  readonly observedCounters: Counters;
  /** The other part. */
  readonly rewrittenCounters: Counters;
  templates(): readonly TemplateState[];
}

/** Counts of one or several sessions. */
export interface CountedView {
  readonly counters: Counters;
  /** Whether they are only observed: their drops and losses are what rewriting would cause. */
  readonly observed: boolean;
}

/** A session that has ended, kept for a while to be looked at. */
export interface EndedSessionView extends SessionView {
  readonly endedAt: Date;
  /** Why it ended, as in {@link SessionOutcome.outcome}. */
  readonly outcome: string;
  /** How many templates it had besides those that are kept. */
  readonly moreTemplates: number;
}

/** Whether the proxy is still needed, which one place decides for all that show it. */
export interface VerdictView {
  readonly verdict: "needed" | "not_needed" | "unknown";
  /** Why, in words. */
  readonly reason: string;
}

/** When sessions needed rewriting. */
export interface SkewView {
  /** When a session that needed rewriting was last open; undefined if none was. */
  readonly lastSeen: Date | undefined;
  /** Milliseconds since {@link lastSeen}, or since all exporters have been in sight. */
  readonly quiet: number;
  /** Milliseconds without such a session after which the proxy is not needed. */
  readonly settle: number;
}

/** Exporters whose TLS handshake failed within the last minute. */
export interface FailingHandshakesView {
  readonly exporters: number;
  /** The exporter that tried last, without its port. */
  readonly address: string;
  /** Why it failed, in words. */
  readonly reason: string;
}

/** A configuration that was refused, while the previous one stays in force. */
export interface RefusedConfigurationView {
  readonly since: Date;
  readonly mistakes: readonly string[];
}

/** Sessions of one transport that ended or were refused, with one outcome. */
export interface SessionOutcome {
  readonly transport: TransportProtocol;
  /** One of a few fixed words, never text from a peer: `closed`, `rejected`. */
  readonly outcome: string;
  readonly count: number;
}

/** When a certificate that the proxy uses is valid. */
export interface CertificateView {
  /** One of a few fixed words: `listener`, `collector`, `ca`. */
  readonly role: string;
  readonly validFrom: Date;
  readonly expiresAt: Date;
}

/** An event of `/api/events`: a summary of what happened in a session, or to the proxy itself. */
export interface AdminEvent {
  readonly event: string;
  readonly time: Date;
  readonly session?: string;
  /** Path of the details, such as the session whose templates have changed. */
  readonly link?: string;
  readonly [detail: string]: unknown;
}

/** The part of a configuration that decides how the records of some exporters are treated. */
export interface TreatmentView {
  readonly mode: string;
  /** `tcp 127.0.0.1:4739` */
  readonly collector: string;
  readonly profile: string;
  readonly dialect: string;
  /** The plugins in order, with their options after defaults were applied. */
  readonly chain: readonly { readonly use: string; readonly options: unknown }[];
}

/** The configuration in force. */
export interface ConfigurationView extends TreatmentView {
  /** Undefined if there is no file, as in the demo. */
  readonly file?: string;
  /** `tcp 0.0.0.0:24739` */
  readonly listen: readonly string[];
  /** Whom each side accepts, and how it identifies itself. */
  readonly trust?: readonly string[];
  /** Treatments that differ for some exporters. */
  readonly peers?: readonly (TreatmentView & {
    readonly name: string;
    readonly match: Readonly<Record<string, string | number>>;
  })[];
  /** As the file has them: `10m`, `64MiB`, `5000`. */
  readonly limits?: Readonly<Record<string, string>>;
}

/** Limits that end a capture. */
export interface CaptureLimitsView {
  /** Messages received. */
  readonly messages: number;
  /** Octets of each side. */
  readonly octets: number;
}

/** Both sides of a session over some time, as RFC 5655 files. */
export interface CapturedView {
  readonly received: Uint8Array;
  readonly sent: Uint8Array;
  /** Messages received during the capture. */
  readonly messages: number;
  /** Why it ended: `messages`, `octets`, `stopped` (its time was over), `closed`. */
  readonly end: string;
}

/** State of the cluster that the proxy serves. */
export interface ClusterView {
  /** How Agents and the Aggregator are verified; missing: not from the cluster. */
  readonly trust?: {
    /** `mint`, `append-ca`; missing: not decided yet. */
    readonly mode?: string;
    readonly state: "waiting" | "established";
    readonly authorities: readonly { readonly subject: string; readonly expiresAt: Date; readonly ended: boolean }[];
    /** Objects that are polled every second for want of an RBAC rule, with that rule. */
    readonly polling?: readonly string[];
    /** CAs of other proxies that Agents trust as well. */
    readonly otherProxies?: readonly string[];
  };
  /** The Aggregator's release by its Pod, that of the process that comes next, or why it is not known. */
  readonly aggregator?: { readonly release?: string; readonly next?: string; readonly reason?: string };
  /** How many Agents the cluster has of each release. */
  readonly agents: Readonly<Record<string, number>>;
  /** The missing object without which no exporter is let in; empty if nothing is missing. */
  readonly waitingFor: string;
  /** Current problems. The last valid state stays in force. */
  readonly problems: readonly string[];
}

/** The Agent that an exporter is, as its cluster knows it. */
export interface AgentView {
  readonly node: string;
  readonly release?: string;
  /** Where the release comes from: `Pod`, `AntreaAgentInfo`. */
  readonly source?: string;
  /** How it was found: `address`, `certificate`, `observationDomain`. */
  readonly by: string;
}

/** Facts by which an Agent is found. */
export interface ExporterView {
  readonly peer: string;
  readonly certificateName?: string | undefined;
  readonly observationDomains: readonly number[];
}

/** The outcome of a reload. */
export interface ReloadResult {
  readonly applied: boolean;
  /** All mistakes, if the configuration was refused. */
  readonly mistakes: readonly string[];
}

/** The cache of templates over UDP. */
export interface TemplateCacheView {
  /** Attempts to write it so far, by outcome. */
  readonly writes: Readonly<Record<"written" | "failed", number>>;
  /** Why it cannot be written; undefined while it can. */
  readonly fault: { readonly file: string; readonly since: Date; readonly reason: string } | undefined;
}

/** The resident memory of the process, in octets. */
export interface MemoryView {
  /** `limits.memory` */
  readonly limit: number;
  readonly resident: number;
  /** `tight`: sessions that take most are closed; `full`: exporters are refused and templates wait as well. */
  readonly state: "ample" | "tight" | "full";
}

/** Everything that the admin server can read from a running proxy and do to it. */
export interface AdminView {
  readonly version: string;
  readonly mode: "rewrite" | "observe";
  readonly startedAt: Date;
  readonly draining: boolean;
  /** All listeners are bound and the configuration is loaded. Never depends on the collector. */
  readonly ready: boolean;
  /** The collector of sessions for which no rule names another. */
  readonly collector: CollectorView;
  /** Those that only some sessions have. */
  readonly otherCollectors?: readonly CollectorView[];
  sessions(): readonly SessionView[];
  session(id: string): SessionView | undefined;
  /** The sessions that ended within the last hour, as far as they are kept, the newest first. */
  endedSessions(): readonly EndedSessionView[];
  endedSession(id: string): EndedSessionView | undefined;
  /**
   * What all sessions counted, open and ended. The sums of ended sessions come first: of what is read at once, nothing
   * is missing and nothing there twice. Summed by {@link totalsOf}.
   */
  counted(): Iterable<CountedView>;
  sessionOutcomes(): Iterable<SessionOutcome>;
  readonly verdict: VerdictView;
  readonly skew: SkewView;
  /** The process' memory; missing if it is left to the runtime. */
  readonly memory?: MemoryView | undefined;
  /** TLS handshakes with exporters that failed, by reason. */
  readonly handshakeFailures: ReadonlyMap<string, number>;
  readonly failingHandshakes?: FailingHandshakesView | undefined;
  /** Starts the drain; does not wait for its end. */
  drain(): void;
  /** Starts to close the session; false if no open session has this id. */
  closeSession(id: string): boolean;
  /**
   * Captures a session's messages before and after rewriting, until a limit is reached or `stop` aborts. Returns
   * undefined if no open session has this id, and "busy" if it is already being captured. Missing if the proxy cannot
   * capture.
   */
  capture?(id: string, limits: CaptureLimitsView, stop: AbortSignal): Promise<CapturedView> | "busy" | undefined;
  /** Calls the listener synchronously with every further event, until the returned function is called. */
  subscribe(listener: (event: AdminEvent) => void): () => void;
  /** Log lines dropped because the log was not read. */
  readonly logLinesDropped?: number;
  /** Missing if the proxy cannot reload. */
  reload?(): Promise<ReloadResult>;
  /** Reloads, by outcome. */
  readonly configReloads?: ReadonlyMap<string, number>;
  /** Present from the moment a changed configuration is refused until a good one is loaded. */
  readonly refusedConfiguration?: RefusedConfigurationView | undefined;
  readonly certificates?: Iterable<CertificateView>;
  /** Certificates in use that are not valid now, with the consequence, as text. */
  readonly certificateFaults?: readonly string[];
  /** The cache of templates over UDP. Missing if there is none. */
  readonly templateCache?: TemplateCacheView | undefined;
  /** The configuration in force. */
  readonly configuration?: ConfigurationView | undefined;
  /** Missing if the configuration names no cluster. */
  readonly cluster?: ClusterView | undefined;
  /** Returns the Agent that an exporter is; undefined if its cluster does not know. */
  agentOf?(exporter: ExporterView): AgentView | undefined;
  /** Returns the releases that a detected profile covers: `v2.0-v2.5` for `antrea/v2.0`. */
  releaseRange?(profile: string): string | undefined;
}
