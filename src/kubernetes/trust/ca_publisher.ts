import type { Clock } from "../../proxy/time/clock.ts";
import { isConflict, isNotFound } from "../api/api_error.ts";
import type { KubernetesClient } from "../api/client.ts";
import { type ConfigMap, configMap } from "../api/objects.ts";
import type { ObjectTarget } from "../api/resource.ts";
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
/** An Aggregator that restarts rewrites the bundle once or twice; whoever does so more often reverts what is appended. */
const APPENDS_AT_ONCE = 5;
const APPEND_WINDOW_MILLISECONDS = 30_000;

/** What became of an attempt to append. */
export type Appended = "appended" | "was there" | "conflict";

/** Puts one CA certificate of ours into the bundle that Agents read, and takes it out again. */
export class CaPublisher {
  readonly #own: BundleCertificate;
  readonly #appends: number[] = [];

  /** @param pem the certificate */
  constructor(
    pem: string,
    readonly target: ObjectTarget,
    readonly client: KubernetesClient,
    readonly clock: Clock,
  ) {
    const [own] = readBundle(pem);
    if (own === undefined) throw new RangeError("no certificate");
    this.#own = own;
  }

  /**
   * Puts the certificate behind all others of the ConfigMap, in place of older ones of the same proxy.
   *
   * @param object as it was read: where somebody has changed it since, nothing is written
   * @throws Error where somebody takes it out again and again, or the API server refuses
   */
  async append(object: ConfigMap): Promise<Appended> {
    const bundle = readBundleText(object, this.target);
    if (readBundle(bundle).some((each) => this.#isOwn(each))) return "was there";
    this.#limit();
    const name = commonName(this.#own.certificate);
    const others = withoutCertificates(bundle, (each) => isOwn(each) && commonName(each.certificate) === name);
    const written = await this.#write(object, appendCertificate(others, this.#own.pem));
    // What the API server refuses nobody takes out.
    this.#appends.push(this.clock.now());
    return written ? "appended" : "conflict";
  }

  /** Takes the certificate out, whatever else has changed; whether it was in. */
  async remove(): Promise<boolean> {
    const removed = await removeFromBundle(this.client, this.target, (each) => this.#isOwn(each));
    return removed.length > 0;
  }

  #isOwn({ certificate }: BundleCertificate): boolean {
    return sameCertificate(certificate, this.#own.certificate);
  }

  #limit(): void {
    const now = this.clock.now();
    while ((this.#appends[0] ?? now) < now - APPEND_WINDOW_MILLISECONDS) this.#appends.shift();
    if (this.#appends.length >= APPENDS_AT_ONCE) {
      throw new Error(
        "somebody takes the proxy's CA out of the bundle again and again, as Aggregators from v2.5.1 on do (tls.mode: mint)",
      );
    }
  }

  async #write(object: ConfigMap, bundle: string): Promise<boolean> {
    return await writeBundle(this.client, this.target, object, bundle);
  }
}

/**
 * Takes certificates out of a bundle, whatever else is in it or changes in it meanwhile. Gives those that it took out.
 *
 * @throws Error where the API server refuses
 */
export async function removeFromBundle(
  client: KubernetesClient,
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

/** False where somebody else has changed or deleted the object since it was read. */
async function writeBundle(
  client: KubernetesClient,
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
