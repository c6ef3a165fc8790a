import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { TemplateMapping } from "../../mediation/mapping/template_mapping.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";

/** The collector as all sessions together see it. */
export interface CollectorView {
  /** `host:port`, as configured. */
  readonly address: string;
  /** A word for people, of the proxy's choosing: `connected`. Programs read {@link up}. */
  readonly state: string;
  /** Whether the collector took the last connection that was tried, or is in use: `collector_up`. */
  readonly up: boolean;
  /** `antrea/v1.15` */
  readonly profile: string;
  /** `go-ipfix-legacy` */
  readonly dialect: string;
  /** Connections that took the place of one that was lost. */
  readonly reconnects: number;
  /** Outcome of an attempt to connect → how often. */
  readonly connections: ReadonlyMap<string, number>;
  /** Templates sent again because the connection was new. */
  readonly replayedTemplates: number;
  /** Upper bound of the records that went down with connections that were lost. */
  readonly recordsPossiblyLost: number;
  /** Octets that wait in the proxy for a collector. */
  readonly heldOctets: number;
}

/** One exporter's transport session that has not ended. */
export interface SessionView {
  readonly id: string;
  /** `address:port`, `[v6]:port`. Never a metric's label. */
  readonly peer: string;
  readonly transport: TransportProtocol;
  readonly certificateName?: string | undefined;
  readonly openedAt: Date;
  /** True once the exporter is gone and only its octets are still on their way. */
  readonly closing: boolean;
  /** Whether any live template's mapping is not the identity. */
  readonly skewed: boolean;
  readonly counters: Counters;
  templates(): readonly TemplateState[];
}

/** Whether the proxy is still needed. */
export interface SkewView {
  /** When a session that needed rewriting was last there; undefined: none was. */
  readonly lastSeen: Date | undefined;
  /** Milliseconds since then, or since the start. */
  readonly quiet: number;
  /** Milliseconds of quiet after which skew is over. */
  readonly settle: number;
  /** Exporters came, and none needed rewriting for `settle`: the proxy can be removed. */
  readonly over: boolean;
}

/** Sessions of one transport that ended (or were never let in), by how. */
export interface SessionOutcome {
  readonly transport: TransportProtocol;
  /** One of few words, never anything a peer sent: `closed`, `rejected`. */
  readonly outcome: string;
  readonly count: number;
}

/** When a certificate that the proxy uses ends. */
export interface CertificateView {
  /** One of few words: `listener`, `collector`, `ca`. */
  readonly role: string;
  readonly expiresAt: Date;
}

/** What happened, as `/api/events` tells it: any {@link MediationEvent} is one, with a time and a session. */
export interface AdminEvent {
  readonly event: string;
  readonly time: Date;
  readonly session?: string;
  readonly mapping?: TemplateMapping;
  readonly [detail: string]: unknown;
}

/** What holds for one kind of exporter: the part of a configuration that decides what becomes of records. */
export interface TreatmentView {
  readonly mode: string;
  /** `tcp 127.0.0.1:4739` */
  readonly collector: string;
  readonly profile: string;
  readonly dialect: string;
  /** The plugins in order, with their options as they were completed. */
  readonly chain: readonly { readonly use: string; readonly options: unknown }[];
}

/** The configuration in force. */
export interface ConfigurationView extends TreatmentView {
  /** Undefined: no file, as in the demo. */
  readonly file?: string;
  /** `tcp 0.0.0.0:24739` */
  readonly listen: readonly string[];
  /** Whom each side lets in, and how it proves who it is. */
  readonly trust?: readonly string[];
  /** What is different for some exporters. */
  readonly peers?: readonly (TreatmentView & {
    readonly name: string;
    readonly match: Readonly<Record<string, string | number>>;
  })[];
  /** Durations in milliseconds. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** When a capture ends by itself. */
export interface CaptureLimitsView {
  /** Messages received. */
  readonly messages: number;
  /** Octets of each side. */
  readonly octets: number;
}

/** Both sides of a session for some time, as RFC 5655 files. */
export interface CapturedView {
  readonly received: Uint8Array;
  readonly sent: Uint8Array;
  /** Messages received meanwhile. */
  readonly messages: number;
  /** Why it ended: `messages`, `octets`, `stopped` (its time was over), `closed`. */
  readonly end: string;
}

/** What became of a reload. */
export interface ReloadResult {
  readonly applied: boolean;
  /** Every mistake, where nothing was applied. */
  readonly mistakes: readonly string[];
}

/** All that the admin server sees of a running proxy, and all that it can do to it. */
export interface AdminView {
  readonly version: string;
  readonly mode: "rewrite" | "observe";
  readonly startedAt: Date;
  readonly draining: boolean;
  /** All listeners are bound and the configuration is loaded. Never depends on the collector. */
  readonly ready: boolean;
  readonly collector: CollectorView;
  sessions(): readonly SessionView[];
  session(id: string): SessionView | undefined;
  /** Over all sessions, live and ended: never less than it was at an earlier call. */
  totals(): Counters;
  sessionOutcomes(): Iterable<SessionOutcome>;
  readonly skew: SkewView;
  /** Starts the drain; does not wait for its end. */
  drain(): void;
  /** Starts to close the session. False: there is none of this id. */
  closeSession(id: string): boolean;
  /**
   * Captures a session's messages before and after rewriting until a limit, or `stop`. Undefined: there is no session of this id;
   * "busy": it is being captured already. Missing where the proxy cannot capture.
   */
  capture?(id: string, limits: CaptureLimitsView, stop: AbortSignal): Promise<CapturedView> | "busy" | undefined;
  /** Receives events from now on, synchronously, until the function that comes back is called. */
  subscribe(listener: (event: AdminEvent) => void): () => void;
  /** Missing where the proxy cannot reload. */
  reload?(): Promise<ReloadResult>;
  /** Outcome of a reload → how often. */
  readonly configReloads?: ReadonlyMap<string, number>;
  readonly certificates?: Iterable<CertificateView>;
  /** The one in force at this moment. */
  readonly configuration?: ConfigurationView | undefined;
  /** The releases that a detected profile stands for: `v2.0-v2.5` for `antrea/v2.0`. */
  releaseRange?(profile: string): string | undefined;
}
