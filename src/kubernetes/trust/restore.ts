import { isNotFound } from "../api/api_error.ts";
import type { KubernetesClient } from "../api/client.ts";
import { describeTarget } from "../api/resource.ts";
import { aggregatorObjects } from "./aggregator_objects.ts";
import { removeFromBundle } from "./ca_publisher.ts";
import { commonName, isOwn } from "./certificate_bundle.ts";
import { ownAuthoritySecret } from "./own_authority.ts";

/** What is put back. */
export interface RestoreOptions {
  readonly client: KubernetesClient;
  /** The Aggregator's. */
  readonly namespace: string;
  /** The Secret that kept the own CA; undefined: there was none. */
  readonly ownCaSecret?: string | undefined;
}

/**
 * Takes everything of this program's out of the cluster's trust: every CA of a proxy in the bundle that Agents read, and the Secret that
 * kept one. What others have put or changed there stays as it is.
 *
 * @returns a line for each thing that was put back
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
  try {
    await client.delete(target);
    return [...lines, `${describeTarget(target)}: deleted`];
  } catch (error) {
    if (isNotFound(error)) return lines;
    throw error;
  }
}
