import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import { increment } from "../../mediation/templates/counters.ts";

/**
 * How an exporter's session ended. `closed`: the exporter closed it in order; `drained`: the proxy closed it while
 * draining; `reset`: the exporter's connection broke; `rejected`: it sent a malformed message; `refused`: never opened,
 * for the session limit; `collector_unavailable`: no collector within `hold`; `partial_message`, `idle`: that time
 * limit was exceeded; `administrator`: closed on request; `evicted`: it made room for another, as no place was free;
 * `failed`: an internal error.
 */
export type SessionOutcome =
  | "closed"
  | "drained"
  | "reset"
  | "rejected"
  | "refused"
  | "collector_unavailable"
  | "partial_message"
  | "idle"
  | "administrator"
  | "evicted"
  | "failed";

/**
 * The result of an attempt to connect to the collector, `connected` or `failed`; `lost` counts connections that broke
 * later.
 */
export type CollectorOutcome = "connected" | "failed" | "lost";

/** Counts sessions and collector connections. Each session counts its own messages and records. */
export class ProxyCounters {
  /** Ended sessions, by transport and outcome. */
  readonly sessions: Map<TransportProtocol, Map<SessionOutcome, number>> = new Map();
  readonly collectorConnections: Map<CollectorOutcome, number> = new Map();
  /** The most recent outcome, over all sessions. */
  lastCollectorOutcome: CollectorOutcome | undefined;
  /** Connections that replaced a lost one. */
  collectorReconnects = 0;
  replayedTemplates = 0;
  /** Upper bound of the records lost with broken connections. */
  recordsPossiblyLost = 0;

  countCollector(outcome: CollectorOutcome): void {
    this.lastCollectorOutcome = outcome;
    increment(this.collectorConnections, outcome);
  }

  countSession(transport: TransportProtocol, outcome: SessionOutcome): void {
    let outcomes = this.sessions.get(transport);
    if (outcomes === undefined) this.sessions.set(transport, outcomes = new Map());
    increment(outcomes, outcome);
  }
}
