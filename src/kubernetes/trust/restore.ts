import type { KubernetesClient } from "../api/client.ts";
import { secret, secretText } from "../api/objects.ts";
import { describeTarget } from "../api/resource.ts";
import { aggregatorObjects } from "./aggregator_objects.ts";
import { removeFromBundle } from "./ca_publisher.ts";
import { commonName, isOwn } from "./certificate_bundle.ts";
import { isOwnAuthority, ownAuthoritySecret } from "./own_authority.ts";

/** Options of {@link restoreTrust}. */
export interface RestoreOptions {
  readonly client: KubernetesClient;
  /** The Aggregator's. */
  readonly namespace: string;
  /** The Secret that kept the own CA; undefined: there was none. */
  readonly ownCaSecret?: string | undefined;
}

/**
 * Removes everything that this program added to the cluster's trust: every proxy's CA in the bundle that Agents read,
 * and the Secret that stored one. Changes by others stay, and so does a Secret that holds anything else.
 *
 * @returns one line for each thing that was removed, or left
 * @throws Error where the API server refuses
 */
export async function restoreTrust({ client, namespace, ownCaSecret }: RestoreOptions): Promise<string[]> {
  const { bundle } = aggregatorObjects(namespace);
  const removed = await removeFromBundle(client, bundle, isOwn);
  const lines = removed.map(({ certificate }) =>
    `${describeTarget(bundle)}: removed the CA of proxy ${
      commonName(certificate)
    } (SHA-256 ${certificate.fingerprint256})`
  );
  if (ownCaSecret === undefined) return lines;
  const target = ownAuthoritySecret(namespace, ownCaSecret);
  const kept = await client.find(secret, target);
  if (kept === undefined) return lines;
  if (!isOwnAuthority(secretText(kept, "tls.crt") ?? "")) {
    return [...lines, `${describeTarget(target)}: left as it is, since it does not hold the CA of a proxy`];
  }
  await client.delete(target);
  return [...lines, `${describeTarget(target)}: deleted`];
}
