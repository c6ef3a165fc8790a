import assert from "node:assert/strict";
import { makeAggregatorCertificates } from "../../../test/support/kubernetes/aggregator_trust.ts";
import { FakeApiServer } from "../../../test/support/kubernetes/kubernetes_api.ts";
import {
  countCertificates,
  startAggregator,
  TrustUnderTest,
} from "../../../test/support/kubernetes/trust_under_test.ts";
import { CA_SECRET, CLIENT_SECRET } from "./aggregator_objects.ts";

const FIRST = await makeAggregatorCertificates();

Deno.test("a missing RBAC rule is named while trust waits for it, and no longer once it exists", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  server.denies = ({ name }) => name === CLIENT_SECRET;
  test.trust.use("append-ca");
  await test.until(() => /missing RBAC rule: verb "get" on resource "secrets"/.test(test.trust.waitingFor));
  assert.match(
    test.trust.waitingFor,
    /missing RBAC rule: verb "get" on resource "secrets", name "flow-aggregator-client-tls", namespace "flow-aggregator"/,
  );
  server.denies = () => false;
  await test.trust.established;
  assert.deepEqual(test.trust.status.problems, []);
});

Deno.test("an object that is polled for want of a rule is in the status with that rule, and in the log once", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  server.denies = ({ verb, resource }) => verb === "watch" && resource === "secrets";
  test.trust.use("append-ca");
  await test.trust.established;
  await test.until(() => test.trust.status.polling.length === 1);
  const [polling = ""] = test.trust.status.polling;
  assert.match(
    polling,
    /^Secret .*client-tls is read every second .*missing RBAC rule: verb "watch" on resource "secrets"/,
  );
  assert.deepEqual([test.messages("kubernetes_denied"), test.trust.status.problems], [[polling], []]);
});

Deno.test("what one trust mode lacked is no problem of the next", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  server.denies = ({ name }) => name === CA_SECRET;
  test.trust.use("mint");
  await test.until(() => /name "flow-aggregator-ca-tls"/.test(test.trust.status.problems.join()));
  test.trust.use("append-ca");
  await test.trust.established;
  assert.deepEqual([test.trust.status.problems, test.trust.status.polling], [[], []]);
});

Deno.test("without the right to update the bundle, the rule is named and everything else works", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  server.denies = ({ verb }) => verb === "update";
  test.trust.use("append-ca");
  await test.trust.established;
  const updates = () => server.calls.filter(({ verb }) => verb === "update").length;
  await test.until(() => updates() > 7, "attempt after attempt");
  assert.match(test.trust.status.problems.join(), /verb "update" on resource "configmaps", name "flow-aggregator-ca"/);
  server.denies = () => false;
  await test.until(() => countCertificates(test.bundle) === 2, "tried again by itself");
});
