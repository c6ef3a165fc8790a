import { z } from "zod";

const COUNTS = z.record(z.string(), z.number());

const CANDIDATES = z.looseObject({
  lastStep: z.looseObject({ from: z.string(), to: z.string(), why: z.string(), how: z.string().nullish() }).nullish(),
}).nullish();

/** The part of the answer that `status` needs; `--json` passes on the rest unchanged. */
export const STATUS = z.looseObject({
  version: z.string(),
  mode: z.string(),
  uptimeSeconds: z.number(),
  draining: z.boolean(),
  verdict: z.looseObject({ verdict: z.enum(["needed", "not_needed", "unknown"]), reason: z.string() }),
  collector: z.looseObject({
    address: z.string(),
    state: z.string(),
    since: z.string().optional(),
    reason: z.string().nullish(),
    profile: z.string(),
    nextProfile: z.string().nullish(),
    candidates: CANDIDATES,
    dialect: z.string(),
    reconnects: z.number(),
  }),
  collectors: z.array(z.looseObject({
    address: z.string(),
    state: z.string(),
    reason: z.string().nullish(),
    profile: z.string(),
    nextProfile: z.string().nullish(),
    candidates: CANDIDATES,
    dialect: z.string(),
    sessions: z.number(),
    rules: z.array(z.string()),
  })).optional(),
  skew: z.looseObject({
    sessions: z.number(),
    lastSeen: z.string().nullable(),
    quietSeconds: z.number(),
  }),
  totals: z.looseObject({
    sessions: z.looseObject({ open: z.number(), closing: z.number(), ended: z.number(), refused: z.number() }),
    handshakeFailures: COUNTS.optional(),
    pluginErrors: COUNTS.optional(),
    referenceFaults: COUNTS.optional(),
    sequenceGaps: z.number().optional(),
    messages: z.looseObject({ received: z.number(), sent: z.number() }),
    records: z.looseObject({ received: z.number(), sent: z.number() }),
    recordsInHand: z.number().optional(),
  }),
  losses: z.looseObject({
    recordsDropped: COUNTS.optional(),
    messagesRejected: COUNTS.optional(),
    informationLost: COUNTS.optional(),
    sessionsFailed: COUNTS.optional(),
    recordsPossiblyLost: z.number().optional(),
    wouldLose: z.looseObject({
      recordsDropped: COUNTS.optional(),
      messagesRejected: COUNTS.optional(),
      informationLost: COUNTS.optional(),
    }).optional(),
  }),
  memory: z.looseObject({ limit: z.number(), resident: z.number(), state: z.string() }).nullish(),
  certificateFaults: z.array(z.string()).optional(),
  templateCacheFault: z.looseObject({ file: z.string(), since: z.string(), reason: z.string() }).nullish(),
  refusedConfiguration: z.looseObject({ since: z.string(), mistakes: z.array(z.string()) }).nullish(),
  cluster: z.looseObject({
    waitingFor: z.string(),
    problems: z.array(z.string()),
    trust: z.looseObject({
      mode: z.string().optional(),
      polling: z.array(z.string()).default([]),
      otherProxies: z.array(z.string()).default([]),
    }).optional(),
    aggregator: z.looseObject({ release: z.string().optional(), next: z.string().optional() }).optional(),
  }).optional(),
});

export type Status = z.infer<typeof STATUS>;
