import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import { increment } from "../../mediation/templates/counters.ts";

/**
 * How an exporter's session ended. `closed`: the exporter closed it in order; `drained`: the proxy did, on its own end;
 * `reset`: the exporter was torn away; `rejected`: it sent a broken message; `refused`: past the cap, never let in;
 * `collector_unavailable`: no collector within `hold`; `partial_message`, `idle`: past that time limit; `administrator`: closed on
 * request; `evicted`: a UDP source that made room for a newer one; `failed`: a fault of this program.
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

/** What became of an attempt to connect to the collector: `connected`, or `failed`; `lost` counts connections that ended there. */
export type CollectorOutcome = "connected" | "failed" | "lost";

/** What the proxy counts beside what every session counts of its messages. */
export class ProxyCounters {
  /** Ended sessions: transport → outcome → how many. */
  readonly sessions: Map<TransportProtocol, Map<SessionOutcome, number>> = new Map();
  readonly collectorConnections: Map<CollectorOutcome, number> = new Map();
  /** What last happened to any connection to the collector. */
  lastCollectorOutcome: CollectorOutcome | undefined;
  /** Connections that took the place of a lost one. */
  collectorReconnects = 0;
  replayedTemplates = 0;
  /** Upper bound of the records that went down with lost collector connections. */
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
