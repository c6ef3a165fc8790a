import { EventFeed } from "../admin/view/event_feed.ts";
import { proxyView } from "../admin/view/proxy_view.ts";
import type {
  AdminView,
  CertificateView,
  ConfigurationView,
  RefusedConfigurationView,
  ReloadResult,
  TemplateCacheView,
} from "../admin/view/view.ts";
import { antreaEras, detectAntreaRelease } from "../config/profiles/antrea_eras.ts";
import type {
  CollectorPlan,
  CollectorSettings,
  CollectorTreatments,
  Configuration,
  Limits,
  Mode,
} from "../config/configuration.ts";
import { Fingerprints } from "../mediation/session/shared/fingerprints.ts";
import type { CandidateOptions } from "../proxy/collector/candidates.ts";
import type { Expectation } from "../proxy/collector/expectation.ts";
import { registryHistory } from "../config/profiles/registries.ts";
import { Mediator, type MediatorOptions } from "../mediation/session/mediator.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { type BoundListener, Proxy } from "../proxy/proxy.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import type { ProxyLimits, ProxyOptions } from "../proxy/proxy_options.ts";
import type { CollectorOptions } from "../proxy/collector/collector_options.ts";
import type { ListenerOptions } from "../proxy/transport/listener.ts";
import { describe } from "../config/configuration_description.ts";
import type { Recall } from "../proxy/transport/udp/cached_exporter.ts";
import { formatSocketAddress, parseSocketAddress } from "../config/yaml/socket_address.ts";
import { writtenLimit } from "../config/written_quantities.ts";
import type { Cluster } from "./cluster.ts";
import type { TlsEndpoints } from "./tls_files.ts";
import { processMemory } from "./process_memory.ts";
import { logLinesDropped } from "../logging.ts";
import { VERSION } from "../version.ts";

/** The mediator's part of a configuration. */
export function mediatorOptions({ chooseTreatment, limits, ledger }: Configuration): MediatorOptions {
  const { templatesPerSession, templates, templateMemory, observationDomainsPerSession } = limits;
  return {
    chooseTreatment,
    registryHistory: registryHistory(),
    detectRelease: (template) => detectAntreaRelease(template)?.profile,
    limits: { templatesPerSession, templates, templateMemory, observationDomainsPerSession },
    keepLostValues: ledger.values,
  };
}

/** Equal keys: collectors of which the same is expected, for every exporter. */
function expectationKey({ treatment, peers }: CollectorTreatments): string {
  const fingerprints = new Fingerprints();
  const base = fingerprints.expectation(treatment.profile);
  const others = peers.map(({ matchText, treatment: { profile } }) => [matchText, fingerprints.expectation(profile)])
    .filter(([, expectation]) => expectation !== base);
  return JSON.stringify([base, others]);
}

function configurationView(configuration: Configuration): ConfigurationView {
  const names = Object.keys(configuration.limits) as (keyof Limits)[];
  return {
    ...describe(configuration),
    limits: Object.fromEntries(names.map((name) => [name, writtenLimit(configuration, name)])),
  };
}

/** The options of a served proxy. */
export interface ServedProxyOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly collector: CollectorOptions;
  /** What the collector expects, unless a peer rule says otherwise. */
  readonly profile: Profile;
  /** Equal keys, equal expectations of the collector; the profile's name if it is missing. */
  readonly expectationKey?: string;
  /** Whether another profile takes effect at once, and not with the collector's next epoch. */
  readonly switchNow?: boolean;
  /** What the collector may be, where nobody says so. */
  readonly candidates?: { readonly list: readonly CollectorTreatments[]; readonly acceptedAfter: number };
  /** The collectors that only some exporters have, with their keys; see {@link choose}. */
  readonly others?: readonly {
    readonly key: string;
    readonly collector: CollectorOptions;
    readonly plan: CollectorPlan;
  }[];
  /** Decides for each session; see {@link ProxyOptions.choose}. */
  readonly choose?: ProxyOptions["choose"];
  readonly mode: Mode;
  readonly mediation: MediatorOptions;
  readonly limits?: Partial<ProxyLimits>;
  /** Read at each scrape. */
  readonly certificates?: Iterable<CertificateView>;
  /** Certificates in use that are not valid now, in words. */
  readonly certificateFaults?: () => readonly string[];
  /** Milliseconds; see {@link ProxyOptions.skewSettle}. */
  readonly skewSettle?: number;
  /** What the dashboard shows of the configuration. */
  readonly configuration?: ConfigurationView;
  /** What the proxy runs in front of, where that is in a cluster. */
  readonly cluster?: Pick<Cluster, "view" | "agents">;
  /** The listeners are still to come: something is missing in the cluster. */
  readonly isWaiting?: boolean;
}

/**
 * The options for a configuration.
 *
 * @param cluster while it lacks something, the proxy listens nowhere
 * @throws Error that names the certificate and what is wrong with it
 */
export async function servedProxyOptions(
  configuration: Configuration,
  endpoints: TlsEndpoints,
  cluster?: Cluster,
): Promise<ServedProxyOptions> {
  const { listeners, mode, limits, plans: [top, ...others] } = configuration;
  const { sessions, templateChanges, messageMemory, memory, hold, idle, udpIdle, partialMessage, drain, handshake } =
    limits;
  const isWaiting = (cluster?.waitingFor ?? "") !== "";
  return {
    listeners: isWaiting ? [] : await Promise.all(listeners.map((listener) => endpoints.listener(listener))),
    isWaiting,
    ...(cluster === undefined ? {} : { cluster }),
    collector: await endpoints.collector(top.collector),
    profile: top.treatment.profile,
    expectationKey: expectationKey(top),
    switchNow: top.switch === "now",
    ...(top.candidates.length === 0 ? {} : { candidates: { list: top.candidates, acceptedAfter: top.acceptedAfter } }),
    others: await Promise.all(others.map(async (plan) => {
      return { key: keyOf(plan.collector), collector: await endpoints.collector(plan.collector), plan };
    })),
    choose: (exporter) => {
      const plan = configuration.chooseSession(exporter);
      if (plan === "undecided") return plan;
      return { mode: plan.mode, collector: plan.collector === top.collector ? undefined : keyOf(plan.collector) };
    },
    mode,
    mediation: { ...mediatorOptions(configuration), chooseTreatment: top.chooseTreatment },
    limits: { sessions, templateChanges, messageMemory, memory, hold, idle, udpIdle, partialMessage, drain, handshake },
    certificates: { [Symbol.iterator]: () => endpoints.certificates()[Symbol.iterator]() },
    certificateFaults: () => endpoints.faults(),
    skewSettle: configuration.admin.skewSettle,
    configuration: configurationView(configuration),
  };
}

/** By which a collector is known: `tcp 127.0.0.1:4739`. */
function keyOf({ transport, address }: CollectorSettings): string {
  return `${transport} ${formatSocketAddress(address)}`;
}

/** How a served proxy's configuration is reloaded. */
export interface Reloading {
  readonly reload: () => Promise<ReloadResult>;
  readonly outcomes: ReadonlyMap<string, number>;
  /** The configuration that was refused, until a good one is loaded. */
  readonly refused: () => RefusedConfigurationView | undefined;
}

/** A running proxy with its view for the admin server and its drain. */
export class ServedProxy {
  readonly proxy: Proxy;
  readonly view: AdminView;
  /** Receives events, for the log and the event stream. */
  readonly report: ReportEvent;
  readonly #mediator: Mediator;
  #options: ServedProxyOptions;
  #ready = false;
  #drained: Promise<void> | undefined;
  #beginDrain = () => {};
  readonly #drainBegun = new Promise<void>((resolve) => this.#beginDrain = resolve);

  /**
   * @param report receives all events, for the log
   * @param recall recalls what UDP exporters announced before the start
   * @param reloading how the configuration is reloaded, and the outcomes so far; without it, there is no reload
   */
  constructor(
    options: ServedProxyOptions,
    report: ReportEvent,
    reloading?: Reloading,
    recall?: Recall,
    templateCache?: () => TemplateCacheView | undefined,
  ) {
    const { listeners, collector, mode, mediation, limits, skewSettle } = this.#options = options;
    const events = new EventFeed();
    this.report = (event) => {
      report(event);
      events.publish(event);
    };
    this.#mediator = new Mediator(mediation);
    const memory = processMemory();
    this.proxy = new Proxy({
      listeners,
      collector,
      expectation: this.#expectation(options),
      ...this.#candidates(options),
      ...this.#others(options),
      mode,
      mediator: this.#mediator,
      ...(limits === undefined ? {} : { limits }),
      ...(skewSettle === undefined ? {} : { skewSettle }),
      certificateFault: () => this.#options.certificateFaults?.()[0],
      ...(recall === undefined ? {} : { recall }),
      ...(memory === undefined ? {} : { memory }),
      report: this.report,
    });
    const now = () => this.#options;
    this.view = proxyView(this.proxy, {
      version: VERSION,
      startedAt: new Date(),
      events,
      drain: () => void this.drained("POST /api/drain received"),
      ready: () => this.#ready && now().isWaiting !== true,
      configuration: () => now().configuration,
      rulesOf: (key) => now().others?.find((other) => other.key === key)?.plan.rules ?? [],
      logLinesDropped,
      releaseRange: (profile) => antreaEras().find((era) => era.profile === profile)?.range,
      certificates: () => now().certificates ?? [],
      certificateFaults: () => now().certificateFaults?.() ?? [],
      templateCache: () => templateCache?.(),
      cluster: () => now().cluster?.view,
      agentOf: ({ peer, certificateName, observationDomains }) =>
        now().cluster?.agents.find({
          address: parseSocketAddress(peer)?.hostname ?? peer,
          ...(certificateName === undefined ? {} : { certificateName }),
          observationDomains,
        }),
      ...(reloading === undefined
        ? {}
        : { reload: reloading.reload, configReloads: reloading.outcomes, refusedConfiguration: reloading.refused }),
    });
  }

  /**
   * Applies other options, as {@link Proxy.reconfigure} does.
   *
   * @throws Error that names what cannot be applied; then nothing has changed
   */
  async reconfigure(options: ServedProxyOptions): Promise<void> {
    const { listeners, collector, mode, mediation, limits, skewSettle } = options;
    await this.proxy.reconfigure({
      listeners,
      collector,
      expectation: this.#expectation(options),
      ...this.#candidates(options),
      ...this.#others(options),
      // While it waited for its trust or for the release, no exporter was let in, and nothing was sent.
      switchNow: options.switchNow === true || this.#options.isWaiting === true,
      mode,
      ...(limits === undefined ? {} : { limits }),
      ...(skewSettle === undefined ? {} : { skewSettle }),
      mediate: () => {
        const { limits, keepLostValues = false } = mediation;
        this.#mediator.reconfigure({ ...(limits === undefined ? {} : { limits }), keepLostValues });
        if (mediation.keepLostValues !== true) this.proxy.forgetLostValues();
        this.#options = options;
      },
    });
  }

  /** The collector's process that runs is known to be what was expected of the next one. */
  adoptNext(): Promise<void> {
    return this.proxy.adoptNext();
  }

  /**
   * The collector's process is known to be another one: a container that has restarted. See {@link
   * Collector.announceEpoch}.
   */
  announceEpoch(reason: string): void {
    this.proxy.announceEpoch(reason);
  }

  #expectation({ collector, profile, expectationKey = profile.name, mediation }: ServedProxyOptions): Expectation {
    return {
      profile: profile.name,
      dialect: profile.dialect.name,
      key: expectationKey,
      servesGrpc: profile.servesGrpc === true,
      ...(collector.transport === "udp" ? { maxMessageLength: profile.dialect.maxDatagram } : {}),
      adopt: (knowledge) => this.#mediator.treat(mediation.chooseTreatment, knowledge),
    };
  }

  #candidates(options: ServedProxyOptions): { readonly candidates?: CandidateOptions } {
    if (options.candidates === undefined) return {};
    const { list, acceptedAfter } = options.candidates;
    return { candidates: { list: list.map((one) => this.#expectationOf(one, options)), acceptedAfter } };
  }

  #others(options: ServedProxyOptions): Pick<ProxyOptions, "others" | "choose"> {
    const { others = [], choose } = options;
    return {
      others: others.map(({ key, collector, plan }) => {
        const own = { ...options, collector };
        const { candidates: list, acceptedAfter } = plan;
        return {
          key,
          collector,
          expectation: this.#expectationOf(plan, own),
          switchNow: plan.switch === "now" || this.#options.isWaiting === true,
          ...(list.length === 0 ? {} : this.#candidates({ ...own, candidates: { list, acceptedAfter } })),
        };
      }),
      ...(choose === undefined ? {} : { choose }),
    };
  }

  #expectationOf(treatments: CollectorTreatments, options: ServedProxyOptions): Expectation {
    const { chooseTreatment, treatment: { profile } } = treatments;
    const mediation = { ...options.mediation, chooseTreatment };
    return this.#expectation({ ...options, profile, mediation, expectationKey: expectationKey(treatments) });
  }

  /** Binds all listeners, or none. @throws Error that names the address that cannot be bound */
  async start(): Promise<readonly BoundListener[]> {
    await this.proxy.start();
    this.#ready = true;
    return this.proxy.addresses();
  }

  /** Resolves when a drain has begun, whatever caused it. */
  get drainBegun(): Promise<void> {
    return this.#drainBegun;
  }

  /**
   * Starts the drain, or joins the current one. Resolves when all sessions are closed.
   *
   * @param cause what asked for it, for the log
   */
  drained(cause = "asked to"): Promise<void> {
    if (this.#drained === undefined) {
      const message = `${cause}: no new sessions; open ones may end`;
      this.report({ level: "info", event: "draining", message, fields: {} });
      this.#drained = this.proxy.drain();
      this.#beginDrain();
    }
    return this.#drained;
  }

  /** Closes everything immediately. */
  close(): Promise<void> {
    this.#ready = false;
    return this.proxy.close();
  }
}
