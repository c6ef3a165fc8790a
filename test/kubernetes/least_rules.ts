/**
 * The RBAC rules that each way of trust takes, and no more: roles_test.ts tries each, and the tables of the READMEs say
 * the same.
 */
import type { TrustMode } from "../../src/kubernetes/trust/trust_mode.ts";

export interface Rule {
  readonly resource: "configmaps" | "secrets" | "pods";
  readonly name?: string;
  readonly verbs: readonly string[];
}

const CLIENT: Rule = { resource: "secrets", name: "flow-aggregator-client-tls", verbs: ["list", "watch"] };
/** The Secret that keeps the proxy's own CA in these tests. */
export const OWN = "ipfix-skew-proxy-ca";

export const MODES: readonly {
  readonly mode: TrustMode;
  readonly ownCaSecret?: string;
  readonly rules: readonly Rule[];
}[] = [
  { mode: "mint", rules: [CLIENT, { resource: "secrets", name: "flow-aggregator-ca-tls", verbs: ["list", "watch"] }] },
  {
    mode: "append-ca",
    ownCaSecret: OWN,
    rules: [
      CLIENT,
      { resource: "configmaps", name: "flow-aggregator-ca", verbs: ["list", "watch", "update"] },
      { resource: "secrets", name: OWN, verbs: ["get"] },
      { resource: "secrets", verbs: ["create"] },
    ],
  },
];

/** Taken by `append-ca` where a drain takes the own CA out of the bundle, and not before. */
export const ON_THE_WAY_OUT: Rule = { resource: "configmaps", name: "flow-aggregator-ca", verbs: ["get"] };
