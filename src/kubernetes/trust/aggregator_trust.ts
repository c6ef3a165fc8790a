import { X509Certificate } from "node:crypto";
import type { z } from "zod";
import { errorMessage } from "../../error_message.ts";
import type { ReportEvent } from "../../proxy/reporting/proxy_event.ts";
import type { Clock } from "../../proxy/time/clock.ts";
import { ExpiryWarnings } from "../../proxy/transport/tls/expiry_warnings.ts";
import { checkTlsMaterial, type TlsMaterial } from "../../certificates/tls_material.ts";
import type { KubernetesCalls } from "../api/client.ts";
import { isUnavailable } from "../api/api_error.ts";
import { follow, type Followable } from "../api/follow.ts";
import { type ConfigMap, configMap, type Secret, secret } from "../api/objects.ts";
import { describeTarget, type ResourceTarget } from "../api/resource.ts";
import { aggregatorObjects, isSignedBy, readAuthorities, readKeyPair, serverName } from "./aggregator_objects.ts";
import { CaPublisher } from "./ca_publisher.ts";
import { CertificateAuthority, type IssuedCertificate, type KeyPair } from "./certificate_authority.ts";
import { readBundle } from "./certificate_bundle.ts";
import { ClusterCredentials } from "./cluster_credentials.ts";
import { OVERLAP_MILLISECONDS, OverlappingAuthorities } from "./overlap.ts";
import { openOwnAuthority } from "./own_authority.ts";
import { Problems } from "../problems.ts";
import type { TrustMode, TrustStatus } from "./trust_mode.ts";

const RETRY_MILLISECONDS = 1_000;
/** Longest timer in milliseconds. */
const DAY = 24 * 3_600_000;

/** Options of {@link AggregatorTrust}. */
export interface TrustOptions {
  readonly client: KubernetesCalls;
  readonly clock: Clock;
  readonly report: ReportEvent;
  /** The Aggregator's. */
  readonly namespace: string;
  /** Distinguishes this proxy's CA from other proxies': the Pod's name. */
  readonly name: string;
  /** The Secret that keeps the proxy's own CA over restarts; missing: it is only in memory. */
  readonly ownCaSecret?: string;
  /** What keeps the API server from saying which mode it is to be; undefined: nothing. */
  readonly unavailable?: () => string | undefined;
}

/** The CA certificates that verify Agents, and the authority that signs the listener's certificate. */
interface Root {
  readonly authorities: readonly string[];
  readonly signer: CertificateAuthority;
  /** The bundle that they were read from, in `append-ca`. */
  readonly bundle?: ConfigMap;
}

/**
 * Trust with unmodified Agents and an unmodified Aggregator, based on the objects that the Aggregator keeps in the
 * cluster. Follows these objects, makes the listener's certificate, verifies Agents by the Aggregator's CA, and presents
 * the Agents' own certificate to the Aggregator. After any failure the last valid trust stays in force.
 */
export class AggregatorTrust implements AsyncDisposable {
  /** Certificate presented to Agents, and the CA that verifies them. */
  readonly listener = new ClusterCredentials(() => this.waitingFor);
  /** Certificate presented to the Aggregator, and the CA that verifies it. */
  readonly collector = new ClusterCredentials(() => this.waitingFor);
  /** The name that the Aggregator's certificate must carry. */
  readonly serverName: string;
  /** Resolves once both are there. */
  readonly established: Promise<void>;
  readonly #options: TrustOptions;
  readonly #objects: ReturnType<typeof aggregatorObjects>;
  readonly #problems: Problems;
  /** The topics of problems that are the API server's. */
  readonly #unavailable = new Set<string>();
  readonly #polling: Problems;
  readonly #otherProxies: Problems;
  readonly #authorities: OverlappingAuthorities;
  readonly #closing = new AbortController();
  readonly #following: Promise<void>[] = [];
  #establish = () => {};
  #mode: TrustMode | undefined;
  #modeEnds = new AbortController();
  /** As last read. Null: not there; undefined: not looked at yet. */
  #bundle: ConfigMap | null | undefined;
  #authority: Secret | null | undefined;
  #client: Secret | null | undefined;
  #readBundleAgain = () => {};
  #followsClient = false;
  readonly #expiry: ExpiryWarnings;
  #own: CertificateAuthority | undefined;
  #publisher: CaPublisher | undefined;
  #publishes = true;
  #issued: { readonly by: string; readonly certificate: IssuedCertificate } | undefined;
  #retired: { readonly material: TlsMaterial; readonly until: number } | undefined;
  #wakeAt: (() => void) | undefined;
  #updating: Promise<void> | undefined;
  #again = false;
  #said = "";

  constructor(options: TrustOptions) {
    this.#options = options;
    this.#objects = aggregatorObjects(options.namespace);
    this.serverName = serverName(options.namespace);
    this.#problems = new Problems(options.report, "trust_problem");
    this.#polling = new Problems(options.report, "kubernetes_denied", "warning");
    this.#otherProxies = new Problems(options.report, "ca_of_another_proxy", "info");
    this.#authorities = new OverlappingAuthorities(options.clock);
    this.#expiry = new ExpiryWarnings(options.clock, options.report);
    this.established = new Promise((resolve) => this.#establish = resolve);
  }

  /** Changes the mode. Trust in force stays until the new mode has the objects that it needs. */
  use(mode: TrustMode): void {
    if (mode === this.#mode || this.#closing.signal.aborted) return;
    this.#modeEnds.abort();
    this.#modeEnds = new AbortController();
    this.#mode = mode;
    this.#bundle = this.#authority = undefined;
    this.#otherProxies.set("bundle", undefined);
    const { bundle, authority, client } = this.#objects;
    for (const topic of ["authority", "bundle", describeTarget(authority), describeTarget(bundle)]) {
      this.#setProblem(topic, undefined);
      this.#polling.set(topic, undefined);
    }
    this.#readBundleAgain = () => {};
    if (mode === "append-ca") {
      this.#readBundleAgain = this.#follow(
        configMap,
        bundle,
        this.#modeEnds.signal,
        (object) => this.#bundle = object,
      );
    } else this.#follow(secret, authority, this.#modeEnds.signal, (object) => this.#authority = object);
    if (this.#followsClient) return;
    this.#followsClient = true;
    this.#follow(secret, client, this.#closing.signal, (object) => this.#client = object);
  }

  /** Stops publishing the proxy's CA: a drain has begun, and a new Aggregator's bundle is to be left alone. */
  stopPublishing(): void {
    this.#publishes = false;
  }

  /** Removes the proxy's CA from the bundle. Returns whether it was there. @throws Error if the API server refuses */
  async withdraw(): Promise<boolean> {
    this.stopPublishing();
    await this.#updating;
    const removed = await this.#publisher?.remove() ?? false;
    if (removed) this.#tell("info", "ca_withdrawn", "the proxy's own CA is out of the bundle that Agents read");
    return removed;
  }

  /** The missing object and why, or the API server if that does not answer; empty if nothing is missing. */
  get waitingFor(): string {
    if (this.listener.established && this.collector.established) return "";
    if (this.#mode === undefined) {
      const unavailable = this.#options.unavailable?.();
      return unavailable === undefined
        ? "the way to be trusted, which the Aggregator's release decides"
        : `the API server: ${unavailable}`;
    }
    const [target, object, topic] = this.#missing(this.#mode);
    const name = describeTarget(target);
    const problem = [name, topic].map((each) => this.#problems.get(each)).find((each) => each !== undefined);
    if (problem !== undefined) {
      return [name, topic].some((each) => this.#unavailable.has(each))
        ? `the API server: ${problem}`
        : `${name}: ${problem}`;
    }
    return object === undefined
      ? `the API server to answer about ${name}`
      : `${name}, which the Aggregator makes at its start`;
  }

  #missing(mode: TrustMode): [ResourceTarget, ConfigMap | Secret | null | undefined, string] {
    const { bundle, authority, client } = this.#objects;
    if (this.listener.established) return [client, this.#client, "client"];
    return mode === "mint" ? [authority, this.#authority, "authority"] : [bundle, this.#bundle, "authority"];
  }

  /** State for display. */
  get status(): TrustStatus {
    const { waitingFor } = this;
    const now = this.#options.clock.date();
    const authorities = this.listener.established
      ? this.listener.material.certificates.filter(({ role }) => role === "ca")
      : [];
    return {
      ...(this.#mode === undefined ? {} : { mode: this.#mode }),
      state: waitingFor === "" ? "established" : "waiting",
      ...(waitingFor === "" ? {} : { waitingFor }),
      problems: this.#problems.all,
      polling: this.#polling.all,
      otherProxies: this.#otherProxies.all,
      authorities: authorities.map(({ subject, expiresAt }) => ({ subject, expiresAt, ended: expiresAt < now })),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopPublishing();
    this.#closing.abort();
    this.#modeEnds.abort();
    this.#wakeAt?.();
    await Promise.all([...this.#following, this.#updating]);
  }

  #follow<T extends Followable>(
    schema: z.ZodType<T>,
    target: ResourceTarget,
    signal: AbortSignal,
    take: (object: T | null) => void,
  ): () => void {
    const topic = describeTarget(target);
    const { client, clock } = this.#options;
    const { ended, readAgain } = follow(schema, target, {
      onObjects: ([object]) => {
        if (signal.aborted) return;
        take(object ?? null);
        this.#wake();
      },
      onRead: () => {
        this.#setProblem(topic, undefined);
        this.#sayWhatIsMissing();
      },
      onFailure: (error) => {
        this.#setProblem(topic, error);
        this.#sayWhatIsMissing();
      },
      onPolling: (error) =>
        this.#polling.set(
          topic,
          error && `${topic} is read every second instead of watched: ${error.message}`,
        ),
    }, { client, clock, signal });
    this.#following.push(ended);
    return readAgain;
  }

  #wake(): void {
    this.#again = true;
    if (this.#closing.signal.aborted) return;
    this.#updating ??= this.#updateAll();
  }

  async #updateAll(): Promise<void> {
    try {
      while (this.#again && !this.#closing.signal.aborted) {
        this.#again = false;
        await this.#update();
      }
    } finally {
      // In the same turn as the look at #again: a later call begins anew.
      this.#updating = undefined;
    }
  }

  async #update(): Promise<void> {
    if (this.#retiredEnd === 0) {
      this.#retired = undefined;
      this.collector.keepPrevious(undefined);
    }
    const root = await this.#attempt("authority", () => this.#readRoot());
    if (root !== undefined) {
      const isReady = await this.#attempt("listener", () => this.#updateListener(root));
      // Only now, and in no later bundle: an Agent that trusts the proxy's CA before the listener asks by the
      // Aggregator's presents no certificate.
      if (isReady) await this.#attempt("bundle", () => this.#publish(root.bundle));
      await this.#attempt("client", () => Promise.resolve(this.#updateCollector(root)));
    }
    this.#checkValidity();
    this.#sayWhatIsMissing();
    if (this.listener.established && this.collector.established) this.#establish();
    this.#sleep();
  }

  /** A failure is a problem of this topic until it succeeds, or the mode is another one. */
  async #attempt<T>(topic: string, action: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#modeEnds;
    const set = (error: unknown) => signal.aborted || this.#setProblem(topic, error);
    try {
      const result = await action();
      set(undefined);
      return result;
    } catch (error) {
      set(error);
      return undefined;
    }
  }

  #setProblem(topic: string, error: unknown): void {
    if (isUnavailable(error)) this.#unavailable.add(topic);
    else this.#unavailable.delete(topic);
    this.#problems.set(topic, error === undefined ? undefined : errorMessage(error));
  }

  async #readRoot(): Promise<Root | undefined> {
    if (this.#mode === "mint") {
      if (this.#isMissing(this.#authority, this.#objects.authority, this.listener)) return undefined;
      const pair = readKeyPair(this.#authority, this.#objects.authority);
      return { authorities: [pair.certificate], signer: await CertificateAuthority.load(pair) };
    }
    if (this.#isMissing(this.#bundle, this.#objects.bundle, this.listener)) return undefined;
    // The watch may bring another one at any time.
    const bundle = this.#bundle;
    const authorities = readAuthorities(bundle, this.#objects.bundle);
    return { authorities, signer: await this.#ownAuthority(bundle), bundle };
  }

  /**
   * Whether there is no such object, or it has not been looked at.
   *
   * @throws Error if it is gone, and trust in force was made from it or an earlier version
   */
  #isMissing<T>(object: T | null | undefined, target: ResourceTarget, { established }: ClusterCredentials): object is
    | null
    | undefined {
    if (object === null && established) {
      throw new Error(`${describeTarget(target)} is not there: what was good last stays in force`);
    }
    return object === null || object === undefined;
  }

  /**
   * The proxy's own CA. Where the bundle has another one in its place, the Secret is looked at again: a proxy that shares
   * it has made that one if the Secret was deleted meanwhile, and two proxies would replace each other's for ever.
   */
  async #ownAuthority(bundle: ConfigMap): Promise<CertificateAuthority> {
    const { client, clock, namespace, name, ownCaSecret: secretName } = this.#options;
    const current = this.#own;
    if (current !== undefined && this.#publisher?.isReplaced(bundle) === false) return current;
    const own = await openOwnAuthority({ client, namespace, name, secretName, current, now: clock.date() });
    if (own.pair.certificate === current?.pair.certificate) return current;
    this.#own = own;
    this.#publisher = new CaPublisher({
      pem: own.pair.certificate,
      target: this.#objects.bundle,
      client,
      clock,
      tell: (...said) => this.#tell(...said),
      readAgain: () => this.#readBundleAgain(),
    });
    return own;
  }

  async #updateListener({ authorities, signer }: Root): Promise<true> {
    const now = this.#options.clock.date();
    const by = signer.pair.certificate;
    if (this.#issued?.by !== by || this.#issued.certificate.renewAt <= now) {
      this.#issued = { by, certificate: await signer.issueServerCertificate(this.serverName, now) };
    }
    const { certificate, key } = this.#issued.certificate;
    const ca = this.#authorities.use(authorities).map((pem) => `${pem.trim()}\n`).join("");
    const first = !this.listener.established;
    if (this.listener.use(checkTlsMaterial({ certificate, key, ca })) && !first) {
      this.#tell(
        "info",
        "trust_changed",
        "the listener's certificate or the CA that Agents are verified with has changed",
      );
    }
    return true;
  }

  /** Reports CA and client certificates that are not valid now, before handshakes fail because of them. */
  #checkValidity(): void {
    const now = this.#options.clock.date();
    const certificates = [this.listener, this.collector].flatMap((credentials) =>
      credentials.established ? readBundle(`${credentials.material.certificate}${credentials.material.ca}`) : []
    );
    const found = certificates.flatMap(({ certificate: { subject, validFrom, validTo } }) => {
      const [from, to] = [new Date(validFrom), new Date(validTo)];
      if (to < now) return [`the certificate of ${subject} ended at ${to.toISOString()}`];
      if (from > now) {
        return [`the certificate of ${subject} is valid from ${from.toISOString()} on: the clock is behind`];
      }
      return [];
    });
    this.#problems.set("validity", found.length === 0 ? undefined : [...new Set(found)].join("; "));
    // The listener's own is renewed in time.
    if (this.collector.established) this.#expiry.look(this.collector.material.certificates);
  }

  async #publish(bundle: ConfigMap | undefined): Promise<void> {
    if (this.#mode !== "append-ca" || this.#publisher === undefined || !bundle || !this.#publishes) return;
    this.#otherProxies.set("bundle", this.#publisher.otherProxies(bundle));
    await this.#publisher.publish(bundle);
  }

  #updateCollector({ authorities }: Root): void {
    if (this.#isMissing(this.#client, this.#objects.client, this.collector)) return;
    const pair: KeyPair = readKeyPair(this.#client, this.#objects.client);
    if (!isSignedBy(pair.certificate, authorities.map((pem) => new X509Certificate(pem)))) {
      throw new Error(
        `${
          describeTarget(this.#objects.client)
        } does not go back to the Aggregator's CA (yet): an Aggregator that restarts writes both`,
      );
    }
    const { clock } = this.#options;
    const before = this.collector.established ? this.collector.material : undefined;
    const ca = authorities.map((pem) => `${pem.trim()}\n`).join("");
    if (this.collector.use(checkTlsMaterial({ ...pair, ca })) && before !== undefined) {
      this.#retired = { material: before, until: clock.now() + OVERLAP_MILLISECONDS };
      this.#expiry.reset();
      this.#tell("info", "trust_changed", "the Aggregator's CA or the certificate that it is shown has changed");
    }
    this.collector.keepPrevious(this.#retired?.material);
  }

  /** Reports each missing object once. */
  #sayWhatIsMissing(): void {
    const { waitingFor } = this;
    if (waitingFor === this.#said) return;
    this.#said = waitingFor;
    if (waitingFor !== "") this.#tell("info", "trust_waiting", `waiting for ${waitingFor}`);
    else this.#tell("info", "trust_established", "Agents and the Aggregator can be verified");
  }

  /** Updates again when a certificate is due for renewal, a replaced CA becomes invalid, or after a failure. */
  #sleep(): void {
    this.#wakeAt?.();
    const { clock } = this.#options;
    const failed = ["authority", "listener", "bundle"].some((topic) => this.#problems.get(topic) !== undefined);
    const due = this.#issued === undefined ? DAY : this.#issued.certificate.renewAt.getTime() - clock.date().getTime();
    const ends = [this.#authorities.nextEnd, this.#retiredEnd].map((end) => end ?? DAY);
    const milliseconds = Math.min(DAY, Math.max(RETRY_MILLISECONDS, due), ...ends);
    this.#wakeAt = clock.after(failed ? RETRY_MILLISECONDS : milliseconds, () => this.#wake());
  }

  /** Milliseconds for which the collector's previous process may still be met; undefined: there is none. */
  get #retiredEnd(): number | undefined {
    return this.#retired === undefined ? undefined : Math.max(0, this.#retired.until - this.#options.clock.now());
  }

  #tell(level: "info" | "warning", event: Parameters<ReportEvent>[0]["event"], message: string): void {
    const mode = this.#mode === undefined ? {} : { mode: this.#mode };
    this.#options.report({ level, event, message, fields: mode });
  }
}
