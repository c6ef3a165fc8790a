import type { CollectorState, Proxy } from "../../proxy/proxy.ts";
import type { EventFeed } from "./event_feed.ts";
import type {
  AdminView,
  CertificateView,
  ClusterView,
  CollectorView,
  ConfigurationView,
  RefusedConfigurationView,
  SessionOutcome,
  TemplateCacheView,
} from "./view.ts";

/** What the admin side shows beyond what the proxy itself knows. */
export interface ProxyFacts {
  readonly version: string;
  readonly startedAt: Date;
  /** Where the proxy's events are published. */
  readonly events: EventFeed;
  /** Called for `POST /api/drain`. The caller ends the program when the drain is done. */
  readonly drain: () => void;
  /** Whether all listeners are bound. */
  readonly ready: () => boolean;
  readonly reload?: AdminView["reload"];
  readonly configReloads?: ReadonlyMap<string, number>;
  /** Returns the configuration that was refused last, unless a good one was loaded since. */
  readonly refusedConfiguration?: () => RefusedConfigurationView | undefined;
  readonly logLinesDropped?: () => number;
  readonly certificates?: () => Iterable<CertificateView>;
  readonly certificateFaults?: () => readonly string[];
  readonly templateCache?: () => TemplateCacheView | undefined;
  /** Returns the configuration in force, which a reload may change. */
  readonly configuration?: () => ConfigurationView | undefined;
  /** The rules that name a collector by its key. */
  readonly rulesOf?: (key: string) => readonly string[];
  readonly releaseRange?: AdminView["releaseRange"];
  readonly cluster?: () => ClusterView | undefined;
  readonly agentOf?: AdminView["agentOf"];
}

function collectorView(
  { profile = "", dialect = "", ...state }: CollectorState,
  rules: readonly string[] = [],
): CollectorView {
  return { ...state, key: `${state.transport} ${state.address}`, profile, dialect, rules };
}

/** Returns the admin server's view of a running proxy. */
export function proxyView(proxy: Proxy, facts: ProxyFacts): AdminView {
  const { version, startedAt, events, reload, configReloads, certificates, releaseRange, agentOf } = facts;
  return {
    version,
    startedAt,
    get mode() {
      return proxy.mode;
    },
    get draining() {
      return proxy.draining;
    },
    get ready() {
      return facts.ready();
    },
    get collector() {
      return collectorView(proxy.collector());
    },
    get otherCollectors() {
      return [...proxy.otherCollectors()].map(([key, state]) => collectorView(state, facts.rulesOf?.(key)));
    },
    get verdict() {
      return proxy.verdict();
    },
    get skew() {
      return proxy.skew;
    },
    get memory() {
      return proxy.memory;
    },
    get handshakeFailures() {
      return proxy.counters.handshakeFailures;
    },
    get logLinesDropped() {
      return facts.logLinesDropped?.() ?? 0;
    },
    get failingHandshakes() {
      return proxy.failingHandshakes;
    },
    get refusedConfiguration() {
      return facts.refusedConfiguration?.();
    },
    sessions: () => [...proxy.sessions()],
    session: (id) => proxy.session(id),
    endedSessions: () => proxy.endedSessions(),
    endedSession: (id) => proxy.endedSession(id),
    counted: () => proxy.counted(),
    *sessionOutcomes(): Iterable<SessionOutcome> {
      for (const [transport, outcomes] of proxy.counters.sessions) {
        for (const [outcome, count] of outcomes) yield { transport, outcome, count };
      }
    },
    get configuration() {
      return facts.configuration?.();
    },
    drain: facts.drain,
    closeSession: (id) => proxy.closeSession(id),
    capture: (id, limits, stop) => proxy.capture(id, limits, stop),
    subscribe: (listener) => events.subscribe(listener),
    ...(reload === undefined ? {} : { reload }),
    ...(configReloads === undefined ? {} : { configReloads }),
    get certificates() {
      return certificates?.() ?? [];
    },
    get certificateFaults() {
      return facts.certificateFaults?.() ?? [];
    },
    get templateCache() {
      return facts.templateCache?.();
    },
    get cluster() {
      return facts.cluster?.();
    },
    ...(releaseRange === undefined ? {} : { releaseRange }),
    ...(agentOf === undefined ? {} : { agentOf }),
  };
}
