import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import type { ProxyCounters } from "../reporting/proxy_counters.ts";
import type { Candidates, CandidateStep } from "./candidates.ts";
import type { Collector } from "./collector.ts";
import type { Expectation } from "./expectation.ts";
import type { CollectorCondition } from "./reachability.ts";

/** State of the collector in use. */
export interface CollectorState {
  readonly address: string;
  readonly transport: TransportProtocol;
  readonly state: CollectorCondition;
  /** Whether it is connected. */
  readonly up: boolean;
  /** When the state began. */
  readonly since: Date;
  /** Why it cannot be reached. */
  readonly reason: string | undefined;
  /** Epochs that have begun; see {@link Collector}. */
  readonly epoch: number;
  /** What it is expected to be; undefined if nothing is configured. */
  readonly profile: string | undefined;
  /** What it is expected to be from its next epoch on, if that is something else. */
  readonly nextProfile: string | undefined;
  readonly dialect: string | undefined;
  /** Whether it accepts exporters of this transport itself, without a conversion between gRPC and IPFIX. */
  readonly takes: (transport: TransportProtocol) => boolean;
  /** Where its profile is not known: what it may be, how often another of these was tried, and the last time. */
  readonly candidates:
    | { readonly profiles: readonly string[]; readonly steps: number; readonly lastStep: CandidateStep | undefined }
    | undefined;
  /** Connections that replaced a lost one; like all further counts, of all collectors together. */
  readonly reconnects: number;
  readonly connections: ReadonlyMap<string, number>;
  readonly replayedTemplates: number;
  /** Sessions that go there and whose exporters are connected. */
  readonly sessions: number;
  /** Octets held in the proxy because no collector is connected. */
  readonly heldOctets: number;
  /** Data records received from its sessions that are neither sent nor dropped yet. */
  readonly recordsInHand: number;
  /** Upper bound of the records lost with broken connections. */
  readonly recordsPossiblyLost: number;
}

/** Combines the state of the collector, its sessions and the counters. */
export function collectorState(
  { address, transport, condition, up, since, reason, epoch }: Collector,
  sessions: Iterable<{ readonly heldOctets: number; readonly recordsInHand: number; readonly closing: boolean }>,
  counters: ProxyCounters,
  { current, next, candidates, takes }: {
    readonly current: Expectation | undefined;
    readonly next: Expectation | undefined;
    readonly candidates: Candidates | undefined;
    readonly takes: CollectorState["takes"];
  },
): CollectorState {
  let [open, heldOctets, recordsInHand] = [0, 0, 0];
  for (const session of sessions) {
    heldOctets += session.heldOctets;
    recordsInHand += session.recordsInHand;
    if (!session.closing) open++;
  }
  return {
    address,
    transport,
    state: condition,
    up,
    since,
    reason,
    epoch,
    profile: current?.profile,
    nextProfile: next?.profile,
    dialect: current?.dialect,
    takes,
    candidates: candidates === undefined ? undefined : {
      profiles: candidates.names,
      steps: candidates.steps.count,
      lastStep: candidates.steps.last,
    },
    reconnects: counters.collectorReconnects,
    connections: counters.collectorConnections,
    replayedTemplates: counters.replayedTemplates,
    sessions: open,
    heldOctets,
    recordsInHand,
    recordsPossiblyLost: counters.recordsPossiblyLost,
  };
}
