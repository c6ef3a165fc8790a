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

/** Any object as the API server returned it. Unknown parts are kept, so that an update writes them back. */
export const kubernetesObject = z.looseObject({ metadata });
export type KubernetesObject = z.infer<typeof kubernetesObject>;

export const configMap = kubernetesObject.extend({ data: z.record(z.string(), z.string()).nullish() });
export type ConfigMap = z.infer<typeof configMap>;

/** `data` is base64. */
export const secret = kubernetesObject.extend({ data: z.record(z.string(), z.string()).nullish() });
export type Secret = z.infer<typeof secret>;

/** Only the parts that are read, because a large cluster has thousands. */
const shortMetadata = z.object(metadata.shape);

export const pod = z.object({
  metadata: shortMetadata,
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.array(z.object({ name: z.string(), image: z.string().optional() })).default([]),
  }),
  status: z.object({
    phase: z.string().optional(),
    podIP: z.string().optional(),
    podIPs: z.array(z.object({ ip: z.string() })).optional(),
    hostIP: z.string().optional(),
    containerStatuses: z.array(z.object({
      name: z.string(),
      containerID: z.string().optional(),
      state: z.object({ running: z.object({ startedAt: z.string().nullish() }).nullish() }).nullish(),
    })).nullish(),
  }).optional(),
});
export type Pod = z.infer<typeof pod>;

export const antreaAgentInfo = z.object({ metadata: shortMetadata, version: z.string().optional() });
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
