import type { Configuration, KubernetesSettings } from "../config/configuration.ts";
import { antreaRelease, newestForNewer } from "../config/profiles/antrea_releases.ts";
import type { ApiAccess } from "../kubernetes/api/access.ts";
import { tokenClaims } from "../kubernetes/api/access.ts";
import type { KubernetesClient } from "../kubernetes/api/client.ts";
import type { ClockSkew } from "../kubernetes/clock_skew.ts";
import type { AgentDirectory } from "../kubernetes/release/agent_directory.ts";
import type { AggregatorRelease, ObservedRelease } from "../kubernetes/release/aggregator_release.ts";
import type { AggregatorTrust } from "../kubernetes/trust/aggregator_trust.ts";
import { Problems } from "../kubernetes/problems.ts";
import { trustModeOf } from "../kubernetes/trust/trust_mode.ts";
import type { ClusterView } from "../admin/view/view.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import { type Clock, pause } from "../proxy/time/clock.ts";
import { errorMessage } from "../error_message.ts";

/** The Aggregator's namespace where nothing says another. */
export const DEFAULT_NAMESPACE = "flow-aggregator";
/** How long the own CA may take to be withdrawn at the end. */
const WITHDRAW_MILLISECONDS = 5_000;

/** Opens the API server that the settings name. @throws Error that says why there is no way to it */
export async function openAccess(
  { kubeconfig }: Pick<KubernetesSettings, "kubeconfig">,
  clock: Clock,
): Promise<ApiAccess> {
  if (kubeconfig !== undefined) {
    const { KubeconfigAccess } = await import("../kubernetes/api/kubeconfig.ts");
    return await KubeconfigAccess.open(kubeconfig);
  }
  const { InClusterAccess } = await import("../kubernetes/api/in_cluster.ts");
  return await InClusterAccess.open({ clock });
}

/** The profile of a release: its own, else that of its line. Undefined for a line that this version does not know. */
export function profileOfRelease(release: string): string | undefined {
  const line = /^v\d+\.\d+/.exec(release)?.[0];
  return [`antrea/${release}`, `antrea/${line}`].find((name) => antreaRelease(name) !== undefined);
}

/** The profile's name of a release that is newer than all known ones, which stands for the newest of them. */
function profileOfNewer(release: string): string | undefined {
  const name = `antrea/${release}`;
  return newestForNewer(name) === undefined ? undefined : name;
}

interface Parts {
  readonly client: KubernetesClient;
  readonly skew: ClockSkew;
  readonly trust: AggregatorTrust | undefined;
  readonly release: AggregatorRelease | undefined;
  readonly agents: AgentDirectory;
}

/** What a running proxy has of its cluster: trust, the Aggregator's release, the Agents. */
export class Cluster implements AsyncDisposable {
  /** Resolves once nothing is missing any more. */
  readonly ready: Promise<void>;
  readonly #settings: KubernetesSettings;
  readonly #parts: Parts;
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  readonly #listeners = new Set<() => void>();
  readonly #processListeners = new Set<() => void>();
  /** Of the Aggregator, as it last ran alone. */
  #process: string | undefined;
  #configuration: Configuration;
  #becomeReady = () => {};
  #profile: string | undefined;
  #announces = false;
  #said = "";
  /** A release that no profile is known for, while that of another is in force. */
  readonly #unknown: Problems;

  private constructor(
    configuration: Configuration,
    settings: KubernetesSettings,
    parts: Parts,
    report: ReportEvent,
    clock: Clock,
  ) {
    this.#report = report;
    this.#unknown = new Problems(report, "release_unknown");
    this.#clock = clock;
    this.#configuration = configuration;
    this.#settings = settings;
    this.#parts = parts;
    this.ready = new Promise((resolve) => this.#becomeReady = resolve);
    parts.release?.onChange(() => this.#update());
    void parts.trust?.established.then(() => this.#update());
    this.#update();
  }

  /**
   * Begins to follow the cluster that a configuration needs; waits for nothing.
   *
   * @returns undefined where the configuration needs none
   * @throws Error that says why there is no way to the API server
   */
  static async open(configuration: Configuration, report: ReportEvent, clock: Clock): Promise<Cluster | undefined> {
    const { kubernetes: settings, automaticProfile } = configuration;
    if (settings === undefined) return undefined;
    const access = await openAccess(settings, clock);
    // Loaded where it is asked for: certificates take time to load, and the API's client memory.
    const [{ KubernetesClient }, { ClockSkew }, { AgentDirectory }] = await Promise.all([
      import("../kubernetes/api/client.ts"),
      import("../kubernetes/clock_skew.ts"),
      import("../kubernetes/release/agent_directory.ts"),
    ]);
    const namespace = settings.namespace ?? access.namespace ?? DEFAULT_NAMESPACE;
    const skew = new ClockSkew(clock, report);
    const client = new KubernetesClient({ access, clock, onServerDate: (date) => skew.see(date) });
    const { pod } = tokenClaims((await access.credentials()).token ?? "");
    const common = { client, clock, report };
    const release = settings.trust !== "auto" && automaticProfile === undefined
      ? undefined
      : new (await import("../kubernetes/release/aggregator_release.ts")).AggregatorRelease({
        ...common,
        namespace,
        ...(pod === undefined ? {} : { ownPod: pod }),
      });
    const parts: Parts = {
      client,
      skew,
      release,
      trust: settings.trust === undefined
        ? undefined
        : new (await import("../kubernetes/trust/aggregator_trust.ts")).AggregatorTrust({
          ...common,
          namespace,
          name: pod ?? "ipfix-skew-proxy",
          unavailable: () => release?.unavailable,
          ...(settings.ownCaSecret === undefined ? {} : { ownCaSecret: settings.ownCaSecret }),
        }),
      agents: new AgentDirectory({ ...common, namespace: settings.agentsNamespace }),
    };
    return new Cluster(configuration, settings, parts, report, clock);
  }

  /** Whether another configuration asks for the same of the cluster; then that one holds from now on. */
  serves(configuration: Configuration): boolean {
    const wants = ({ kubernetes, automaticProfile }: Configuration) =>
      JSON.stringify([kubernetes, automaticProfile !== undefined && kubernetes?.trust !== "auto"]);
    if (wants(configuration) !== wants(this.#configuration)) return false;
    this.#configuration = configuration;
    this.#update();
    return true;
  }

  get trust(): AggregatorTrust | undefined {
    return this.#parts.trust;
  }

  /** What `profile: auto` means now; undefined: not known. */
  get automaticProfile(): string | undefined {
    return this.#profile;
  }

  /**
   * From now on `profile: auto` means the release of the next process as soon as its Pod is there, since a profile takes
   * effect with the process that comes after its announcement. Calls back when it means another profile.
   */
  announceTo(listener: () => void): void {
    this.#listeners.add(listener);
    this.#announces = true;
    this.#update();
  }

  /** Calls back when the cluster shows that the Aggregator's process is another one. */
  onProcess(listener: () => void): void {
    this.#processListeners.add(listener);
  }

  /** Whether the process that runs, and no other beside it, is of the release that `profile: auto` means. */
  get automaticProfileRuns(): boolean {
    const { running } = this.#parts.release?.observed ?? {};
    return running !== undefined && this.#profile !== undefined && this.#profileFor(running.release) === this.#profile;
  }

  /** What is missing, without which nobody may be served; empty: nothing. */
  get waitingFor(): string {
    const { trust } = this.#parts;
    const { automaticProfile } = this.#configuration;
    const { observed } = this.#parts.release ?? {};
    if (
      automaticProfile !== undefined && this.#profile === undefined &&
      (observed === undefined || automaticProfile.fallback === undefined)
    ) {
      return this.#missingRelease("collector.fallbackProfile");
    }
    if (trust === undefined || trust.waitingFor === "") return "";
    if (trust.status.mode !== undefined) return trust.waitingFor;
    return this.#missingRelease("tls.mode: mint or append-ca");
  }

  /** How it stands, for people. */
  get view(): ClusterView {
    const { trust, release, agents, skew } = this.#parts;
    const status = trust?.status;
    const problems = [...status?.problems ?? [], ...release?.problems ?? [], ...this.#unknown.all, skew.problem].filter(
      (each) => each !== "",
    );
    return {
      ...(status === undefined ? {} : { trust: status }),
      ...(release?.observed === undefined ? {} : { aggregator: aggregatorView(release.observed) }),
      agents: agents.releases,
      waitingFor: this.waitingFor,
      problems: [...problems, ...agents.problems],
    };
  }

  /** What the cluster knows of exporters. */
  get agents(): AgentDirectory {
    return this.#parts.agents;
  }

  /** A drain has begun: what a new Aggregator writes is left to the next proxy. */
  stopPublishing(): void {
    this.trust?.stopPublishing();
  }

  /** Takes the own CA out of the bundle, where that is asked for. Never rejects: what fails is reported by its event. */
  async restore(): Promise<void> {
    if (!this.#settings.restoreOnDrain || this.trust === undefined) return;
    const done = new AbortController();
    const late = pause(this.#clock, WITHDRAW_MILLISECONDS, done.signal).then(() => {
      if (!done.signal.aborted) throw new Error(`not within ${WITHDRAW_MILLISECONDS} ms`);
    });
    try {
      await Promise.race([this.trust.withdraw(), late]);
    } catch (error) {
      const message = `the proxy's own CA stays in the bundle (the command restore removes it): ${errorMessage(error)}`;
      this.#report({ level: "error", event: "trust_problem", message, fields: {} });
    } finally {
      done.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { trust, release, agents, client } = this.#parts;
    // Watches end with their client, rather than when the server next says something.
    const ends = [trust, release, agents].map((each) => each?.[Symbol.asyncDispose]());
    client[Symbol.dispose]();
    await Promise.all(ends);
  }

  #update(): void {
    const { trust, release } = this.#parts;
    const { observed } = release ?? {};
    const serves = (this.#announces ? observed?.next : undefined) ?? observed?.release ?? "";
    const profile = this.#profileFor(serves);
    if (trust !== undefined) {
      const mode = this.#settings.trust;
      const from = observed?.next ?? observed?.release ??
        (observed === undefined ? undefined : this.#configuredRelease());
      if (mode === "mint" || mode === "append-ca") trust.use(mode);
      else if (from !== undefined) trust.use(trustModeOf(from));
    }
    if (profile !== undefined && profile !== this.#profile) {
      this.#profile = profile;
      for (const listener of this.#listeners) listener();
    }
    const follows = this.#configuration.automaticProfile !== undefined && this.#profile !== undefined;
    this.#unknown.set(
      "profile",
      follows && serves !== "" && profile === undefined
        ? `no profile is known for the Aggregator's release ${serves}: ${this.#profile} stays`
        : undefined,
    );
    this.#seeProcess(observed?.running?.process);
    const { waitingFor } = this;
    if (waitingFor === "") this.#becomeReady();
    // Trust says itself what it waits for.
    if (waitingFor === this.#said || waitingFor === trust?.waitingFor) return;
    this.#said = waitingFor;
    if (waitingFor === "") return;
    this.#report({ level: "info", event: "trust_waiting", message: `waiting for ${waitingFor}`, fields: {} });
  }

  #seeProcess(process: string | undefined): void {
    if (process === undefined || process === this.#process) return;
    const isAnother = this.#process !== undefined;
    this.#process = process;
    if (isAnother) { for (const listener of this.#processListeners) listener(); }
  }

  #profileFor(release: string): string | undefined {
    // A fallback is somebody's own choice for a release that is not known.
    const newer = this.#configuration.automaticProfile?.fallback === undefined ? profileOfNewer(release) : undefined;
    return profileOfRelease(release) ?? newer;
  }

  /** The release that the configuration names, for where the cluster does not say. */
  #configuredRelease(): string | undefined {
    const { automaticProfile, treatment } = this.#configuration;
    const name = automaticProfile === undefined ? treatment.profile.name : automaticProfile.fallback;
    return name === undefined ? undefined : antreaRelease(name)?.release;
  }

  /** @param otherwise what of the configuration stands for a release that the cluster does not say */
  #missingRelease(otherwise: string): string {
    const { observed, unavailable } = this.#parts.release ?? {};
    if (observed?.release === undefined && unavailable !== undefined) return `the API server: ${unavailable}`;
    if (observed === undefined) return "the API server to answer about the Aggregator's Pods";
    const why = observed.release === undefined ? observed.reason : `no profile is known for ${observed.release}`;
    return `the Aggregator's release: ${why} (${otherwise})`;
  }
}

function aggregatorView({ release, next, reason }: ObservedRelease): ObservedRelease {
  return {
    ...(release === undefined ? {} : { release }),
    ...(next === undefined ? {} : { next }),
    ...(reason === undefined ? {} : { reason }),
  };
}
