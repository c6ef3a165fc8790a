import type { Clock } from "../../proxy/time/clock.ts";
import { isConflict, isNotFound } from "../api/api_error.ts";
import type { KubernetesClient } from "../api/client.ts";
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

/** Result of an attempt to append. */
export type Appended = "appended" | "was there" | "conflict";

/** Adds the proxy's CA certificate to the bundle that Agents read, and removes it again. */
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
   * Appends the certificate to the ConfigMap's bundle, in place of older ones of the same proxy.
   *
   * @param object as it was read; nothing is written if it has changed since
   * @throws Error if somebody keeps removing the certificate, or the API server refuses
   */
  async append(object: ConfigMap): Promise<Appended> {
    const bundle = readBundleText(object, this.target);
    if (readBundle(bundle).some((each) => this.#isOwn(each))) return "was there";
    this.#limit();
    const name = commonName(this.#own.certificate);
    const others = withoutCertificates(bundle, (each) => isOwn(each) && commonName(each.certificate) === name);
    if (!await writeBundle(this.client, this.target, object, appendCertificate(others, this.#own.pem))) {
      return "conflict";
    }
    // What was not written nobody takes out.
    this.#appends.push(this.clock.now());
    return "appended";
  }

  /** A sentence on CAs of other proxies in the ConfigMap; undefined where there are none. */
  otherProxies(object: ConfigMap): string | undefined {
    const name = commonName(this.#own.certificate);
    const names = readableCertificates(object.data?.[CA_KEY] ?? "").filter((each) => isOwn(each))
      .map(({ certificate }) => commonName(certificate)).filter((each) => each !== name);
    if (names.length === 0) return undefined;
    return `${describeTarget(this.target)} also holds the CA of proxy ${
      names.join(", ")
    }: it runs beside this one, or was killed ` +
      "before it could take its CA out (the command restore does)";
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
}

/**
 * Removes certificates from a bundle, even if it changes meanwhile. Returns those that were removed.
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

/** Returns false if the object has been changed or deleted since it was read. */
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
