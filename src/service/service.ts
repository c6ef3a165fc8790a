import { type AdminServer, startAdmin } from "../admin/start_admin.ts";
import type { Configuration } from "../config/configuration.ts";
import { FileWatch } from "../config/file_watch.ts";
import { configureLogging, overrideLogging } from "../logging.ts";
import { type Clock, SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import type { BoundListener } from "../proxy/proxy.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import { TemplateCache } from "../proxy/transport/udp/template_cache.ts";
import { certificateFiles, type Loaded, loadWatched, Reloader } from "./reloader.ts";
import { ServedProxy, type ServedProxyOptions, servedProxyOptions } from "./served_proxy.ts";
import { TlsEndpoints } from "./tls_files.ts";

/** How long an admin server that moved may finish its responses, in milliseconds. */
const ADMIN_GRACE = 1_000;

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

  private constructor(
    configuration: Configuration,
    options: ServedProxyOptions,
    endpoints: TlsEndpoints,
    cache: TemplateCache | undefined,
    report: ReportEvent,
    clock: Clock,
  ) {
    this.#configuration = configuration;
    this.#endpoints = endpoints;
    this.#report = report;
    this.#clock = clock;
    this.reloader = new Reloader(configuration.file, configuration, {
      load: () => loadWatched(configuration.file),
      apply: (next) => this.#apply(next),
      separate: certificateFiles,
      refresh: () => this.#endpoints.refresh(),
      // Through the served proxy, so that the event stream carries it too.
      report: (event) => this.served.report(event),
    });
    this.served = new ServedProxy(options, report, {
      reload: () => this.reloader.reload("request"),
      outcomes: this.reloader.outcomes,
    }, (...of) => this.#cache?.recall(...of));
    this.#follow(cache);
    // Ending sessions lose their templates, so the cache is completed before.
    void this.served.drainBegun.then(() => this.#cache?.finish());
  }

  /**
   * Prepares everything that serving needs. Binds and writes nothing.
   *
   * @throws Error that names what is missing, one line each
   */
  static async open(configuration: Configuration, report: ReportEvent, clock: Clock = SYSTEM_CLOCK): Promise<Service> {
    const { options, endpoints } = await prepare(configuration, report);
    try {
      const { cache } = configuration;
      const opened = cache === undefined ? undefined : await TemplateCache.open(cache, clock, report);
      return new Service(configuration, options, endpoints, opened, report, clock);
    } catch (error) {
      endpoints.close();
      throw error;
    }
  }

  /** Binds all addresses and returns them. @throws Error that names what cannot be bound; then nothing is */
  async start(): Promise<{ readonly listeners: readonly BoundListener[]; readonly admin: AdminServer }> {
    const listeners = await this.served.start();
    const { address } = this.#configuration.admin;
    return { listeners, admin: this.#admin = startAdmin(this.served.view, address) };
  }

  /** Follows the files from now on. @param files the content of each when the configuration was read */
  async follow(files: Loaded["files"]): Promise<void> {
    this.#watch = new FileWatch(this.#clock, (paths) => void this.reloader.changed(paths));
    await this.reloader.follow(this.#watch, files);
  }

  /** Ends the rest once the proxy is closed. */
  async close(): Promise<void> {
    this.#watch?.close();
    this.#endpoints.close();
    await this.#cache?.close();
    await this.#admin?.close();
  }

  /** Switches to another template cache, or to none. */
  #follow(cache: TemplateCache | undefined): void {
    void this.#cache?.close();
    this.#cache = cache;
    cache?.follow(() => this.served.proxy.cachedExporters());
  }

  /** Applies the whole configuration, or nothing of it. */
  async #apply(configuration: Configuration): Promise<void> {
    const logging = overrideLogging(configuration.log);
    const { options, endpoints } = await prepare(configuration, this.#report);
    const [before, { address }] = [this.#configuration.admin.address, configuration.admin];
    const moves = before.hostname !== address.hostname || before.port !== address.port;
    const { cache } = configuration;
    const cacheChanges = JSON.stringify(cache) !== JSON.stringify(this.#configuration.cache);
    let admin: AdminServer | undefined;
    let opened: TemplateCache | undefined;
    try {
      if (cacheChanges && cache !== undefined) opened = await TemplateCache.open(cache, this.#clock, this.#report);
      if (moves) admin = startAdmin(this.served.view, address);
      await this.served.reconfigure(options);
    } catch (error) {
      endpoints.close();
      await opened?.close();
      await admin?.close();
      throw error;
    }
    if (cacheChanges) this.#follow(opened);
    this.#endpoints.close();
    this.#endpoints = endpoints;
    this.#configuration = configuration;
    configureLogging(logging);
    if (admin === undefined) return;
    const left = this.#admin;
    this.#admin = admin;
    this.#clock.after(ADMIN_GRACE, () => void left?.close());
  }
}

/**
 * Prepares what {@link Service.open} prepares, such as certificates, and releases it again. Binds and writes nothing.
 *
 * @throws Error that names what is missing, one line each
 */
export async function rehearse(configuration: Configuration): Promise<void> {
  const { endpoints } = await prepare(configuration, () => {});
  endpoints.close();
}

async function prepare(
  configuration: Configuration,
  report: ReportEvent,
): Promise<{ options: ServedProxyOptions; endpoints: TlsEndpoints }> {
  const endpoints = new TlsEndpoints(report);
  try {
    return { options: await servedProxyOptions(configuration, endpoints), endpoints };
  } catch (error) {
    endpoints.close();
    throw error;
  }
}
