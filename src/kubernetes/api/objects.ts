import { z } from "zod";

/** What every object carries. */
const metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
});

/** Any object, as the API server gave it. Parts that nothing here reads are kept, so that an update writes them back. */
export const kubernetesObject = z.looseObject({ metadata });
export type KubernetesObject = z.infer<typeof kubernetesObject>;

export const configMap = kubernetesObject.extend({ data: z.record(z.string(), z.string()).nullish() });
export type ConfigMap = z.infer<typeof configMap>;

/** `data` is base64. */
export const secret = kubernetesObject.extend({ data: z.record(z.string(), z.string()).nullish() });
export type Secret = z.infer<typeof secret>;

export const pod = kubernetesObject.extend({
  spec: z.looseObject({
    nodeName: z.string().optional(),
    hostNetwork: z.boolean().optional(),
    containers: z.array(z.looseObject({ name: z.string(), image: z.string().optional() })).default([]),
  }),
  status: z.looseObject({
    phase: z.string().optional(),
    podIP: z.string().optional(),
    podIPs: z.array(z.looseObject({ ip: z.string() })).optional(),
    hostIP: z.string().optional(),
  }).optional(),
});
export type Pod = z.infer<typeof pod>;

export const antreaAgentInfo = kubernetesObject.extend({
  version: z.string().optional(),
  nodeRef: z.looseObject({ name: z.string().optional() }).nullish(),
});
export type AntreaAgentInfo = z.infer<typeof antreaAgentInfo>;

/** One value of a Secret as text. Undefined where it is missing or not base64. */
export function secretText({ data }: Secret, key: string): string | undefined {
  const value = data?.[key];
  if (value === undefined) return undefined;
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(value));
  } catch {
    return undefined;
  }
}
