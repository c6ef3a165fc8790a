import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  type AggregatorCertificates,
  aggregatorObjectsOf,
  AUTHORITY_PATH,
  BUNDLE_PATH,
  CLIENT_PATH,
  makeAggregatorCertificates,
  NAMESPACE,
  shakeHands,
} from "../../../test/support/aggregator_trust.ts";
import { FakeApiServer } from "../../../test/support/kubernetes_api.ts";
import type { ProxyEvent } from "../../proxy/reporting/proxy_event.ts";
import { type Clock, SYSTEM_CLOCK } from "../../proxy/time/clock.ts";
import type { ApiAccess } from "../api/access.ts";
import { KubernetesClient } from "../api/client.ts";
import { AggregatorTrust } from "./aggregator_trust.ts";
import { CertificateAuthority } from "./certificate_authority.ts";
import { CA_SECRET, CLIENT_SECRET } from "./aggregator_objects.ts";

const [FIRST, SECOND, THIRD] = await Promise.all([1, 2, 3].map(makeAggregatorCertificates));
assert.ok(FIRST !== undefined && SECOND !== undefined && THIRD !== undefined);

/** Waits a tenth of the time. */
const FAST: Clock = {
  ...SYSTEM_CLOCK,
  after: (milliseconds, callback) => SYSTEM_CLOCK.after(milliseconds / 10, callback),
};

class Trusted implements AsyncDisposable {
  readonly events: ProxyEvent[] = [];
  readonly client: KubernetesClient;
  readonly trust: AggregatorTrust;

  constructor(
    readonly server: FakeApiServer,
    options: { ownCaSecret?: string; name?: string; clock?: Clock; access?: ApiAccess } = {},
  ) {
    const { clock = FAST, name = "proxy", access = server.access(), ...rest } = options;
    this.client = new KubernetesClient({ access, clock });
    const report = (event: ProxyEvent) => this.events.push(event);
    this.trust = new AggregatorTrust({ client: this.client, clock, report, namespace: NAMESPACE, name, ...rest });
  }

  messages(event: string): string[] {
    return this.events.filter((each) => each.event === event).map(({ message }) => message);
  }

  get bundle(): string {
    return this.server.object(BUNDLE_PATH)?.data?.["ca.crt"] ?? "";
  }

  /** An Agent that reads ConfigMap and Secret now, as it does at each connect. */
  agent(certificates: AggregatorCertificates): Promise<string> {
    return shakeHands(this.trust.listener.material, { ...certificates.client, ca: this.bundle, certificates: [] });
  }

  async until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
    for (let tries = 0; !isSo(); tries++) {
      assert.ok(
        tries < 500,
        `waited for ${what}: ${JSON.stringify(this.events.map(({ message }) => message), null, 1)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.trust[Symbol.asyncDispose]();
    this.client[Symbol.dispose]();
    assert.ok(!JSON.stringify(this.events).includes("PRIVATE KEY"), "no key is ever reported");
  }
}

/** An Aggregator's process starts: it writes its objects. */
function startAggregator(server: FakeApiServer, certificates: AggregatorCertificates, withAuthority = false): void {
  for (const [path, object] of aggregatorObjectsOf(certificates, withAuthority)) server.put(path, object);
}

function count(bundle: string): number {
  return bundle.split("-----BEGIN CERTIFICATE-----").length - 1;
}

Deno.test("append-ca: waits for what the Aggregator makes, saying what for, then both ends verify each other", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("append-ca: a restarted Aggregator's CA is the listener's before the own one is published again", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  let ready: boolean | undefined;
  server.before = ({ verb }) => {
    if (verb === "update") ready = test.trust.listener.material.ca?.includes(SECOND.ca.certificate.trim());
  };
  startAggregator(server, SECOND);
  await test.until(() => count(test.bundle) === 2 && ready !== undefined, "the own CA again");
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

Deno.test("append-ca: whoever changes the ConfigMap in between loses nothing", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
  startAggregator(server, FIRST);
  let meanwhile = 0;
  server.before = ({ verb }) => {
    if (verb !== "update" || meanwhile++ > 0) return;
    server.put(BUNDLE_PATH, { data: { "ca.crt": SECOND.ca.certificate, more: "kept" } });
  };
  test.trust.use("append-ca");
  await test.until(() => count(test.bundle) === 2);
  assert.ok(test.bundle.startsWith(SECOND.ca.certificate));
  assert.equal(server.object(BUNDLE_PATH)?.data?.more, "kept");
  assert.ok(test.trust.listener.material.ca?.includes(SECOND.ca.certificate.trim()), "its CA was taken up first");
});

Deno.test("append-ca: after a drain has begun nothing is appended; withdrawn, the bundle is the Aggregator's to the octet", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
  await using other = new Trusted(server, { name: "other" });
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  other.trust.use("append-ca");
  await test.until(() => count(test.bundle) === 3, "both proxies' CAs");
  assert.equal(await test.trust.withdraw(), true);
  assert.equal(count(test.bundle), 2, "the other proxy's stays");
  assert.equal(await other.trust.withdraw(), true);
  assert.equal(test.bundle, FIRST.ca.certificate);
  assert.equal(await other.trust.withdraw(), false);
  startAggregator(server, SECOND);
  await test.until(() => test.trust.collector.material.ca?.includes(SECOND.ca.certificate.trim()) ?? false);
  assert.equal(test.bundle, SECOND.ca.certificate);
});

Deno.test("append-ca: a proxy that starts again in its Pod replaces the CA whose key is gone", async () => {
  await using server = await FakeApiServer.start();
  startAggregator(server, FIRST);
  for (let start = 0; start < 3; start++) {
    await using test = new Trusted(server, { name: "flow-aggregator-1" });
    test.trust.use("append-ca");
    await test.trust.established;
    assert.equal(count(test.bundle), 2);
    await test.agent(FIRST);
  }
});

Deno.test("append-ca: an own CA in a Secret is used by the next process, which publishes nothing new", async () => {
  await using server = await FakeApiServer.start();
  startAggregator(server, FIRST);
  const bundles = new Set<string>();
  for (let start = 0; start < 2; start++) {
    await using test = new Trusted(server, { ownCaSecret: "ipfix-skew-proxy-ca" });
    test.trust.use("append-ca");
    await test.trust.established;
    bundles.add(test.bundle);
  }
  assert.equal(bundles.size, 1);
  server.put(`/api/v1/namespaces/${NAMESPACE}/secrets/ipfix-skew-proxy-ca`, {
    data: { "tls.crt": "cnVi", "tls.key": "!" },
  });
  await using test = new Trusted(server, { ownCaSecret: "ipfix-skew-proxy-ca" });
  test.trust.use("append-ca");
  await test.until(() => test.trust.status.problems.length > 0);
  assert.match(test.trust.waitingFor, /Secret flow-aggregator\/ipfix-skew-proxy-ca does not keep the proxy's CA/);
});

Deno.test("append-ca: against somebody who takes the own CA out every time, it gives up and says why", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("rubbish in the Secret or the bundle: said once, and the last good trust stays", async () => {
  await using server = await FakeApiServer.start();
  // Each case is a while after the one before: what takes the own CA out again and again is another fault.
  let ahead = 0;
  const clock: Clock = { ...FAST, now: () => SYSTEM_CLOCK.now() + ahead };
  await using test = new Trusted(server, { clock });
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
    await test.until(() => count(test.bundle) === 2, "the own CA again");
  }
});

Deno.test("out of a bundle with somebody else's rubbish in it, the own CA goes all the same", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  const rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  server.put(BUNDLE_PATH, { data: { "ca.crt": test.bundle + rubbish } });
  await test.until(() => test.trust.status.problems.length > 0);
  assert.equal(await test.trust.withdraw(), true);
  assert.equal(test.bundle, FIRST.ca.certificate + rubbish);
});

Deno.test("a missing rule is named while it waits, and is no longer missing once it is there", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("what is read instead of watched is in the status with its rule, and in the log once", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("what one way to be trusted lacked is no problem of the next one", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
  startAggregator(server, FIRST);
  server.denies = ({ name }) => name === CA_SECRET;
  test.trust.use("mint");
  await test.until(() => /name "flow-aggregator-ca-tls"/.test(test.trust.status.problems.join()));
  test.trust.use("append-ca");
  await test.trust.established;
  assert.deepEqual([test.trust.status.problems, test.trust.status.polling], [[], []]);
});

Deno.test("without the right to update the bundle, the rule is named and everything else goes on", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
  startAggregator(server, FIRST);
  server.denies = ({ verb }) => verb === "update";
  test.trust.use("append-ca");
  await test.trust.established;
  const updates = () => server.calls.filter(({ verb }) => verb === "update").length;
  await test.until(() => updates() > 7, "attempt after attempt");
  assert.match(test.trust.status.problems.join(), /verb "update" on resource "configmaps", name "flow-aggregator-ca"/);
  server.denies = () => false;
  await test.until(() => count(test.bundle) === 2, "tried again by itself");
});

Deno.test("mint: the Aggregator's CA signs for the proxy; nothing is written; a new CA is taken up", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("from append-ca to mint: trust stays while the new way waits for what it needs", async () => {
  await using server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("what was replaced is good for ten minutes", async () => {
  await using server = await FakeApiServer.start();
  let ahead = 0;
  const clock: Clock = { ...FAST, now: () => SYSTEM_CLOCK.now() + ahead };
  await using test = new Trusted(server, { clock });
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

Deno.test("without an API server it waits and says so", async () => {
  const server = await FakeApiServer.start();
  await server[Symbol.asyncDispose]();
  await using test = new Trusted(server);
  test.trust.use("mint");
  await test.until(() => test.trust.status.problems.length > 0);
  assert.match(test.trust.waitingFor, /the API server gives no answer/);
  assert.equal(test.trust.status.state, "waiting");
});

Deno.test("a certificate that has ended, or is not valid yet by this clock, is named; nothing is weakened", async () => {
  await using server = await FakeApiServer.start();
  let ahead = 0;
  const clock: Clock = { ...FAST, date: () => new Date(Date.now() + ahead) };
  await using test = new Trusted(server, { clock });
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

Deno.test("a server certificate is made again ten days before it ends, but not in vain where the CA ends first", async () => {
  const now = new Date("2026-01-01T00:00:00Z");
  const own = await CertificateAuthority.create("proxy", now);
  const { certificate, renewAt } = await own.issueServerCertificate("a.svc", now);
  assert.equal(renewAt.toISOString(), "2026-01-21T00:00:00.000Z");
  const { validFrom, validTo, subjectAltName } = new X509Certificate(certificate);
  assert.deepEqual([new Date(validFrom).toISOString(), new Date(validTo).toISOString()], [
    "2025-12-31T23:00:00.000Z",
    "2026-01-31T00:00:00.000Z",
  ]);
  assert.match(String(subjectAltName), /DNS:a\.svc/);
  const late = await own.issueServerCertificate("a.svc", new Date(now.getTime() + 3645 * 24 * 3_600_000));
  assert.ok(late.renewAt > new Date("2100-01-01"), late.renewAt.toISOString());
});

Deno.test("an API server that goes away, or a right that is taken back, takes no trust away", async () => {
  const server = await FakeApiServer.start();
  await using test = new Trusted(server);
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

Deno.test("a token that expires takes no trust away: it is named, nothing is published, and a new one heals it", async () => {
  await using server = await FakeApiServer.start();
  let valid = "first";
  let token = valid;
  const access = {
    ...server.access(),
    credentials: () => Promise.resolve({ server: server.url, ca: server.ca, token }),
  };
  await using test = new Trusted(server, { access });
  startAggregator(server, FIRST);
  test.trust.use("append-ca");
  await test.trust.established;
  await test.until(() => count(test.bundle) === 2);
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
  assert.deepEqual([test.trust.status.state, count(test.bundle)], ["established", 1]);
  await assert.rejects(test.agent(SECOND));

  token = valid;
  await test.until(() => test.trust.status.problems.length === 0 && count(test.bundle) === 2);
  assert.equal(await test.agent(SECOND), "flow-aggregator-client");
  assert.ok(!JSON.stringify(test.events).includes('"first"'), "no token is ever reported");
});
