import type { Clock } from "../../proxy/time/clock.ts";
import { ApiUnreachable, isConflict, isNotFound } from "../api/api_error.ts";
import type { KubernetesCalls } from "../api/client.ts";
import { type ConfigMap, configMap } from "../api/objects.ts";
import { describeTarget, type ObjectTarget } from "../api/resource.ts";
import { CA_KEY, readBundleText } from "./aggregator_objects.ts";
import {
  appendCertificate,
  type BundleCertificate,
  commonName,
  isOwn,
  readableCertificates,
  readBundle,
  sameCertificate,
  withoutCertificates,
} from "./certificate_bundle.ts";

const ATTEMPTS = 10;
/** A restarting Aggregator rewrites the bundle once or twice. More often means that something reverts the change. */
const APPENDS_AT_ONCE = 5;
const APPEND_WINDOW_MILLISECONDS = 30_000;

/** After this many conflicts without a success, as after an update that was not answered, the next attempt waits. */
const CONFLICTS_AT_ONCE = 5;
const WAIT_MILLISECONDS = 1_000;

/** What {@link CaPublisher} needs. */
export interface PublisherOptions {
  /** The certificate. */
  readonly pem: string;
  readonly target: ObjectTarget;
  readonly client: KubernetesCalls;
  readonly clock: Clock;
  readonly tell: (level: "info" | "warning", event: "ca_appended" | "ca_conflict", message: string) => void;
  /** Has the ConfigMap read again: {@link CaPublisher.publish} is then called with what is read. */
  readonly readAgain: () => void;
}

/** Adds the proxy's CA certificate to the bundle that Agents read, and removes it again. */
export class CaPublisher {
  readonly #options: PublisherOptions;
  readonly #own: BundleCertificate;
  readonly #appends: number[] = [];
  /** A reading that the ConfigMap is known to have left behind. */
  #outdated: ConfigMap | undefined;
  /** Conflicts in a row. */
  #conflicts = 0;
  /** Why nothing is written before that moment. */
  #waiting: { readonly error: unknown; readonly until: number } | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const [own] = readBundle(options.pem);
    if (own === undefined) throw new RangeError("no certificate");
    this.#own = own;
  }

  /**
   * Appends the certificate to the ConfigMap's bundle, in place of older ones of the same proxy. If the ConfigMap has
   * changed since it was read, nothing is written, and it is read again.
   *
   * @param object as it was read. Every reading is another object; on top of one, there is at most one write
   * @throws Error if somebody keeps removing the certificate or changing the ConfigMap, or the API server refuses
   */
  async publish(object: ConfigMap): Promise<void> {
    const { client, target, clock, tell } = this.#options;
    if (object === this.#outdated) return this.#checkWaiting();
    const bundle = readBundleText(object, target);
    if (readBundle(bundle).some((each) => this.#isOwn(each))) {
      this.#conflicts = 0;
      this.#waiting = undefined;
      return;
    }
    this.#limitAppends();
    this.#checkWaiting();
    const others = withoutCertificates(bundle, (each) => this.#hasOwnName(each));
    let isWritten: boolean;
    try {
      isWritten = await writeBundle(client, target, object, appendCertificate(others, this.#own.pem));
    } catch (error) {
      if (!(error instanceof ApiUnreachable)) throw error;
      // It may have been written all the same.
      this.#expectAnother(object);
      this.#wait(error);
    }
    if (!isWritten) return this.#meetConflict(object);
    this.#conflicts = 0;
    // The watch brings what was written.
    this.#outdated = object;
    // What was not written nobody takes out.
    this.#appends.push(clock.now());
    tell("info", "ca_appended", "the proxy's own CA is in the bundle that Agents read");
  }

  /** Whether the ConfigMap has another CA of this proxy's name, and not this one. */
  isReplaced(object: ConfigMap): boolean {
    const certificates = readableCertificates(object.data?.[CA_KEY] ?? "");
    return certificates.some((each) => this.#hasOwnName(each)) && !certificates.some((each) => this.#isOwn(each));
  }

  /** A sentence on CAs of other proxies in the ConfigMap; undefined where there are none. */
  otherProxies(object: ConfigMap): string | undefined {
    const name = commonName(this.#own.certificate);
    const names = readableCertificates(object.data?.[CA_KEY] ?? "").filter((each) => isOwn(each))
      .map(({ certificate }) => commonName(certificate)).filter((each) => each !== name);
    if (names.length === 0) return undefined;
    return `${describeTarget(this.#options.target)} also holds the CA of proxy ${
      names.join(", ")
    }: it runs beside this one, or was killed ` +
      "before it could take its CA out (the command restore does)";
  }

  /** Takes the certificate out, whatever else has changed; whether it was in. */
  async remove(): Promise<boolean> {
    const { client, target } = this.#options;
    const removed = await removeFromBundle(client, target, (each) => this.#isOwn(each));
    return removed.length > 0;
  }

  #hasOwnName(certificate: BundleCertificate): boolean {
    return isOwn(certificate) && commonName(certificate.certificate) === commonName(this.#own.certificate);
  }

  #isOwn({ certificate }: BundleCertificate): boolean {
    return sameCertificate(certificate, this.#own.certificate);
  }

  /**
   * Somebody else has changed the bundle since it was read, and may have brought another CA: that one is taken up
   * first.
   */
  #meetConflict(object: ConfigMap): void {
    this.#expectAnother(object);
    this.#conflicts++;
    const target = describeTarget(this.#options.target);
    if (this.#conflicts <= CONFLICTS_AT_ONCE) {
      const message =
        `somebody else has changed ${target} since it was read: it is read again before the proxy's own CA is appended`;
      this.#options.tell(this.#conflicts === 1 ? "info" : "warning", "ca_conflict", message);
    }
    if (this.#conflicts < CONFLICTS_AT_ONCE) return;
    this.#wait(
      new Error(
        `somebody else changes ${target} at every attempt to append the proxy's own CA: tried again every second`,
      ),
    );
  }

  #expectAnother(object: ConfigMap): void {
    this.#outdated = object;
    this.#options.readAgain();
  }

  #wait(error: unknown): never {
    this.#waiting = { error, until: this.#options.clock.now() + WAIT_MILLISECONDS };
    throw error;
  }

  /** @throws the reason to wait, for as long as that is */
  #checkWaiting(): void {
    if (this.#waiting === undefined) return;
    if (this.#options.clock.now() < this.#waiting.until) throw this.#waiting.error;
    this.#waiting = undefined;
  }

  #limitAppends(): void {
    const now = this.#options.clock.now();
    while ((this.#appends[0] ?? now) < now - APPEND_WINDOW_MILLISECONDS) this.#appends.shift();
    if (this.#appends.length >= APPENDS_AT_ONCE) {
      throw new Error(
        "somebody takes the proxy's CA out of the bundle again and again, as Aggregators from v2.5.1 on do (tls.mode: mint)",
      );
    }
  }
}

/**
 * Removes certificates from a bundle, even if it changes meanwhile. Returns those that were removed.
 *
 * @throws Error where the API server refuses
 */
export async function removeFromBundle(
  client: KubernetesCalls,
  target: ObjectTarget,
  isUnwanted: (certificate: BundleCertificate) => boolean,
): Promise<readonly BundleCertificate[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const object = await client.find(configMap, target);
    if (object === undefined) return [];
    const bundle = object.data?.[CA_KEY] ?? "";
    const unwanted = readableCertificates(bundle).filter(isUnwanted);
    if (unwanted.length === 0) return [];
    if (await writeBundle(client, target, object, withoutCertificates(bundle, isUnwanted))) return unwanted;
  }
  throw new Error(`the bundle is changed by somebody else all the time: given up after ${ATTEMPTS} attempts`);
}

/** Returns false if the object has been changed or deleted since it was read. */
async function writeBundle(
  client: KubernetesCalls,
  target: ObjectTarget,
  object: ConfigMap,
  bundle: string,
): Promise<boolean> {
  try {
    await client.update(configMap, target, { ...object, data: { ...object.data, [CA_KEY]: bundle } });
    return true;
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return false;
    throw error;
  }
}
