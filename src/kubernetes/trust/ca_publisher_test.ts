import assert from "node:assert/strict";
import {
  aggregatorObjectsOf,
  BUNDLE_PATH,
  makeAggregatorCertificates,
  NAMESPACE,
  shakeHands,
} from "../../../test/support/kubernetes/aggregator_trust.ts";
import { FakeApiServer } from "../../../test/support/kubernetes/kubernetes_api.ts";
import { restoreTrust } from "./restore.ts";
import {
  countCertificates,
  startAggregator,
  TrustUnderTest,
} from "../../../test/support/kubernetes/trust_under_test.ts";

const [FIRST, SECOND, THIRD] = await Promise.all([1, 2, 3].map(makeAggregatorCertificates));
assert.ok(FIRST !== undefined && SECOND !== undefined && THIRD !== undefined);

Deno.test("append-ca: names the object that it waits for; once the Aggregator has made all, both ends verify each other", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  const { trust } = test;
  trust.use("append-ca");
  await test.until(() => server.watches === 2);
  assert.equal(trust.status.state, "waiting");
  assert.match(trust.waitingFor, /^ConfigMap flow-aggregator\/flow-aggregator-ca, which the Aggregator makes/);
  assert.throws(() => trust.collector.material, /there is no trust yet: waiting for ConfigMap/);
  const [bundle, client] = [...aggregatorObjectsOf(FIRST)];
  server.put(...bundle ?? assert.fail());
  await test.until(() => trust.listener.established);
  assert.match(trust.waitingFor, /^Secret flow-aggregator\/flow-aggregator-client-tls/);
  server.put(...client ?? assert.fail());
  await trust.established;
  assert.equal(trust.status.state, "established");
  assert.equal(await test.agent(FIRST), "flow-aggregator-client");
  const aggregator = { ...FIRST.server, ca: FIRST.ca.certificate, certificates: [] };
  assert.equal(await shakeHands(aggregator, trust.collector.material), "flow-aggregator-client");
  assert.deepEqual(test.messages("trust_problem"), []);
});

Deno.test("append-ca: after the Aggregator restarts, the listener takes its new CA before the proxy's own is published again", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  let ready: boolean | undefined;
  server.before = ({ verb }) => {
    if (verb === "update") ready = test.trust.listener.material.ca?.includes(SECOND.ca.certificate.trim());
  };
  startAggregator(server, SECOND);
  await test.until(() => countCertificates(test.bundle) === 2 && ready !== undefined, "the own CA again");
  assert.equal(ready, true);
  await test.until(() => test.trust.collector.material.ca?.includes(SECOND.ca.certificate.trim()) ?? false);
  assert.equal(await test.agent(SECOND), "flow-aggregator-client");
  assert.equal(await test.agent(FIRST), "flow-aggregator-client", "an Agent that had read the Secret just before");
  await assert.rejects(test.agent(THIRD), "one of neither CA");
  assert.ok(
    test.trust.collector.previous?.ca?.includes(FIRST.ca.certificate.trim()),
    "for the old Aggregator's process",
  );
});

Deno.test("append-ca: a change that somebody else makes to the ConfigMap in between is kept", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  let meanwhile = 0;
  server.before = ({ verb }) => {
    if (verb !== "update" || meanwhile++ > 0) return;
    server.put(BUNDLE_PATH, { data: { "ca.crt": SECOND.ca.certificate, more: "kept" } });
  };
  test.trust.use("append-ca");
  await test.until(() => countCertificates(test.bundle) === 2);
  assert.ok(test.bundle.startsWith(SECOND.ca.certificate));
  assert.equal(server.object(BUNDLE_PATH)?.data?.more, "kept");
  assert.ok(test.trust.listener.material.ca?.includes(SECOND.ca.certificate.trim()), "its CA was taken up first");
  const conflicts = test.events.filter(({ event }) => event === "ca_conflict");
  assert.deepEqual(conflicts.map(({ level }) => level), ["info"]);
  assert.match(
    conflicts[0]?.message ?? "",
    /^somebody else has changed ConfigMap flow-aggregator\/flow-aggregator-ca since/,
  );
  assert.ok(!test.trust.status.problems.some((each) => each.includes("ConfigMap")), "one conflict is no problem");
});

Deno.test("append-ca: a ConfigMap that somebody else changes at every attempt is a problem until the CA is in", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  let changes = 0;
  server.before = ({ verb }) => {
    if (verb === "update") {
      server.put(BUNDLE_PATH, { data: { "ca.crt": FIRST.ca.certificate, change: String(changes++) } });
    }
  };
  test.trust.use("append-ca");
  await test.until(() => changes > 7, "attempt after attempt");
  const [problem = "", ...more] = test.trust.status.problems;
  assert.match(problem, /somebody else changes ConfigMap flow-aggregator\/flow-aggregator-ca at every attempt/);
  assert.deepEqual(more, []);
  const levels = test.events.filter(({ event }) => event === "ca_conflict").map(({ level }) => level);
  assert.deepEqual(levels, ["info", ...Array(4).fill("warning")], "the problem stands for all after that");
  assert.equal(test.messages("trust_problem").length, 1);
  server.before = () => {};
  await test.until(() => countCertificates(test.bundle) === 2 && test.trust.status.problems.length === 0);
});

Deno.test("append-ca: after a conflict the proxy needs no right that it did not need before", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  server.denies = ({ verb }) => !["list", "watch", "update"].includes(verb);
  let meanwhile = 0;
  server.before = ({ verb }) => {
    if (verb === "update" && meanwhile++ === 0) startAggregator(server, SECOND);
  };
  test.trust.use("append-ca");
  await test.until(() => countCertificates(test.bundle) === 2, "the own CA is in what somebody else wrote");
  await test.trust.established;
  assert.equal(test.messages("ca_conflict").length, 1);
  await test.until(() => test.trust.status.problems.length === 0);
  assert.deepEqual(test.events.filter(({ message }) => message.includes("missing RBAC rule")), []);
});

Deno.test("append-ca: once withdrawn the bundle is the Aggregator's to the octet, and nothing is appended again", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  await using other = new TrustUnderTest(server, { name: "other" });
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  other.trust.use("append-ca");
  await test.until(() => countCertificates(test.bundle) === 3, "both proxies' CAs");
  const [beside = ""] = other.trust.status.otherProxies;
  assert.match(beside, /also holds the CA of proxy proxy: it runs beside this one, or was killed/);
  assert.deepEqual(other.messages("ca_of_another_proxy"), [beside]);
  assert.equal(await test.trust.withdraw(), true);
  assert.equal(countCertificates(test.bundle), 2, "the other proxy's stays");
  await test.until(() => other.trust.status.otherProxies.length === 0, "it is gone");
  assert.equal(await other.trust.withdraw(), true);
  assert.equal(test.bundle, FIRST.ca.certificate);
  assert.equal(await other.trust.withdraw(), false);
  startAggregator(server, SECOND);
  await test.until(() => test.trust.collector.material.ca?.includes(SECOND.ca.certificate.trim()) ?? false);
  assert.equal(test.bundle, SECOND.ca.certificate);
});

Deno.test("append-ca: a proxy that starts again in its Pod replaces its earlier CA, whose key is gone", async () => {
  await using server = await FakeApiServer.start();
  startAggregator(server, FIRST);
  for (let start = 0; start < 3; start++) {
    await using test = new TrustUnderTest(server, { name: "flow-aggregator-1" });
    test.trust.use("append-ca");
    await test.trust.established;
    assert.equal(countCertificates(test.bundle), 2);
    await test.agent(FIRST);
  }
});

Deno.test("append-ca: the next process uses the CA kept in a Secret and publishes nothing new", async () => {
  await using server = await FakeApiServer.start();
  startAggregator(server, FIRST);
  const bundles = new Set<string>();
  for (let start = 0; start < 2; start++) {
    await using test = new TrustUnderTest(server, { ownCaSecret: "ipfix-skew-proxy-ca" });
    test.trust.use("append-ca");
    await test.trust.established;
    bundles.add(test.bundle);
  }
  assert.equal(bundles.size, 1);
  server.put(`/api/v1/namespaces/${NAMESPACE}/secrets/ipfix-skew-proxy-ca`, {
    data: { "tls.crt": "cnVi", "tls.key": "!" },
  });
  await using test = new TrustUnderTest(server, { ownCaSecret: "ipfix-skew-proxy-ca" });
  test.trust.use("append-ca");
  await test.until(() => test.trust.status.problems.length > 0);
  assert.match(test.trust.waitingFor, /Secret flow-aggregator\/ipfix-skew-proxy-ca does not keep the proxy's CA/);
});

Deno.test("append-ca: proxies that share a Secret agree on one CA, although it was deleted between their starts", async () => {
  await using server = await FakeApiServer.start();
  startAggregator(server, FIRST);
  const ownCaSecret = "ipfix-skew-proxy-ca";
  await using first = new TrustUnderTest(server, { ownCaSecret, name: "one" });
  first.trust.use("append-ca");
  await first.trust.established;
  await first.until(() => countCertificates(first.bundle) === 2);
  server.put(`/api/v1/namespaces/${NAMESPACE}/secrets/${ownCaSecret}`, undefined);
  await using second = new TrustUnderTest(server, { ownCaSecret, name: "two" });
  second.trust.use("append-ca");
  await second.trust.established;
  await second.until(() => second.messages("ca_appended").length > 0);
  await first.until(() => first.messages("trust_changed").length > 0, "the other one's CA is taken over");
  for (const test of [first, second]) {
    assert.equal(await test.agent(FIRST), "flow-aggregator-client");
    assert.deepEqual([test.trust.status.problems, test.messages("ca_appended").length], [[], 1]);
  }
  assert.equal(countCertificates(first.bundle), 2);
});

Deno.test("append-ca: a Secret with the CA of somebody else is neither used nor deleted", async () => {
  await using server = await FakeApiServer.start();
  startAggregator(server, FIRST);
  const ownCaSecret = "some-ca";
  const path = `/api/v1/namespaces/${NAMESPACE}/secrets/${ownCaSecret}`;
  const { certificate, key } = SECOND.ca;
  server.put(path, { data: { "tls.crt": btoa(certificate), "tls.key": btoa(key) } });
  await using test = new TrustUnderTest(server, { ownCaSecret });
  test.trust.use("append-ca");
  await test.until(() => test.trust.status.problems.length > 0);
  assert.match(
    test.trust.waitingFor,
    /Secret flow-aggregator\/some-ca does not keep the proxy's CA: its certificate is not a CA that a proxy made/,
  );
  const { client } = test;
  assert.deepEqual(await restoreTrust({ client, namespace: NAMESPACE, ownCaSecret }), [
    "Secret flow-aggregator/some-ca: left as it is, since it does not hold the CA of a proxy",
  ]);
  assert.ok(server.object(path) !== undefined);
  server.put(path, undefined);
  await test.until(() => countCertificates(test.bundle) === 2);
  await test.trust[Symbol.asyncDispose]();
  const lines = await restoreTrust({ client, namespace: NAMESPACE, ownCaSecret });
  assert.match(
    lines.join("\n"),
    /^ConfigMap .*: removed the CA of proxy some-ca .*\nSecret flow-aggregator\/some-ca: deleted$/,
  );
  assert.deepEqual([server.object(path), test.bundle], [undefined, FIRST.ca.certificate]);
});

Deno.test("append-ca: gives up, and says why, where somebody takes the proxy's CA out every time", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  let appends = 0;
  server.before = ({ verb }) => {
    if (verb === "update") setTimeout(() => startAggregator(server, FIRST), 0), appends++;
  };
  test.trust.use("append-ca");
  await test.until(() => test.trust.status.problems.length > 0);
  assert.match(
    test.trust.status.problems.join(),
    /again and again, as Aggregators from v2\.5\.1 on do \(tls\.mode: mint\)/,
  );
  assert.equal(appends, 5);
});

Deno.test("append-ca: the proxy's CA is withdrawn from a bundle that holds an invalid certificate of somebody else's", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  const rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  server.put(BUNDLE_PATH, { data: { "ca.crt": test.bundle + rubbish } });
  await test.until(() => test.trust.status.problems.length > 0);
  assert.equal(await test.trust.withdraw(), true);
  assert.equal(test.bundle, FIRST.ca.certificate + rubbish);
});
