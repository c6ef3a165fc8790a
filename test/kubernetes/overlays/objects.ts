import { parseAllDocuments } from "yaml";
import { z } from "zod";

const OBJECT = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});

/** A Kubernetes object of any kind. */
export type KubernetesObject = z.infer<typeof OBJECT>;

/** Objects by `Kind namespace/name`, or `Kind name` where they belong to none. */
export type Objects = ReadonlyMap<string, KubernetesObject>;

/** The objects of a file of several YAML documents. @throws Error where two have one name */
export function parseObjects(text: string): Objects {
  const objects = new Map<string, KubernetesObject>();
  for (const document of parseAllDocuments(text)) {
    const value: unknown = document.toJS();
    if (value === null) continue;
    const object = OBJECT.parse(value);
    const key = keyOf(object);
    if (objects.has(key)) throw new Error(`two objects are ${key}`);
    objects.set(key, object);
  }
  return objects;
}

function keyOf({ kind, metadata: { name, namespace } }: KubernetesObject): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

/** What is there by a path as `spec.ports.1.name`; undefined where there is nothing. */
export function at(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

const CONTAINER = z.looseObject({
  name: z.string(),
  image: z.string(),
  ports: z.array(
    z.looseObject({ name: z.string().optional(), containerPort: z.number(), protocol: z.string().optional() }),
  )
    .default([]),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }))
    .default([]),
});
const POD = z.looseObject({
  containers: z.array(CONTAINER),
  initContainers: z.array(CONTAINER).optional(),
  serviceAccountName: z.string(),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
});
const DEPLOYMENT = z.looseObject({
  spec: z.looseObject({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.looseObject({
      metadata: z.looseObject({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
      spec: POD,
    }),
  }),
});
const SERVICE = z.looseObject({
  spec: z.looseObject({
    selector: z.record(z.string(), z.string()),
    ports: z.array(z.looseObject({
      name: z.string(),
      port: z.number(),
      protocol: z.string(),
      targetPort: z.union([z.string(), z.number()]),
    })),
  }),
});

export type Deployment = z.infer<typeof DEPLOYMENT>;
export type Service = z.infer<typeof SERVICE>;
export type Container = z.infer<typeof CONTAINER>;

/** @throws Error where there is none */
export function deployment(objects: Objects, name: string): Deployment {
  return DEPLOYMENT.parse(objects.get(`Deployment flow-aggregator/${name}`));
}

/** @throws Error where there is none */
export function service(objects: Objects, name: string): Service {
  return SERVICE.parse(objects.get(`Service flow-aggregator/${name}`));
}

/**
 * Where a connection to a Service's port goes: each Deployment that the selector finds, with the container port that
 * the target port means there.
 *
 * @returns as `flow-aggregator 4739`; empty where no Pod has such a port
 */
export function endpoints(objects: Objects, of: string, port: number, protocol: string): string[] {
  const { selector, ports } = service(objects, of).spec;
  const target = ports.find((each) => each.port === port && each.protocol === protocol)?.targetPort;
  const found: string[] = [];
  for (const [key, object] of objects) {
    if (!key.startsWith("Deployment flow-aggregator/") || target === undefined) continue;
    const { metadata: { labels }, spec: { containers, initContainers = [] } } = DEPLOYMENT.parse(object).spec.template;
    if (Object.entries(selector).some(([name, value]) => labels[name] !== value)) continue;
    const named = [...initContainers, ...containers].flatMap((container) => container.ports)
      .find((each) => each.name === target && (each.protocol ?? "TCP") === protocol)?.containerPort;
    const number = typeof target === "number" ? target : named;
    if (number !== undefined) found.push(`${object.metadata.name} ${number}`);
  }
  return found;
}

const ROLE = z.looseObject({
  rules: z.array(z.object({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    resourceNames: z.array(z.string()).default(["*"]),
    verbs: z.array(z.string()),
  })).nullable(),
});
const BINDING = z.looseObject({
  roleRef: z.object({ apiGroup: z.string(), kind: z.string(), name: z.string() }),
  subjects: z.array(z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() })),
});

/**
 * What a service account of namespace flow-aggregator may do by the roles among the objects.
 *
 * @returns as `get secrets flow-aggregator-client-tls in flow-aggregator`, `list crd.antrea.io/antreaagentinfos *
 *   everywhere`, in order
 */
export function grants(objects: Objects, account: string): string[] {
  const found = new Set<string>();
  for (const [key, object] of objects) {
    if (!/^(?:Cluster)?RoleBinding /.test(key)) continue;
    const { roleRef, subjects } = BINDING.parse(object);
    if (!subjects.some(({ name, namespace }) => name === account && namespace === "flow-aggregator")) continue;
    const { namespace } = object.metadata;
    const role = objects.get(
      roleRef.kind === "Role" ? `Role ${namespace}/${roleRef.name}` : `ClusterRole ${roleRef.name}`,
    );
    // Roles that the manifest takes for granted, as the API server's own.
    if (role === undefined) continue;
    const where = namespace === undefined ? "everywhere" : `in ${namespace}`;
    for (const { apiGroups, resources, resourceNames, verbs } of ROLE.parse(role).rules ?? []) {
      for (const group of apiGroups) {
        for (const resource of resources) {
          const what = group === "" ? resource : `${group}/${resource}`;
          for (const name of resourceNames) for (const verb of verbs) found.add(`${verb} ${what} ${name} ${where}`);
        }
      }
    }
  }
  return [...found].sort();
}
