import type { CollectorFacts, SessionRewriter } from "../../mediation/session/session_rewriter.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { CollectorLink } from "../collector/collector_link.ts";
import type { Dial } from "../transport/connection.ts";
import type { Connection } from "../transport/connection.ts";
import type { ProxyCounters, SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import type { RewriterTap } from "./rewriter_tap.ts";

/** Times in milliseconds; 0 is no limit. */
export interface SessionLimits {
  /** A message that has begun must be whole after so long. */
  readonly partialMessage: number;
  /** An exporter may say nothing for so long. */
  readonly idle: number;
  /** The collector may take so long to close its side once the exporter has closed its own. */
  readonly collectorClose: number;
}

/** All that a session is made of. */
export interface SessionParts {
  readonly id: string;
  readonly exporter: Connection;
  /** Whose exporter it is. */
  readonly listener?: object;
  readonly link: CollectorLink;
  readonly rewriter: SessionRewriter;
  /** Sees what the rewriter takes and gives; closed with the session. */
  readonly tap?: RewriterTap;
  /** Whether octets are relayed as they are, and the rewriter runs beside for its reports. */
  readonly observe: boolean;
  readonly pool: BufferPool;
  readonly limits: SessionLimits;
  readonly counters: ProxyCounters;
  readonly openedAt: Date;
  readonly report: ReportOfSession;
  /** Called once it has ended, before its `run` resolves. */
  readonly onEnd?: (id: string, outcome: SessionOutcome) => void;
}

/** What is different for a session from one message to the next; it takes a new transport session to the collector. */
export interface SessionMove {
  readonly dial: Dial;
  /** Whether the session is observed only. */
  readonly observe: boolean;
  /** Whether what goes out is made for something else than before, so that what was not taken yet is of no use. */
  readonly renew: boolean;
  readonly collector: CollectorFacts;
}
