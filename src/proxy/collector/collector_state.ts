import type { ProxyCounters } from "../reporting/proxy_counters.ts";
import { formatAddress } from "../transport/address.ts";
import type { CollectorOptions } from "./collector_options.ts";

/** The collector as all sessions together see it. */
export interface CollectorState {
  readonly address: string;
  /** `idle`: no connection was tried yet. */
  readonly state: "idle" | "connected" | "away";
  /** Whether a session is connected to it, or the last connection attempt succeeded. */
  readonly up: boolean;
  /** Connections that replaced a lost one. */
  readonly reconnects: number;
  readonly connections: ReadonlyMap<string, number>;
  readonly replayedTemplates: number;
  /** Octets held in the proxy because no collector is connected. */
  readonly heldOctets: number;
  /** Upper bound of the records lost with broken connections. */
  readonly recordsPossiblyLost: number;
}

/** What one session knows of the collector. */
interface CollectorUse {
  readonly connected: boolean;
  readonly heldOctets: number;
}

/** Sums up what all sessions know of the collector. */
export function collectorState(
  { address }: CollectorOptions,
  sessions: Iterable<CollectorUse>,
  counters: ProxyCounters,
): CollectorState {
  let heldOctets = 0;
  let up = counters.lastCollectorOutcome === "connected";
  for (const session of sessions) {
    heldOctets += session.heldOctets;
    up ||= session.connected;
  }
  return {
    address: formatAddress(address),
    state: up ? "connected" : counters.lastCollectorOutcome === undefined ? "idle" : "away",
    up,
    reconnects: counters.collectorReconnects,
    connections: counters.collectorConnections,
    replayedTemplates: counters.replayedTemplates,
    heldOctets,
    recordsPossiblyLost: counters.recordsPossiblyLost,
  };
}
