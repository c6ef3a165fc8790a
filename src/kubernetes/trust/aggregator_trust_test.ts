import assert from "node:assert/strict";
import {
  aggregatorObjectsOf,
  AUTHORITY_PATH,
  BUNDLE_PATH,
  CLIENT_PATH,
  makeAggregatorCertificates,
  shakeHands,
} from "../../../test/support/kubernetes/aggregator_trust.ts";
import { FakeApiServer } from "../../../test/support/kubernetes/kubernetes_api.ts";
import {
  countCertificates,
  FAST,
  startAggregator,
  TrustUnderTest,
} from "../../../test/support/kubernetes/trust_under_test.ts";
import { type Clock, SYSTEM_CLOCK } from "../../proxy/time/clock.ts";

const [FIRST, SECOND, THIRD] = await Promise.all([1, 2, 3].map(makeAggregatorCertificates));
assert.ok(FIRST !== undefined && SECOND !== undefined && THIRD !== undefined);

Deno.test("an invalid Secret or bundle is reported once, and the last valid trust stays in force", async () => {
  await using server = await FakeApiServer.start();
  // Each case is a while after the one before: what takes the own CA out again and again is another fault.
  let ahead = 0;
  const clock: Clock = { ...FAST, now: () => SYSTEM_CLOCK.now() + ahead };
  await using test = new TrustUnderTest(server, { clock });
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  const good = [test.trust.listener.material, test.trust.collector.material];
  const cut = SECOND.ca.certificate.slice(0, 400);
  const cases: [string, Record<string, unknown> | undefined, RegExp][] = [
    [
      CLIENT_PATH,
      { data: { "tls.crt": "cnViYmlzaA==", "tls.key": btoa(FIRST.client.key) } },
      /no PEM certificate in it/,
    ],
    [CLIENT_PATH, { data: { "tls.crt": btoa(FIRST.client.certificate) } }, /it has no tls\.key/],
    [
      CLIENT_PATH,
      { data: { "tls.crt": btoa(FIRST.client.certificate), "tls.key": btoa(SECOND.client.key) } },
      /does not belong to the certificate/,
    ],
    [
      CLIENT_PATH,
      { data: { "tls.crt": btoa(SECOND.client.certificate), "tls.key": btoa(SECOND.client.key) } },
      /does not go back to the Aggregator's CA/,
    ],
    [
      BUNDLE_PATH,
      { data: { "ca.crt": "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----" } },
      /certificate 1 of the bundle cannot be read/,
    ],
    [
      BUNDLE_PATH,
      { data: { "ca.crt": FIRST.ca.certificate + cut } },
      /certificate 2 of the bundle cannot be read: it is cut off/,
    ],
    [BUNDLE_PATH, { data: { "ca.crt": "rubbish" } }, /ca\.crt has no certificate of the Aggregator's CA/],
    [BUNDLE_PATH, { data: {} }, /ca\.crt has no certificate of the Aggregator's CA/],
    [
      BUNDLE_PATH,
      { data: { "ca.crt": FIRST.ca.certificate + FIRST.client.certificate } },
      /certificate 2 of the bundle \(CN=flow-aggregator-client\) is no CA's/,
    ],
    [BUNDLE_PATH, undefined, /ConfigMap flow-aggregator\/flow-aggregator-ca is not there: what was good last stays/],
    [CLIENT_PATH, undefined, /flow-aggregator-client-tls is not there: what was good last stays in force/],
  ];
  for (const [path, object, problem] of cases) {
    const said = () => test.messages("trust_problem").filter((each) => problem.test(each)).length;
    const before = said();
    server.put(path, object);
    await test.until(() => test.trust.status.problems.some((each) => problem.test(each)), String(problem));
    assert.deepEqual([test.trust.listener.material, test.trust.collector.material], good);
    assert.equal(said(), before + 1);
    ahead += 60_000;
    server.put(path, aggregatorObjectsOf(FIRST).get(path));
    await test.until(() => test.trust.status.problems.length === 0, "no problem any more");
    await test.until(() => countCertificates(test.bundle) === 2, "the own CA again");
  }
});

Deno.test("mint: the Aggregator's CA signs the proxy's certificate; nothing is written; a new CA is adopted", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  const { trust } = test;
  trust.use("mint");
  await test.until(() => server.watches === 2);
  assert.match(trust.waitingFor, /^Secret flow-aggregator\/flow-aggregator-ca-tls/);
  startAggregator(server, FIRST, true);
  await trust.established;
  assert.equal(await test.agent(FIRST), "flow-aggregator-client");
  startAggregator(server, SECOND, true);
  await test.until(() => trust.collector.material.ca?.includes(SECOND.ca.certificate.trim()) ?? false);
  assert.equal(await test.agent(SECOND), "flow-aggregator-client");
  const writes = server.calls.filter(({ verb }) => !["get", "list", "watch"].includes(verb));
  assert.deepEqual(writes, []);
  const minted = trust.listener.material;
  server.put(AUTHORITY_PATH, {
    data: { "tls.crt": btoa(THIRD.ca.certificate), "tls.key": btoa(FIRST.ca.key) },
  });
  await test.until(() => trust.status.problems.length > 0);
  assert.match(trust.status.problems.join(), /flow-aggregator-ca-tls is no good: key: it does not belong/);
  assert.equal(trust.listener.material, minted);
  server.put(AUTHORITY_PATH, {
    data: { "tls.crt": btoa(FIRST.client.certificate), "tls.key": btoa(FIRST.client.key) },
  });
  await test.until(() => trust.status.problems.some((each) => /is no CA's/.test(each)));
});

Deno.test("from append-ca to mint: trust stays in force while the new mode waits for its objects", async () => {
  await using server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  test.trust.use("mint");
  await test.until(() => server.watches === 2);
  await test.agent(FIRST);
  startAggregator(server, SECOND, true);
  await test.until(() => test.trust.listener.material.ca?.includes(SECOND.ca.certificate.trim()) ?? false);
  await test.until(() => test.trust.collector.material.ca?.includes(SECOND.ca.certificate.trim()) ?? false);
  assert.equal(test.bundle, SECOND.ca.certificate, "a new Aggregator's bundle is left alone");
  await test.agent(SECOND);
});

Deno.test("replaced trust stays valid for ten minutes", async () => {
  await using server = await FakeApiServer.start();
  let ahead = 0;
  const clock: Clock = { ...FAST, now: () => SYSTEM_CLOCK.now() + ahead };
  await using test = new TrustUnderTest(server, { clock });
  startAggregator(server, FIRST, true);
  test.trust.use("mint");
  await test.trust.established;
  startAggregator(server, SECOND, true);
  await test.until(() => test.trust.collector.previous !== undefined);
  await test.agent(FIRST).catch(() => assert.fail("not yet"));
  ahead = 10 * 60_000;
  startAggregator(server, SECOND, true);
  await test.until(() => test.trust.collector.previous === undefined);
  assert.ok(!test.trust.listener.material.ca?.includes(FIRST.ca.certificate.trim()));
});

Deno.test("without an API server it waits, and says so", async () => {
  const server = await FakeApiServer.start();
  await server[Symbol.asyncDispose]();
  await using test = new TrustUnderTest(server);
  test.trust.use("mint");
  await test.until(() => test.trust.status.problems.length > 0);
  assert.match(
    test.trust.waitingFor,
    /^the API server: list Secret flow-aggregator\/flow-aggregator-ca-tls: the API server gives no answer/,
  );
  assert.equal(test.trust.status.state, "waiting");
});

Deno.test("a certificate that has expired or is not valid yet is named, and nothing is weakened", async () => {
  await using server = await FakeApiServer.start();
  let ahead = 0;
  const clock: Clock = { ...FAST, date: () => new Date(Date.now() + ahead) };
  await using test = new TrustUnderTest(server, { clock });
  startAggregator(server, FIRST, true);
  test.trust.use("mint");
  await test.trust.established;
  assert.deepEqual(test.trust.status.problems, []);
  for (
    const [days, problem] of [
      [40, /the certificate of CN=flow-aggregator-client ended at/],
      [-20, /is valid from .* on: the clock is behind/],
    ] as const
  ) {
    ahead = days * 24 * 3_600_000;
    server.put(CLIENT_PATH, aggregatorObjectsOf(FIRST).get(CLIENT_PATH));
    await test.until(() => test.trust.status.problems.some((each) => problem.test(each)), String(problem));
  }
  assert.equal(test.messages("certificate_expires").length, 1, "once a day");
  await assert.rejects(test.agent(SECOND));
});

Deno.test("trust survives the loss of the API server and of a right", async () => {
  const server = await FakeApiServer.start();
  await using test = new TrustUnderTest(server);
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  const good = [test.trust.listener.material, test.trust.collector.material];
  server.denies = () => true;
  server.endWatches();
  await test.until(() => test.trust.status.problems.some((each) => /missing RBAC rule: verb "get"/.test(each)));
  server.denies = () => false;
  await test.until(() => test.trust.status.problems.length === 0);
  const { client } = FIRST;
  const bundle = test.bundle;
  await server[Symbol.asyncDispose]();
  await test.until(() => test.trust.status.problems.some((each) => /the API server gives no answer/.test(each)));
  assert.deepEqual([test.trust.listener.material, test.trust.collector.material], good);
  assert.equal(test.trust.status.state, "established");
  assert.equal(
    await shakeHands(good[0] ?? assert.fail(), { ...client, ca: bundle, certificates: [] }),
    "flow-aggregator-client",
  );
});

Deno.test("an expired token is named and takes no trust away: nothing is published until there is a new one", async () => {
  await using server = await FakeApiServer.start();
  let valid = "first";
  let token = valid;
  const access = {
    ...server.access(),
    credentials: () => Promise.resolve({ server: server.url, ca: server.ca, token }),
  };
  await using test = new TrustUnderTest(server, { access });
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  await test.until(() => countCertificates(test.bundle) === 2);
  const good = [test.trust.listener.material, test.trust.collector.material];

  valid = "second";
  server.refuses = (shown) => shown !== valid;
  server.endWatches();
  await test.until(() => test.trust.status.problems.some((each) => /the credentials are refused/.test(each)));
  // What changes meanwhile is not seen, and nothing is weakened for it.
  startAggregator(server, SECOND);
  const calls = server.calls.length;
  await test.until(() => server.calls.length > calls + 5);
  assert.deepEqual([test.trust.listener.material, test.trust.collector.material], good);
  assert.deepEqual([test.trust.status.state, countCertificates(test.bundle)], ["established", 1]);
  await assert.rejects(test.agent(SECOND));

  token = valid;
  await test.until(() => test.trust.status.problems.length === 0 && countCertificates(test.bundle) === 2);
  assert.equal(await test.agent(SECOND), "flow-aggregator-client");
  assert.ok(!JSON.stringify(test.events).includes('"first"'), "no token is ever reported");
});
