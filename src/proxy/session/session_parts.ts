import type { CollectorFacts, SessionRewriter, TemplateState } from "../../mediation/session/session_rewriter.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { MessageMemory } from "../memory/message_memory.ts";
import type { ResidentMemory } from "../memory/resident_memory.ts";
import type { CollectorLink, CollectorRoute } from "../collector/collector_link.ts";
import type { Connection } from "../transport/connection.ts";
import type { ProxyCounters, SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import type { SessionDecision } from "./rewriting/undecided_rewriter.ts";
import type { RewriterTap } from "./rewriting/rewriter_tap.ts";
import type { Clock } from "../time/clock.ts";
import type { Turns } from "../time/turns.ts";

/** Microseconds, roughly, that a rewriter may take with templates before the session looks whether its turn is over. */
export const WORK = 1_000;
/** The same outside of a turn of costly work: less than a new template takes, and enough for an ordinary message. */
export const LITTLE_WORK = 90;

/** Time limits in milliseconds; 0 means no limit. */
export interface SessionLimits {
  /** How long a message may take from its first octet to its last. */
  readonly partialMessage: number;
  /** How long an exporter may be silent. */
  readonly idle: number;
  /**
   * After how long templates are sent again, before the next record, to a collector over UDP: it may have lost them, or
   * have discarded them at the end of their lifetime (RFC 7011 §8.4).
   */
  readonly templateRefresh: number;
  /**
   * How long an exporter over UDP may be silent before its session is over for the verdict; see {@link Session.silent}.
   */
  readonly udpIdle: number;
  /** How long the collector may take to close its side once the exporter has closed its own. */
  readonly collectorClose: number;
  /** Template changes a second; see {@link OctetRewriter.templateChanges}. */
  readonly templateChanges: number;
}

/** What a session is made of. */
export interface SessionParts {
  readonly id: string;
  readonly exporter: Connection;
  /** The listener that accepted the exporter. */
  readonly listener?: object;
  readonly link: CollectorLink;
  readonly rewriter: SessionRewriter;
  /** Sees the rewriter's input and output. Closed with the session. */
  readonly tap?: RewriterTap;
  /** Whether octets are relayed unchanged, with the rewriter running alongside for its reports. */
  readonly observe: boolean;
  /** Present if the first template decides where the session goes, and whether it is observed. */
  readonly decision?: SessionDecision;
  readonly pool: BufferPool;
  readonly memory: MessageMemory;
  /** The memory of the process; undefined: it has no limit. */
  readonly resident?: Pick<ResidentMemory, "state" | "wait"> | undefined;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly limits: SessionLimits;
  /** Returns what holds now of the collector. */
  readonly collectorFacts: () => CollectorFacts;
  readonly counters: ProxyCounters;
  readonly openedAt: Date;
  readonly report: ReportOfSession;
  /** Called when the exporter sends its first octet. */
  readonly onHeard?: (id: string) => void;
  /** Called once the exporter is no longer read, while the templates are still known. */
  readonly onClosing?: (id: string, outcome: SessionOutcome) => void;
  /** Called when the session has ended, before its `run` resolves. */
  readonly onEnd?: (id: string, outcome: SessionOutcome, templates: readonly TemplateState[]) => void;
}

/** A change that takes a new transport session to the collector. */
export interface SessionMove {
  readonly route: CollectorRoute;
  /** Whether the session is only observed from then on. */
  readonly observe: boolean;
  /** Whether the output changes, so that messages not yet taken are of no use. */
  readonly renew: boolean;
  readonly collector: CollectorFacts;
}
