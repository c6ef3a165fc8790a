import type { CollectorOptions } from "./collector/collector_options.ts";
import type { CandidateOptions } from "./collector/candidates.ts";
import type { Expectation } from "./collector/expectation.ts";
import type { ListenerOptions } from "./transport/listener.ts";
import type { SessionFacts, SessionRewriter } from "../mediation/session/session_rewriter.ts";
import type { FirstTemplate } from "../mediation/mapping/chain/treatment.ts";
import type { CollectorKnowledge } from "../mediation/session/shared/shared_state.ts";
import type { ProcessMemory } from "./memory/process_memory.ts";
import type { BufferPool } from "./memory/buffer_pool.ts";
import type { Clock } from "./time/clock.ts";
import type { ReportEvent } from "./reporting/proxy_event.ts";
import type { Recall } from "./transport/udp/cached_exporter.ts";

/** Limits of the proxy. Times in milliseconds. */
export interface ProxyLimits {
  /**
   * Sessions at a time over TCP, TLS and gRPC, and as many again over UDP. Past that, a newcomer takes the place that
   * {@link Places} gives up, or is refused.
   */
  readonly sessions: number;
  /**
   * How long an exporter is held while the collector is away; then it is closed, and none is let in until the collector
   * is back. 0: at once.
   */
  readonly hold: number;
  /** How long an exporter may say nothing; 0: as long as it likes. */
  readonly idle: number;
  /** How long an exporter over UDP may be silent before its session is over for the verdict. */
  readonly udpIdle: number;
  /** How long a message may take from its first octet to its last; 0: as long as it likes. */
  readonly partialMessage: number;
  /** Templates that one session may change a second; past it, it waits. See {@link OctetRewriter.templateChanges}. */
  readonly templateChanges: number;
  /** Octets of all buffers in which messages wait for their rest, or for the collector. */
  readonly messageMemory: number;
  /** Octets that the process may take. Needs {@link ProxyOptions.memory}. */
  readonly memory: number;
  /** How long {@link Proxy.drain} may take, at whose end all sessions are closed. */
  readonly drain: number;
  /** How long the collector may take to close its side after an exporter has closed its own. */
  readonly collectorClose: number;
  /** How long one attempt to reach the collector may take. */
  readonly dial: number;
  /** How long an exporter's TLS handshake may take; 0: as long as it likes. */
  readonly handshake: number;
}

/** The default of {@link ProxyOptions.skewSettle}. */
export const DEFAULT_SKEW_SETTLE = 10_000;

/** As in the project's documentation of `limits`. */
export const DEFAULT_LIMITS: ProxyLimits = {
  sessions: 5000,
  hold: 600_000,
  idle: 0,
  udpIdle: 300_000,
  partialMessage: 30_000,
  templateChanges: 1_000,
  messageMemory: 48 * 1024 * 1024,
  memory: 400 * 1024 * 1024,
  drain: 10_000,
  collectorClose: 5_000,
  dial: 5_000,
  handshake: 10_000,
};

/** Opens a rewriter for each session. A `Mediator` does. */
export interface SessionOpener {
  open(facts: SessionFacts): SessionRewriter;
  /** The process of a collector is another one, which knows no template. */
  beginEpoch?(collector?: CollectorKnowledge): void;
  /** Returns the state that the sessions to a further collector share. Needed where there are several. */
  collector?(): CollectorKnowledge;
  /** Ends the session whose templates take most, if that is at least this many octets; returns the octets. */
  relieve?(least: number): number;
  /** Returns what the first template of a whole message gives away. Needed where sessions are decided by it. */
  firstTemplate?(message: Uint8Array): FirstTemplate | "malformed" | undefined;
}

export type Mode = "rewrite" | "observe";

/** A collector that only some sessions have; {@link ProxyOptions.choose} says which. */
export interface OtherCollector {
  /** The word that {@link SessionChoice.collector} has for it. */
  readonly key: string;
  readonly collector: CollectorOptions;
  readonly expectation?: Expectation;
  readonly candidates?: CandidateOptions;
  /** Whether a changed expectation takes effect at once, and not with the collector's next epoch. */
  readonly switchNow?: boolean;
}

/** Facts about an exporter that decide its session. */
export interface KnownExporter {
  readonly address: string;
  readonly certificateName?: string | undefined;
  readonly decidedBy?: FirstTemplate | undefined;
}

/** Where a session goes, and what becomes of it there. */
export interface SessionChoice {
  /** The key of one of {@link ProxyOptions.others}; undefined: {@link ProxyOptions.collector}. */
  readonly collector?: string | undefined;
  readonly mode: Mode;
}

/** All that a proxy is made of. */
export interface ProxyOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly collector: CollectorOptions;
  /** The first expectation of the collector, which the mediator already follows. */
  readonly expectation?: Expectation;
  /** Candidates, if the collector's profile is not known; the expectation is then the first of them. */
  readonly candidates?: CandidateOptions;
  /**
   * Whether a connection to the collector of its own shows that its process lives. Default: true, where the transport
   * allows.
   */
  readonly watch?: boolean;
  /** `observe`: octets are relayed as they are, and the rewriter runs alongside for its reports. Default: `rewrite`. */
  readonly mode?: Mode;
  readonly others?: readonly OtherCollector[];
  /**
   * Decides for each session; "undecided" if that takes the first template. Missing: every session has
   * {@link collector} and {@link mode}.
   */
  readonly choose?: (exporter: KnownExporter) => SessionChoice | "undecided";
  readonly mediator: SessionOpener;
  readonly limits?: Partial<ProxyLimits>;
  /** Receives all that happens, for the log and the event stream. */
  readonly report: ReportEvent;
  readonly pool?: BufferPool;
  /** Milliseconds without a session that needs rewriting after which the proxy says that it can be removed. */
  readonly skewSettle?: number;
  /** Says why certificates in use are not valid now, so that peers may be locked out; undefined if they are. */
  readonly certificateFault?: () => string | undefined;
  /** What exporters over UDP announced before the start; see {@link TemplateCache.recall}. */
  readonly recall?: Recall;
  readonly clock?: Clock;
  /** Without it, memory is left to the runtime. */
  readonly memory?: ProcessMemory;
  /** 0 to 1, for the jitter of reconnecting. */
  readonly random?: () => number;
}

/** What may change while the proxy runs. */
export interface ProxyChange extends
  Partial<
    Pick<
      ProxyOptions,
      | "listeners"
      | "collector"
      | "others"
      | "choose"
      | "limits"
      | "mode"
      | "skewSettle"
      | "expectation"
      | "candidates"
    >
  > {
  /** Whether a changed expectation takes effect at once, and not with the collector's next epoch. */
  readonly switchNow?: boolean;
  /**
   * Called once all listeners are bound, before any session takes the change up: gives the mediator other treatments.
   */
  readonly mediate?: () => void;
}
