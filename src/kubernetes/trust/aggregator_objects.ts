import { errorMessage } from "../../error_message.ts";
import { X509Certificate } from "node:crypto";
import { checkTlsMaterial } from "../../certificates/tls_material.ts";
import { type ConfigMap, type Secret, secretText } from "../api/objects.ts";
import { CONFIG_MAPS, describeTarget, type ObjectTarget, SECRETS } from "../api/resource.ts";
import type { KeyPair } from "./certificate_authority.ts";
import { isOwn, readBundle } from "./certificate_bundle.ts";

/** The ConfigMap from which Agents read the trusted CA certificates. Every Aggregator writes it. */
const CA_CONFIG_MAP = "flow-aggregator-ca";
/** Its key with the certificates. */
export const CA_KEY = "ca.crt";
/** The Secret with the Agents' client certificate. Every Aggregator writes it. */
export const CLIENT_SECRET = "flow-aggregator-client-tls";
/** The CA's certificate and key, kept by Aggregators from v2.5.1 on. */
export const CA_SECRET = "flow-aggregator-ca-tls";

/** The Aggregator's objects in one namespace. */
export function aggregatorObjects(namespace: string) {
  const target = (type: typeof SECRETS, name: string): ObjectTarget => ({ type, namespace, name });
  return {
    bundle: target(CONFIG_MAPS, CA_CONFIG_MAP),
    client: target(SECRETS, CLIENT_SECRET),
    authority: target(SECRETS, CA_SECRET),
  };
}

/** The name in the Aggregator's certificate, which Agents verify. */
export function serverName(namespace: string): string {
  return `flow-aggregator.${namespace}.svc`;
}

/**
 * Certificate and key of a Secret, checked: they can be read and belong together.
 *
 * @throws Error that names the Secret and what is wrong with it, never its contents
 */
export function readKeyPair(secret: Secret, target: ObjectTarget): KeyPair {
  const [certificate, key] = [secretText(secret, "tls.crt"), secretText(secret, "tls.key")];
  return noGood(target, () => {
    if (certificate === undefined) throw new Error("it has no tls.crt");
    if (key === undefined) throw new Error("it has no tls.key");
    const material = checkTlsMaterial({ certificate, key });
    return { certificate: material.certificate ?? certificate, key: material.key ?? key };
  });
}

/**
 * The text of the bundle; empty where there is none.
 *
 * @throws Error that names the ConfigMap and what of it cannot be read
 */
export function readBundleText(object: ConfigMap, target: ObjectTarget): string {
  const bundle = object.data?.[CA_KEY] ?? "";
  noGood(target, () => readBundle(bundle));
  return bundle;
}

/**
 * The Aggregator's own CA certificates in the bundle, as PEM. At least one.
 *
 * @throws Error that names the ConfigMap and what is wrong in it
 */
export function readAuthorities(object: ConfigMap, target: ObjectTarget): string[] {
  return noGood(target, () => {
    const certificates = readBundle(object.data?.[CA_KEY] ?? "");
    // A certificate that is not a CA's would be trusted as a peer's own.
    const leaf = certificates.findIndex(({ certificate }) => !certificate.ca);
    if (leaf >= 0) {
      const subject = certificates[leaf]?.certificate.subject.replaceAll("\n", ", ") ?? "";
      throw new Error(`certificate ${leaf + 1} of the bundle (${subject}) is no CA's`);
    }
    const authorities = certificates.filter((each) => !isOwn(each)).map(({ pem }) => pem);
    if (authorities.length === 0) throw new Error(`${CA_KEY} has no certificate of the Aggregator's CA`);
    return authorities;
  });
}

function noGood<T>(target: ObjectTarget, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${describeTarget(target)} is no good: ${errorMessage(error)}`);
  }
}

/** Whether one of these CA certificates has signed the certificate. */
export function isSignedBy(certificate: string, authorities: readonly X509Certificate[]): boolean {
  const leaf = new X509Certificate(certificate);
  return authorities.some((authority) => leaf.checkIssued(authority) && leaf.verify(authority.publicKey));
}
