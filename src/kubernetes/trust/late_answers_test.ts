/**
 * Orders in which answers and events of the API server can arrive, of which one left the proxy with an old bundle for
 * good.
 */
import assert from "node:assert/strict";
import {
  type AggregatorCertificates,
  makeAggregatorCertificates,
  NAMESPACE,
} from "../../../test/support/kubernetes/aggregator_trust.ts";
import { ModelledTrust } from "../../../test/support/kubernetes/modelled_trust.ts";
import { secret, secretText } from "../api/objects.ts";
import { ownAuthoritySecret } from "./own_authority.ts";

const [FIRST, SECOND] = await Promise.all([1, 2].map(makeAggregatorCertificates));
assert.ok(FIRST !== undefined && SECOND !== undefined);

/** In force, with its own CA in the bundle. */
async function established(): Promise<ModelledTrust> {
  const test = new ModelledTrust();
  test.writeBundle(FIRST ?? assert.fail());
  test.writeClient(FIRST ?? assert.fail());
  test.trust.use("append-ca");
  await test.arrive();
  assert.equal(test.ownCertificates, 1);
  assert.equal(test.trust.status.state, "established");
  return test;
}

Deno.test("append-ca: a new Aggregator's bundle is taken up however late the answer to what was asked before", async () => {
  await using test = await established();
  const { model, trust } = test;
  // Somebody takes the own CA out, and the proxy puts it in again; that it is there the watch says late.
  test.writeBundle(FIRST);
  test.watch("ConfigMap").deliver();
  await test.settle();
  test.request("update", "ConfigMap").answer();
  await test.settle();
  // Meanwhile something else changes, for which the proxy looks at all it has again.
  test.writeClient(FIRST);
  test.watch("Secret").deliver();
  await test.settle();
  for (const request of [...model.requests].filter(({ verb }) => verb === "update")) request.answer();
  await test.settle();
  const asked = [...model.requests];
  for (const request of asked) request.serve();
  // A new Aggregator writes its objects before that answer arrives.
  test.writeBundle(SECOND);
  test.writeClient(SECOND);
  for (const watch of model.watches) while (watch.lags) watch.deliver();
  await test.settle();
  for (const request of asked) request.answer();
  await test.arrive();
  assert.equal(test.ownCertificates, 1);
  assert.ok(trust.collector.material.ca?.includes(SECOND.ca.certificate.trim()), trust.status.problems.join("; "));
  assert.deepEqual(trust.status.problems, []);
});

for (const [first, second] of [["Secret", "ConfigMap"], ["ConfigMap", "Secret"]] as const) {
  Deno.test(`append-ca: an event of a ${second} is never passed over, however soon it comes after that of a ${first}`, async () => {
    await using test = await established();
    for (let turns = 0; turns < 50; turns++) {
      const next: AggregatorCertificates = turns % 2 === 0 ? SECOND : FIRST;
      // A minute later: what takes the own CA out again and again is another fault.
      await test.clock.advance(60_000, 60_000);
      await test.arrive();
      test.writeClient(next);
      test.writeBundle(next);
      test.watch(first).deliver();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      test.watch(second).deliver();
      await test.arrive();
      const { collector, status } = test.trust;
      assert.ok(
        collector.material.ca?.includes(next.ca.certificate.trim()),
        `${turns} turns later: ${status.problems.join("; ")}`,
      );
      assert.equal(test.ownCertificates, 1);
    }
  });
}

Deno.test("append-ca: the proxy does not take its own write for somebody else's", async () => {
  await using test = await established();
  test.writeBundle(FIRST);
  test.watch("ConfigMap").deliver();
  await test.settle();
  test.request("update", "ConfigMap").answer();
  await test.settle();
  test.writeClient(SECOND);
  test.watch("Secret").deliver();
  await test.arrive();
  assert.deepEqual(test.events.filter(({ event }) => event === "ca_conflict"), []);
  assert.equal(test.model.served.filter(({ verb }) => verb === "update").length, 2);
});

Deno.test("append-ca: an update whose answer is lost, done or not, is neither repeated nor left out", async () => {
  for (const isDone of [true, false]) {
    await using test = await established();
    test.writeBundle(FIRST);
    test.watch("ConfigMap").deliver();
    await test.settle();
    const update = test.request("update", "ConfigMap");
    if (isDone) update.serve();
    update.break();
    await test.settle();
    assert.match(test.trust.status.problems.join("; "), /^update ConfigMap .*: the API server gives no answer/);
    await test.pass(2_000);
    assert.deepEqual([test.ownCertificates, test.trust.status.problems], [1, []]);
    assert.equal(test.model.served.filter(({ verb }) => verb === "update").length, 2);
    assert.deepEqual(test.events.filter(({ event }) => event === "ca_conflict"), []);
  }
});

Deno.test("append-ca: an update that fails at once, every time, is tried again every second, not at full speed", async () => {
  await using test = await established();
  test.writeBundle(FIRST);
  let updates = 0;
  for (let second = 0; second < 10; second++) {
    for (let step = 0; step < 20; step++) {
      await test.settle();
      for (const watch of test.model.watches) if (watch.lags) watch.deliver();
      for (const request of [...test.model.requests]) {
        if (request.verb !== "update") request.answer();
        else request.break(), updates++;
      }
    }
    await test.clock.advance(1_000, 1_000);
  }
  assert.ok(updates >= 5 && updates <= 11, `${updates} in 10 s`);
  await test.pass(2_000);
  assert.deepEqual([test.ownCertificates, test.trust.status.problems], [1, []]);
});

Deno.test("what the collector was shown before is kept for ten minutes, although nothing happens at their end", async () => {
  await using test = await established();
  // The Agents' certificate alone is new: no CA ends its overlap at the same time.
  test.writeClient({ ...(FIRST ?? assert.fail()), client: FIRST?.server ?? assert.fail() });
  await test.arrive();
  assert.ok(test.trust.collector.previous !== undefined);
  await test.pass(10 * 60_000 - 1_000);
  assert.ok(test.trust.collector.previous !== undefined);
  await test.pass(2_000);
  assert.equal(test.trust.collector.previous, undefined);
});

Deno.test("what it waits for is the API server, until that has answered", async () => {
  await using test = new ModelledTrust({ ownCaSecret: "own" });
  const { model, trust } = test;
  trust.use("append-ca");
  await test.settle();
  assert.equal(trust.waitingFor, "the API server to answer about ConfigMap flow-aggregator/flow-aggregator-ca");
  test.request("list", "ConfigMap").break();
  await test.settle();
  assert.match(trust.waitingFor, /^the API server: list ConfigMap .*: the API server gives no answer: broken off$/);
  model.fails = ({ name }) => name === "own";
  await test.pass(5_000);
  assert.equal(
    trust.waitingFor,
    "ConfigMap flow-aggregator/flow-aggregator-ca, which the Aggregator makes at its start",
  );
  test.writeBundle(FIRST);
  await test.pass(2_000);
  assert.equal(trust.waitingFor, "the API server: get Secret flow-aggregator/own: the API server answers 500");
  model.fails = () => false;
  await test.pass(2_000);
  assert.equal(
    trust.waitingFor,
    "Secret flow-aggregator/flow-aggregator-client-tls, which the Aggregator makes at its start",
  );
});

Deno.test("a Secret of the own CA that another proxy makes and somebody deletes again meanwhile is made anew", async () => {
  await using test = new ModelledTrust({ ownCaSecret: "own" });
  const { model } = test;
  const own = ownAuthoritySecret(NAMESPACE, "own");
  test.writeBundle(FIRST);
  test.writeClient(FIRST);
  test.trust.use("append-ca");
  for (let tries = 0; ![...model.requests].some(({ verb }) => verb === "create"); tries++) {
    assert.ok(tries < 10);
    for (const request of [...model.requests]) request.answer();
    await test.settle();
  }
  model.put(own, { data: {} });
  test.request("create", "Secret").serve();
  model.put(own, undefined);
  await test.arrive();
  const kept = secretText(secret.parse(model.object(own)), "tls.crt") ?? "";
  assert.ok(test.bundle.includes(kept.trim()), "what is published is what is kept");
  assert.equal(test.ownCertificates, 1);
});
