import {
  type ClusterTrust,
  type CollectorSettings,
  isClusterTls,
  type KubernetesSettings,
  type ListenerSettings,
} from "../configuration.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";
import type { Sections } from "./sections.ts";
import type { Path } from "../yaml/mistake.ts";

/** An endpoint, and the path that names it. */
type Endpoint = readonly [endpoint: ListenerSettings | CollectorSettings, path: Path];

/** The cluster that a configuration needs or names; undefined where it does neither. */
export function kubernetesSettings(
  reader: ConfigurationReader,
  { kubernetes, collector }: Sections,
  endpoints: readonly Endpoint[],
): KubernetesSettings | undefined {
  const trust = clusterTrust(reader, endpoints);
  if (kubernetes === undefined && trust === undefined && collector.profile !== "auto") return undefined;
  const { kubeconfig, namespace, ownCaSecret, agentsNamespace = "kube-system", restoreOnDrain = false } = kubernetes ??
    {};
  const path = kubeconfig === undefined ? undefined : reader.path(kubeconfig);
  if (path !== undefined) reader.read(path, ["kubernetes", "kubeconfig"]);
  return {
    agentsNamespace,
    restoreOnDrain,
    ...(path === undefined ? {} : { kubeconfig: path }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(ownCaSecret === undefined ? {} : { ownCaSecret }),
    ...(trust === undefined ? {} : { trust }),
  };
}

/** The one way that all endpoints are trusted in: there is one Aggregator. */
function clusterTrust(reader: ConfigurationReader, endpoints: readonly Endpoint[]): ClusterTrust | undefined {
  let found: ClusterTrust | undefined;
  for (const [{ tls }, path] of endpoints) {
    if (tls === undefined || !isClusterTls(tls)) continue;
    found ??= tls.mode;
    if (tls.mode === found) continue;
    reader.mistake(
      [...path, "tls", "mode"],
      `${tls.mode}, but another endpoint has ${found} (one mode for all, or files)`,
    );
  }
  return found;
}
