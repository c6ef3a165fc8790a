import { errorMessage } from "../../error_message.ts";
import { ApiError } from "../api/api_error.ts";
import type { KubernetesCalls } from "../api/client.ts";
import { secret } from "../api/objects.ts";
import { describeTarget, type ObjectTarget, SECRETS } from "../api/resource.ts";
import { readKeyPair } from "./aggregator_objects.ts";
import { CertificateAuthority } from "./certificate_authority.ts";
import { isOwn, readableCertificates } from "./certificate_bundle.ts";

const ATTEMPTS = 5;

/** Options of {@link openOwnAuthority}. */
export interface OwnAuthorityOptions {
  readonly client: KubernetesCalls;
  readonly namespace: string;
  /** The common name of a new one. */
  readonly name: string;
  /** The Secret that stores it; undefined: it is only in memory. */
  readonly secretName: string | undefined;
  /** The one in use so far, which is stored again where the Secret is gone. */
  readonly current: CertificateAuthority | undefined;
  readonly now: Date;
}

/** The Secret that stores a proxy's own CA. */
export function ownAuthoritySecret(namespace: string, name: string): ObjectTarget {
  return { type: SECRETS, namespace, name };
}

/**
 * The proxy's own CA: from its Secret if one is named and exists; else the current or a new one, which is then stored
 * there.
 *
 * @throws Error where the Secret holds no CA of a proxy, or the API server refuses
 */
export async function openOwnAuthority(options: OwnAuthorityOptions): Promise<CertificateAuthority> {
  const { client, namespace, name, secretName, current, now } = options;
  if (secretName === undefined) return current ?? await CertificateAuthority.create(name, now);
  const target = ownAuthoritySecret(namespace, secretName);
  let made = current;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const kept = await load(client, target);
    if (kept !== undefined) return kept;
    made ??= await CertificateAuthority.create(secretName, now);
    if (await store(client, target, made)) return made;
  }
  throw new Error(`${describeTarget(target)} is made and deleted by somebody else, again and again`);
}

/** Returns false if another proxy was first: its CA is the one to use. */
async function store(client: KubernetesCalls, target: ObjectTarget, { pair }: CertificateAuthority): Promise<boolean> {
  const { name, namespace } = target;
  const encode = (text: string) => new TextEncoder().encode(text).toBase64();
  try {
    await client.create(target, {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: { name, namespace, labels: { "app.kubernetes.io/part-of": "ipfix-skew-proxy" } },
      data: { "tls.crt": encode(pair.certificate), "tls.key": encode(pair.key) },
    });
    return true;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    return false;
  }
}

async function load(client: KubernetesCalls, target: ObjectTarget): Promise<CertificateAuthority | undefined> {
  const object = await client.find(secret, target);
  if (object === undefined) return undefined;
  try {
    const pair = readKeyPair(object, target);
    if (!isOwnAuthority(pair.certificate)) throw new Error("its certificate is not a CA that a proxy made");
    return await CertificateAuthority.load(pair);
  } catch (error) {
    throw new Error(`${describeTarget(target)} does not keep the proxy's CA: ${errorMessage(error)}`);
  }
}

/** Whether this PEM begins with a CA of some proxy. */
export function isOwnAuthority(pem: string): boolean {
  const [certificate] = readableCertificates(pem);
  return certificate !== undefined && isOwn(certificate);
}
