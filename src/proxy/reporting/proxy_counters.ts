import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import { increment } from "../../mediation/templates/counters.ts";

/**
 * How an exporter's session ended. `closed`: the exporter closed it in order; `drained`: the proxy closed it while
 * draining; `reset`: the exporter's connection broke; `rejected`: it sent a malformed message; `refused`: never opened,
 * because a limit was reached or the collector was away; `collector_unavailable`: no collector within `hold`;
 * `partial_message`, `idle`: that time limit was exceeded; `administrator`: closed on request; `evicted`: it made room
 * for others, see {@link ExhaustedLimit}; `failed`: an internal error.
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
 * The limit, by its key in `limits`, that leaves no room for an exporter: for it a session is `refused`, or `evicted`
 * to make room for others.
 */
export type ExhaustedLimit = "sessions" | "memory" | "templateMemory";

/**
 * The result of an attempt to connect to the collector, `connected` or `failed`; `lost` counts connections that broke
 * later.
 */
export type CollectorOutcome = "connected" | "failed" | "lost";

/**
 * Why a TLS handshake with an exporter failed. `no_certificate`: it shows none; `certificate_refused`: its certificate
 * was not issued by the listener's CA, is not valid today, or is not a client's; `listener_refused`: the exporter does
 * not accept the listener's certificate; `plain_ipfix`: it speaks IPFIX without TLS; `not_tls`: it speaks something
 * else; `no_common_version`: no common version, cipher suite or signature algorithm, or no HTTP/2 where gRPC is spoken;
 * `closed`: it left in the middle; `timeout`: it took too long; `limit`: too many handshakes are under way; `other`:
 * anything else.
 */
const HANDSHAKE_FAILURE_REASONS = [
  "no_certificate",
  "certificate_refused",
  "listener_refused",
  "plain_ipfix",
  "not_tls",
  "no_common_version",
  "closed",
  "timeout",
  "limit",
  "other",
] as const;

export type HandshakeFailureReason = (typeof HANDSHAKE_FAILURE_REASONS)[number];

/** Counts sessions and collector connections. Each session counts its own messages and records. */
export class ProxyCounters {
  /** Ended sessions, by transport and outcome. */
  readonly sessions: Map<TransportProtocol, Map<SessionOutcome, number>> = new Map();
  /** TLS handshakes with exporters that failed, for every reason. */
  readonly handshakeFailures = new Map<HandshakeFailureReason, number>(
    HANDSHAKE_FAILURE_REASONS.map((reason) => [reason, 0]),
  );
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
