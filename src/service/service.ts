import { type AdminServer, startAdmin } from "../admin/start_admin.ts";
import { type Configuration, isClusterTls } from "../config/configuration.ts";
import { ConfigurationError } from "../config/yaml/mistake.ts";
import { FileWatch } from "../config/file_watch.ts";
import { configureLogging, overrideLogging } from "../logging.ts";
import { type Clock, pause, SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import type { BoundListener } from "../proxy/proxy.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import { TemplateCache } from "../proxy/transport/udp/template_cache.ts";
import { readTextFile, readTextFileNow } from "../text_file.ts";
import { certificateFiles, type Loaded, loadWatched, Reloader } from "./reloader.ts";
import { PluginHost } from "../plugin_process/plugin_host.ts";
import { ServedProxy, type ServedProxyOptions, servedProxyOptions } from "./served_proxy.ts";
import { Cluster, openAccess } from "./cluster.ts";
import { formatSocketAddress, type SocketAddress } from "../config/yaml/socket_address.ts";
import { errorMessage, systemReason } from "../error_message.ts";
import { TlsEndpoints } from "./tls_files.ts";

/** How long an admin server that moved may finish its responses, in milliseconds. */
const ADMIN_GRACE = 1_000;

/** How long a cluster that a changed configuration names may lack something, in milliseconds. */
const CLUSTER_MILLISECONDS = 10_000;

/** A proxy and its admin server, which follow a configuration file. */
export class Service {
  readonly served: ServedProxy;
  readonly reloader: Reloader;
  readonly #report: ReportEvent;
  readonly #clock: Clock;
  #configuration: Configuration;
  #endpoints: TlsEndpoints;
  #cache: TemplateCache | undefined;
  #admin: AdminServer | undefined;
  #watch: FileWatch | undefined;
  #cluster: Cluster | undefined;

  private constructor(
    configuration: Configuration,
    { options, endpoints, cluster }: Prepared,
    cache: TemplateCache | undefined,
    report: ReportEvent,
    clock: Clock,
  ) {
    this.#configuration = configuration;
    this.#endpoints = endpoints;
    this.#cluster = cluster;
    this.#report = report;
    this.#clock = clock;
    this.reloader = new Reloader(configuration.file, configuration, {
      load: () => this.#load(),
      apply: (next) => this.#apply(next),
      separate: certificateFiles,
      refresh: () => this.#endpoints.refresh(),
      date: () => clock.date(),
      // Through the served proxy, so that the event stream carries it too.
      report: (event) => this.served.report(event),
    });
    this.served = new ServedProxy(
      options,
      report,
      {
        reload: () => this.reloader.reload("request"),
        outcomes: this.reloader.outcomes,
        refused: () => this.reloader.refused,
      },
      (...of) => this.#cache?.recall(...of),
      () => this.#cache,
    );
    this.#follow(cache);
    // Ending sessions lose their templates, so the cache is completed before.
    void this.served.drainBegun.then(() => this.#cache?.finish());
    void this.served.drainBegun.then(() => this.#cluster?.stopPublishing());
  }

  /**
   * Prepares everything that serving needs. Binds and writes nothing.
   *
   * @throws Error that names what is missing, one line each
   */
  static async open(configuration: Configuration, report: ReportEvent, clock: Clock = SYSTEM_CLOCK): Promise<Service> {
    const prepared = await prepare(configuration, report, clock);
    try {
      const { cache } = configuration;
      const opened = cache === undefined ? undefined : await TemplateCache.open(cache, clock, report);
      return new Service(configuration, prepared, opened, report, clock);
    } catch (error) {
      await release(prepared);
      throw error;
    }
  }

  /**
   * Binds all addresses and returns them. Where the cluster lacks something, the admin server alone; the listeners
   * follow with {@link serve}.
   *
   * @throws Error that names all that cannot be bound, a line each; then nothing is
   */
  async start(): Promise<{ readonly listeners: readonly BoundListener[]; readonly admin: AdminServer }> {
    const failures: string[] = [];
    let listeners: readonly BoundListener[] = [];
    try {
      listeners = await this.served.start();
    } catch (error) {
      failures.push(errorMessage(error));
    }
    try {
      this.#admin = await this.#startAdmin(this.#configuration.admin.address);
    } catch (error) {
      failures.push(errorMessage(error));
    }
    if (failures.length > 0 || this.#admin === undefined) throw new Error(failures.join("\n"));
    return { listeners, admin: this.#admin };
  }

  /** @throws Error that names the address */
  async #startAdmin(address: SocketAddress): Promise<AdminServer> {
    try {
      const allowedHosts = () => this.#configuration.admin.hosts;
      return await startAdmin(this.served.view, { ...address, allowedHosts });
    } catch (error) {
      throw new Error(`admin.address: cannot listen on ${formatSocketAddress(address)}: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * Waits until the cluster has what serving needs, binds the listeners then, and returns their addresses; undefined
   * where a drain begins first.
   *
   * @throws Error that names what cannot be bound
   */
  async serve(): Promise<readonly BoundListener[] | undefined> {
    const cluster = this.#cluster;
    if (cluster !== undefined) {
      await Promise.race([cluster.ready, this.served.drainBegun]);
      if (this.served.view.draining) return undefined;
      await this.reloader.exclusively(() => this.#takeUpCluster(cluster));
    }
    return this.served.proxy.addresses();
  }

  /** Follows the files from now on. @param files the content of each when the configuration was read */
  follow(files: Loaded["files"]): void {
    this.#watch = new FileWatch(this.#clock, (paths) => void this.reloader.changed(paths));
    this.reloader.follow(this.#watch, files);
  }

  /** Ends the rest once the proxy is closed. */
  async close(): Promise<void> {
    this.#watch?.close();
    this.#configuration.close();
    this.#endpoints.close();
    await this.#cluster?.restore();
    await this.#cluster?.[Symbol.asyncDispose]();
    await this.#cache?.close();
    await this.#admin?.close();
  }

  /** Switches to another template cache, or to none. */
  #follow(cache: TemplateCache | undefined): void {
    void this.#cache?.close();
    this.#cache = cache;
    cache?.follow(() => this.served.proxy.cachedExporters());
  }

  /** Serves with what the cluster has said since the configuration was read, and follows the release from then on. */
  async #takeUpCluster(cluster: Cluster): Promise<void> {
    if (!this.served.view.ready) {
      const { file } = this.#configuration;
      const plugins = pluginHost(this.#report);
      const { configuration } = await loadWatched(file, readTextFile, cluster.automaticProfile, plugins);
      if (configuration instanceof Error) throw configuration;
      await this.#apply(configuration);
    }
    this.#followRelease(cluster);
  }

  /** Tells the proxy of the Aggregator's release and process, as the cluster shows them. */
  #followRelease(cluster: Cluster): void {
    // A process that was there before its release was known does not have to restart for its profile to hold.
    const adopt = async () => {
      const { nextProfile } = this.served.view.collector;
      if (cluster.automaticProfileRuns && nextProfile === cluster.automaticProfile) await this.served.adoptNext();
    };
    cluster.announceTo(() => void this.reloader.reload("release").then(() => this.reloader.exclusively(adopt)));
    cluster.onProcess(() => {
      this.served.announceEpoch("the cluster shows another process of it");
      void this.reloader.exclusively(adopt);
    });
  }

  /** Reads the configuration again. One whose certificates are not valid is refused while those in use are. */
  async #load(): Promise<Loaded> {
    const plugins = pluginHost(this.#report);
    const loaded = await loadWatched(
      this.#configuration.file,
      readTextFileNow,
      this.#cluster?.automaticProfile,
      plugins,
    );
    const { configuration } = loaded;
    if (configuration instanceof Error || this.#endpoints.faults().length > 0) return loaded;
    const mistakes = configuration.certificates.flatMap(({ mistakes }) => mistakes);
    if (mistakes.length === 0) return loaded;
    configuration.close();
    return { ...loaded, configuration: new ConfigurationError(mistakes, configuration.files) };
  }

  /** Applies the whole configuration, or nothing of it. */
  async #apply(configuration: Configuration): Promise<void> {
    const logging = overrideLogging(configuration.log);
    const prepared = await prepare(configuration, this.#report, this.#clock, this.#cluster);
    const { options, endpoints, cluster } = prepared;
    const [before, { address }] = [this.#configuration.admin.address, configuration.admin];
    const moves = before.hostname !== address.hostname || before.port !== address.port;
    const { cache } = configuration;
    const cacheChanges = JSON.stringify(cache) !== JSON.stringify(this.#configuration.cache);
    let admin: AdminServer | undefined;
    let opened: TemplateCache | undefined;
    try {
      if (cacheChanges && cache !== undefined) opened = await TemplateCache.open(cache, this.#clock, this.#report);
      if (moves) admin = await this.#startAdmin(address);
      await this.served.reconfigure(options);
    } catch (error) {
      await release(prepared, this.#cluster);
      await opened?.close();
      await admin?.close();
      throw error;
    }
    if (cacheChanges) this.#follow(opened);
    await release({ endpoints: this.#endpoints, cluster: this.#cluster }, cluster);
    this.#endpoints = endpoints;
    if (cluster !== this.#cluster && cluster !== undefined) this.#followRelease(cluster);
    this.#cluster = cluster;
    this.#configuration.close();
    this.#configuration = configuration;
    configureLogging(logging);
    if (admin === undefined) return;
    const left = this.#admin;
    this.#admin = admin;
    this.#clock.after(ADMIN_GRACE, () => void left?.close());
  }
}

/**
 * Prepares what {@link Service.open} prepares, such as certificates, and releases it again. Binds and writes nothing,
 * and asks no cluster.
 *
 * @throws Error that names what is missing, one line each
 */
export async function rehearse(configuration: Configuration): Promise<void> {
  // The other way to the cluster, a Pod's service account, need not be on the machine that checks.
  if (configuration.kubernetes?.kubeconfig !== undefined) await openAccess(configuration.kubernetes, SYSTEM_CLOCK);
  const endpoints = new TlsEndpoints(() => {});
  try {
    for (const listener of configuration.listeners) {
      if (listener.tls === undefined || !isClusterTls(listener.tls)) await endpoints.listener(listener);
    }
    for (const collector of configuration.collectors) {
      if (collector.tls === undefined || !isClusterTls(collector.tls)) await endpoints.collector(collector);
    }
  } finally {
    endpoints.close();
  }
}

/** What has to be released again. */
interface Prepared {
  readonly options: ServedProxyOptions;
  readonly endpoints: TlsEndpoints;
  readonly cluster: Cluster | undefined;
}

/**
 * Prepares what serving needs.
 *
 * @param before the cluster that is followed already, which goes on where the configuration asks for the same of it
 */
async function prepare(
  configuration: Configuration,
  report: ReportEvent,
  clock: Clock,
  before?: Cluster,
): Promise<Prepared> {
  const cluster = before?.serves(configuration) === true
    ? before
    : await openCluster(configuration, report, clock, before);
  const endpoints = new TlsEndpoints(report, cluster?.trust, clock);
  try {
    return { options: await servedProxyOptions(configuration, endpoints, cluster), endpoints, cluster };
  } catch (error) {
    await release({ endpoints, cluster }, before);
    throw error;
  }
}

/**
 * A running proxy does not begin to wait: a cluster that another configuration names has what it needs soon, or is
 * refused.
 */
async function openCluster(
  configuration: Configuration,
  report: ReportEvent,
  clock: Clock,
  before: Cluster | undefined,
): Promise<Cluster | undefined> {
  const cluster = await Cluster.open(configuration, report, clock);
  if (cluster === undefined || before === undefined) return cluster;
  const ending = new AbortController();
  await Promise.race([cluster.ready, pause(clock, CLUSTER_MILLISECONDS, ending.signal)]);
  ending.abort();
  const { waitingFor } = cluster;
  if (waitingFor === "") return cluster;
  await cluster[Symbol.asyncDispose]();
  throw new Error(`kubernetes: it lacks ${waitingFor}`);
}

/** Releases what was prepared; the cluster only where it is another one than that which goes on. */
async function release({ endpoints, cluster }: Omit<Prepared, "options">, staying?: Cluster): Promise<void> {
  endpoints.close();
  if (cluster !== staying) await cluster?.[Symbol.asyncDispose]();
}

/** Starts plugins' processes, whose output becomes events. */
export function pluginHost(report: ReportEvent): PluginHost {
  return new PluginHost((plugin, line) =>
    report({ level: "info", event: "plugin_output", message: `${plugin}: ${line}`, fields: { plugin } })
  );
}
