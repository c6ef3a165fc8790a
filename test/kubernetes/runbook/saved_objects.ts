import type { ApiServer } from "../tools/api_server.ts";

const KINDS = "deployment,service,configmap,secret,serviceaccount,role,rolebinding,networkpolicy";
const CLUSTER_KINDS = "clusterrole,clusterrolebinding";

/** Every object that upstream or an overlay has, by kind and name, as JSON without what the server itself keeps. */
export async function savedObjects(server: ApiServer): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const scope of [["-n", "flow-aggregator", "get", KINDS], ["get", CLUSTER_KINDS]]) {
    const { items } = JSON.parse(await server.kubectl([...scope, "-o", "json"]));
    for (const item of items) {
      // The API server makes its own roles while it starts.
      if (/^system:|^(?:cluster-admin|admin|edit|view)$/.test(item.metadata.name)) continue;
      for (const name of ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"]) {
        delete item.metadata[name];
      }
      delete item.status;
      const { annotations = {} } = item.metadata;
      delete annotations["kubectl.kubernetes.io/last-applied-configuration"];
      if (Object.keys(annotations).length === 0) delete item.metadata.annotations;
      found.set(`${item.kind} ${item.metadata.name}`, JSON.stringify(item));
    }
  }
  return found;
}
