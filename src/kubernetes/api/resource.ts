/** A kind of object that the API server keeps, as its paths and RBAC rules name it. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `configmaps` */
  readonly plural: string;
  /** `ConfigMap` */
  readonly kind: string;
}

export const CONFIG_MAPS: ResourceType = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
export const SECRETS: ResourceType = { group: "", version: "v1", plural: "secrets", kind: "Secret" };
export const PODS: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };
/** One for each Antrea Agent, cluster-scoped, named after the node; its version lags a minute. */
export const ANTREA_AGENT_INFOS: ResourceType = {
  group: "crd.antrea.io",
  version: "v1beta1",
  plural: "antreaagentinfos",
  kind: "AntreaAgentInfo",
};

/** Objects of one type: one by name, those with some labels, or all. */
export interface ResourceTarget {
  readonly type: ResourceType;
  /** Missing: cluster-scoped, or all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  /** `app=antrea,component=antrea-agent` */
  readonly labelSelector?: string;
}

/** One object by its name. */
export interface ObjectTarget extends ResourceTarget {
  readonly name: string;
}

/** `ConfigMap flow-aggregator/flow-aggregator-ca`, for messages. */
export function describeTarget({ type, namespace, name, labelSelector }: ResourceTarget): string {
  const place = [namespace, name].filter((part) => part !== undefined).join("/");
  const labels = labelSelector === undefined ? "" : ` with labels ${labelSelector}`;
  return name === undefined ? `${type.kind}s${place === "" ? "" : ` in ${place}`}${labels}` : `${type.kind} ${place}`;
}

/** The path of the objects on the API server; that of the one object where a name is given. */
export function resourcePath({ type, namespace, name }: ResourceTarget): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const parts = [...(namespace === undefined ? [] : ["namespaces", namespace]), type.plural];
  if (name !== undefined) parts.push(name);
  return `${root}/${parts.map(encodeURIComponent).join("/")}`;
}
