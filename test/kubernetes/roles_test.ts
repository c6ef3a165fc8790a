/** The least RBAC: each rule of src/kubernetes/README.md is needed, and missing it is named. */
import assert from "node:assert/strict";
import { makeAggregatorCertificates, NAMESPACE } from "../support/kubernetes/aggregator_trust.ts";
import { KubernetesClient } from "../../src/kubernetes/api/client.ts";
import { AggregatorRelease } from "../../src/kubernetes/release/aggregator_release.ts";
import { AggregatorTrust } from "../../src/kubernetes/trust/aggregator_trust.ts";
import { restoreTrust } from "../../src/kubernetes/trust/restore.ts";
import type { TrustMode } from "../../src/kubernetes/trust/trust_mode.ts";
import type { ProxyEvent } from "../../src/proxy/reporting/proxy_event.ts";
import { SYSTEM_CLOCK } from "../../src/proxy/time/clock.ts";
import { aggregatorPod, count, objects, readBundle } from "./cluster_proxy.ts";
import { MODES, OWN, type Rule } from "./least_rules.ts";
import { ApiServer } from "./tools/api_server.ts";
import { until } from "../support/time/until.ts";
import { kubernetesTest } from "./tools/kubernetes_test_case.ts";

/** Binds a role of exactly these rules to the user of this name. */
async function bind(server: ApiServer, user: string, rules: readonly Rule[]): Promise<void> {
  const metadata = { name: user, namespace: NAMESPACE };
  await server.apply({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata,
    rules: rules.filter(({ verbs }) => verbs.length > 0).map(({ resource, name, verbs }) => ({
      apiGroups: [""],
      resources: [resource],
      verbs,
      ...(name === undefined ? {} : { resourceNames: [name] }),
    })),
  }, {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: user },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}

class Proxy implements AsyncDisposable {
  readonly events: ProxyEvent[] = [];
  readonly client: KubernetesClient;
  readonly trust: AggregatorTrust;

  constructor(server: ApiServer, user: string, mode: TrustMode, ownCaSecret?: string) {
    const credentials = { server: server.url, ca: server.ca, token: user };
    const access = { description: user, credentials: () => Promise.resolve(credentials) };
    this.client = new KubernetesClient({ access, clock: SYSTEM_CLOCK });
    this.trust = new AggregatorTrust({
      client: this.client,
      clock: SYSTEM_CLOCK,
      report: (event) => this.events.push(event),
      namespace: NAMESPACE,
      name: user,
      ...(ownCaSecret === undefined ? {} : { ownCaSecret }),
    });
    this.trust.use(mode);
  }

  /** Everything that was said. */
  get words(): string {
    return this.events.map(({ message }) => message).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const end = this.trust[Symbol.asyncDispose]();
    this.client[Symbol.dispose]();
    await end;
  }
}

/** Every rule with one verb less, one at a time. */
function* withoutOneVerb(rules: readonly Rule[]): Generator<{ rules: Rule[]; rule: Rule; verb: string }> {
  for (const rule of rules) {
    for (const verb of rule.verbs) {
      const less = { ...rule, verbs: rule.verbs.filter((each) => each !== verb) };
      yield { rules: rules.map((each) => each === rule ? less : each), rule, verb };
    }
  }
}

for (const { mode, ownCaSecret, rules } of MODES) {
  kubernetesTest(`${mode} takes exactly its rules, and names any that is missing`, async () => {
    const lacking = [...withoutOneVerb(rules)];
    const users = ["whole", ...lacking.map((_, index) => `lacking-${index}`)];
    await using server = await ApiServer.start({ users });
    await server.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    const written = objects(await makeAggregatorCertificates(), mode === "mint");
    await Promise.all(lacking.map(({ rules }, index) => bind(server, `lacking-${index}`, rules)));
    await bind(server, "whole", rules);

    for (const [index, { rule, verb }] of lacking.entries()) {
      // As it is before any proxy.
      await server.apply(...written);
      await server.kubectl(["-n", NAMESPACE, "delete", "secret", OWN, "--ignore-not-found"]);
      await using proxy = new Proxy(server, `lacking-${index}`, mode, ownCaSecret);
      // A rule for create has no name.
      const name = rule.name === undefined || verb === "create" ? "" : `, name "${rule.name}"`;
      const named = `missing RBAC rule: verb "${verb}" on resource "${rule.resource}"${name}, namespace "${NAMESPACE}"`;
      await until(`it names ${named}`, () => proxy.words.includes(named));
    }
    await using proxy = new Proxy(server, "whole", mode, ownCaSecret);
    await proxy.trust.established;
    assert.deepEqual(proxy.trust.status.problems, []);
    assert.ok(!proxy.words.includes("missing RBAC rule"), proxy.words);
    if (mode === "mint") return;
    await until("its own CA is in the bundle", async () => count(await readBundle(server)) === 2);
    await bind(server, "whole", [
      { resource: "configmaps", name: "flow-aggregator-ca", verbs: ["get", "update"] },
      { resource: "secrets", name: OWN, verbs: ["get", "delete"] },
    ]);
    proxy.trust.stopPublishing();
    const lines = await restoreTrust({ client: proxy.client, namespace: NAMESPACE, ownCaSecret: OWN });
    assert.equal(lines.length, 2, lines.join("\n"));
    assert.equal(count(await readBundle(server)), 1);
  });
}

kubernetesTest("the release takes list and watch on Pods, and names them where they are missing", async () => {
  await using server = await ApiServer.start({ users: ["whole", "nobody"] });
  await server.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  await server.apply(aggregatorPod("one", "antrea/flow-aggregator:v2.3.2"));
  await bind(server, "whole", [{ resource: "pods", verbs: ["list", "watch"] }]);
  for (
    const [user, isSo] of [["whole", /^v2\.3\.2$/], [
      "nobody",
      /missing RBAC rule: verb "list" on resource "pods"/,
    ]] as const
  ) {
    const credentials = { server: server.url, ca: server.ca, token: user };
    using client = new KubernetesClient({
      access: { description: user, credentials: () => Promise.resolve(credentials) },
      clock: SYSTEM_CLOCK,
    });
    const release = new AggregatorRelease({ client, clock: SYSTEM_CLOCK, report: () => {}, namespace: NAMESPACE });
    await until(
      `${user} is told ${isSo}`,
      () => isSo.test(release.observed?.release ?? release.observed?.reason ?? ""),
    );
    const end = release[Symbol.asyncDispose]();
    client[Symbol.dispose]();
    await end;
  }
});
