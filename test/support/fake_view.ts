import { unknownElement } from "../../src/ipfix/registry/information_element.ts";
import type { InformationElement } from "../../src/ipfix/registry/information_element.ts";
import { Counters } from "../../src/mediation/templates/counters.ts";
import type { TemplateMapping } from "../../src/mediation/mapping/template_mapping.ts";
import type {
  AdminEvent,
  AdminView,
  ClusterView,
  CollectorView,
  ConfigurationView,
  CountedView,
  EndedSessionView,
  FailingHandshakesView,
  MemoryView,
  RefusedConfigurationView,
  SessionView,
  SkewView,
  TemplateCacheView,
  VerdictView,
} from "../../src/admin/view/view.ts";

/** A proxy that does nothing but hold what a test puts into it. */
export class FakeView implements AdminView {
  version = "1.2.3";
  mode: "rewrite" | "observe" = "rewrite";
  startedAt = new Date("2026-01-01T00:00:00Z");
  draining = false;
  ready = true;
  collector: CollectorView = {
    address: "127.0.0.1:4739",
    since: new Date(0),
    reason: undefined,
    epoch: 1,
    nextProfile: undefined,
    candidates: undefined,
    state: "connected",
    up: true,
    profile: "antrea/v1.15",
    dialect: "go-ipfix-legacy",
    reconnects: 2,
    connections: new Map([["connected", 3], ["refused", 1]]),
    replayedTemplates: 4,
    recordsPossiblyLost: 6,
    heldOctets: 5,
    recordsInHand: 4,
  };
  verdict: VerdictView = { verdict: "not_needed", reason: "all 3 sessions are relayed unchanged" };
  skew: SkewView = { lastSeen: undefined, quiet: 60_000, settle: 10_000 };
  handshakeFailures = new Map<string, number>([["no_certificate", 0], ["listener_refused", 0]]);
  failingHandshakes?: FailingHandshakesView | undefined;
  refusedConfiguration?: RefusedConfigurationView | undefined;
  open: SessionView[] = [];
  /** The newest first. */
  gone: EndedSessionView[] = [];
  ended = new Counters();
  outcomes = [{ transport: "tcp" as const, outcome: "closed", count: 7 }];
  closed: string[] = [];
  listeners = new Set<(event: AdminEvent) => void>();
  reload?: AdminView["reload"] & (() => void);
  capture?: NonNullable<AdminView["capture"]>;
  configuration?: ConfigurationView | undefined;
  cluster?: ClusterView;
  agentOf?: NonNullable<AdminView["agentOf"]>;
  releaseRange?: (profile: string) => string | undefined;
  certificates: { role: string; validFrom: Date; expiresAt: Date }[] = [];
  certificateFaults: string[] = [];
  templateCache?: TemplateCacheView | undefined;
  memory?: MemoryView | undefined;

  sessions(): SessionView[] {
    return this.open;
  }

  session(id: string): SessionView | undefined {
    return this.open.find((session) => session.id === id);
  }

  endedSessions(): EndedSessionView[] {
    return this.gone;
  }

  endedSession(id: string): EndedSessionView | undefined {
    return this.gone.find((session) => session.id === id);
  }

  *counted(): Iterable<CountedView> {
    yield { counters: this.ended, observed: this.mode === "observe" };
    for (const session of this.open) yield { counters: session.counters, observed: session.observed };
  }

  sessionOutcomes() {
    return this.outcomes;
  }

  drain(): void {
    this.draining = true;
  }

  closeSession(id: string): boolean {
    if (this.session(id) === undefined) return false;
    this.closed.push(id);
    return true;
  }

  subscribe(listener: (event: AdminEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(event: AdminEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

function element(id: number, name: string, type: InformationElement["type"], length: number): InformationElement {
  return { ...unknownElement(0, id), name, type, length, known: true };
}

/**
 * packetDeltaCount, interfaceName and 56506/999 → interfaceName, packetDeltaCount, protocolIdentifier (6),
 * exporterIPv4Address.
 */
export function skewedMapping(): TemplateMapping {
  const packets = element(2, "packetDeltaCount", "unsigned64", 8);
  const name = element(82, "interfaceName", "string", 65535);
  return {
    source: {
      id: 256,
      scopeFieldCount: 0,
      fields: [
        { element: packets, length: 4 },
        { element: name, length: 65535 },
        { element: unknownElement(56506, 999), length: 2 },
      ],
    },
    fields: [
      { target: { element: name, length: 65535 }, value: { from: "record", index: 1 }, by: "match-order" },
      { target: { element: packets, length: 8 }, value: { from: "record", index: 0, convert: "widen" } },
      {
        target: { element: element(4, "protocolIdentifier", "unsigned8", 1), length: 1 },
        value: { from: "constant", octets: Uint8Array.of(6) },
        by: "pad-missing",
      },
      {
        target: { element: element(130, "exporterIPv4Address", "ipv4Address", 4), length: 4 },
        value: { from: "session", fact: "exporterIPv4Address" },
        by: "annotate-exporter",
      },
    ],
    stripped: new Map([[2, "strip-unknown"]]),
  };
}

/** A session with one template of {@link skewedMapping}, which has counted everything in its present mode. */
export function skewedSession(id: string, facts: Partial<SessionView> = {}): SessionView {
  const { counters = new Counters(), observed = false } = facts;
  return {
    id,
    peer: "10.1.2.3:40000",
    transport: "tcp",
    openedAt: new Date("2026-01-01T00:00:30Z"),
    closing: false,
    skewed: true,
    observed,
    counters,
    observedCounters: observed ? counters : new Counters(),
    rewrittenCounters: observed ? new Counters() : counters,
    templates: () => [{
      observationDomain: 7,
      template: 256,
      targetTemplate: 300,
      outcome: "rewritten",
      detectedProfile: "antrea/v2.0",
      mapping: skewedMapping(),
      records: 11,
    }],
    ...facts,
  };
}

/** The same session a minute after it was opened, when it has ended. */
export function endedSession(id: string, facts: Partial<EndedSessionView> = {}): EndedSessionView {
  return {
    ...skewedSession(id, facts),
    closing: true,
    endedAt: new Date("2026-01-01T00:01:30Z"),
    outcome: "closed",
    moreTemplates: 0,
    ...facts,
  };
}
