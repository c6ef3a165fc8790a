import assert from "node:assert/strict";
import { Authority, type Issued } from "../support/certificates.ts";
import { CollectorProcess } from "./peers/collector.ts";
import { connectExporter, Exporter, type ExporterIdentity } from "./peers/exporter.ts";
import { COLLECTOR, NEWER, PROFILE, settle, startExporters, withParts } from "./peers/fleet.ts";
import { flowLayouts, FlowMessages } from "./peers/flows.ts";
import { AGGREGATOR, Identities } from "./peers/identities.ts";
import { type ProxyConfiguration, ProxyProcess } from "./proxy.ts";
import { until } from "../support/time/until.ts";

/** How the log names those of which the runtime says only that they do not verify. */
const REFUSED =
  /certificate is refused: it does not go back to the CA, is not valid today, or is not a (client|server)'s/;

/** A proxy that listens over mutual TLS, a plain collector behind it. */
async function withTlsListener(
  run: (parts: { collector: CollectorProcess; proxy: ProxyProcess; identities: Identities }) => Promise<void>,
): Promise<void> {
  await using identities = await Identities.create();
  const tls = await identities.listener();
  await withParts({ listen: [{ transport: "tls", tls }] }, (parts) => run({ ...parts, identities }));
}

/** Tries to get in and to deliver a record: fails, at whatever step. */
async function tryToDeliver(port: number, identity: ExporterIdentity, domain: number): Promise<void> {
  const messages = new FlowMessages(NEWER, domain);
  await assert.rejects(async () => {
    // With TLS 1.3 a client is refused after it has taken the handshake for done: then the rest fails.
    const socket = await connectExporter(port, identity);
    try {
      await socket.write(messages.templates);
      await socket.write(messages.message(0));
      await socket.ended();
    } finally {
      socket.close();
    }
    throw new Error("it ended as if all were well");
  }, (error: Error) => error.message !== "it ended as if all were well");
}

/** Waits until the log says that the collector cannot be reached for this reason: a busy machine may give others before. */
async function unreachableFor(proxy: ProxyProcess, reason: RegExp): Promise<void> {
  const reasons = () => proxy.happened("collector_unreachable").map((line) => String(line.reason));
  await proxy.until(`it is unreachable for ${reason}`, () => reasons().some((each) => reason.test(each)));
}

Deno.test("exporters with a missing, foreign, expired or wrong-purpose certificate are refused and logged; a valid one is not", () =>
  withTlsListener(async ({ collector, proxy, identities: { authority, agent } }) => {
    const stranger = await Authority.create("cluster");
    const ca = authority.pem;
    const bad: [what: string, reason: RegExp, issued: Issued | undefined][] = [
      ["no certificate", /shows no certificate/, undefined],
      ["foreign", REFUSED, await stranger.issue({ name: "agent-1", usage: ["client"] })],
      [
        "expired",
        REFUSED,
        await authority.issue({ name: "agent-1", usage: ["client"], days: -1 }),
      ],
      ["a server's", REFUSED, await authority.issue({ name: "agent-1", usage: ["server"] })],
    ];
    const failures = async () =>
      [...await proxy.metrics()].filter(([name]) => name.startsWith("ipfix_proxy_handshake_failures_total"))
        .reduce((sum, [, count]) => sum + count, 0);
    for (const [index, [what, reason, issued]] of bad.entries()) {
      await tryToDeliver(proxy.port(), { ca, ...(issued === undefined ? {} : { issued }) }, index + 1);
      await until(`${what} is counted`, async () => await failures() > index);
      // One line for each source and reason within a minute: the last three fail for the same.
      const lines = () => proxy.happened("handshake_failed");
      await proxy.until(`${what} is logged`, () => lines().length >= Math.min(index + 1, 2));
      assert.equal(lines().length, Math.min(index + 1, 2), what);
      assert.match(String(lines().at(-1)?.reason), reason, what);
      assert.equal(lines().at(-1)?.level, "warning");
      assert.match(String(lines().at(-1)?.peer), /^127\.0\.0\.1:\d+$/);
    }
    assert.equal(await failures(), bad.length);
    const good = new Exporter(await connectExporter(proxy.port(), { ca, issued: agent }), NEWER, 100);
    await settle(collector, [good]);
    assert.equal(proxy.happened("session_opened").length, 1, "nobody else ever was a session");
    assert.equal(proxy.happened("session_opened")[0]?.["certificateName"], "agent-1");
    assert.deepEqual([...new Set(collector.collected().map((one) => one.observationDomain))], [100]);
  }));

Deno.test("collectors with a foreign, expired, wrong-purpose or wrong-name certificate get no record, and each is logged", async () => {
  await using identities = await Identities.create();
  const { authority, aggregator } = identities;
  const stranger = await Authority.create("cluster");
  const bad: [what: string, reason: RegExp, issued: Issued][] = [
    ["foreign", REFUSED, await stranger.issue(AGGREGATOR)],
    ["expired", REFUSED, await authority.issue({ ...AGGREGATOR, days: -1 })],
    ["a client's", REFUSED, await authority.issue({ ...AGGREGATOR, usage: ["client"] })],
    [
      "wrong name",
      /name.*does not match|does not match.*name/i,
      await authority.issue({ ...AGGREGATOR, dns: ["flow-aggregator.other"] }),
    ],
  ];
  const layouts = flowLayouts(COLLECTOR);
  const pem = (issued: Issued) => ({ transport: "tls" as const, ...issued, ca: authority.pem, layouts });
  for (const [what, reason, issued] of bad) {
    await using impostor = await CollectorProcess.start(pem(issued));
    const configuration: ProxyConfiguration = {
      listen: [{ transport: "tcp" }],
      collector: { transport: "tls", port: impostor.port, profile: PROFILE, tls: await identities.collector() },
    };
    await using proxy = await ProxyProcess.start(configuration);
    const [exporter] = await startExporters(proxy, 1);
    assert.ok(exporter !== undefined);
    await unreachableFor(proxy, reason);
    // It dials again and again, and each time the impostor gets nothing.
    const failed = `ipfix_proxy_collector_connections_total{outcome="failed"}`;
    await until("it has dialled three times", async () => ((await proxy.metrics()).get(failed) ?? 0) >= 3);
    await impostor.process.kill("SIGTERM");
    assert.deepEqual(impostor.collected(), [], `${what}: it got something`);
    // The right one takes its place: all that waited arrives.
    await using collector = await CollectorProcess.start(pem(aggregator), impostor.port);
    await settle(collector, [exporter]);
    collector.assertRight();
  }
  // And the other way round: a collector that asks for a certificate of its own people and is shown a stranger's.
  await using collector = await CollectorProcess.start(pem(aggregator));
  const outsider = await stranger.issue({ name: "proxy", usage: ["client"] });
  await using proxy = await ProxyProcess.start({
    listen: [{ transport: "tcp" }],
    collector: { transport: "tls", port: collector.port, profile: PROFILE, tls: await identities.collector(outsider) },
  });
  const [exporter] = await startExporters(proxy, 1);
  await unreachableFor(proxy, /(closed|ended the connection) at once|alert|certificate/i);
  assert.deepEqual(collector.collected(), []);
  exporter?.socket.close();
});

Deno.test("certificates rotated under load, on both sides: sessions go on, new ones use the new one, no record is lost", async () => {
  await using identities = await Identities.create();
  const { authority, aggregator, agent } = identities;
  const layouts = flowLayouts(COLLECTOR);
  await using collector = await CollectorProcess.start({ transport: "tls", ...aggregator, ca: authority.pem, layouts });
  await using proxy = await ProxyProcess.start({
    listen: [{ transport: "tls", tls: await identities.listener() }],
    collector: { transport: "tls", port: collector.port, profile: PROFILE, tls: await identities.collector() },
  });
  const identity = { issued: agent, ca: authority.pem };
  const exporters = [new Exporter(await connectExporter(proxy.port(), identity), NEWER, 1)];
  // Another authority signs from now on; for a while the old one is trusted beside it, as a rotation of a whole cluster
  // goes.
  const successor = await Authority.create("cluster, from now on");
  const both = authority.pem + successor.pem;
  await identities.write("listener", { ...await successor.issue(AGGREGATOR), ca: both });
  await identities.write("collector", { ...await authority.issue({ name: "proxy-2", usage: ["client"] }), ca: both });
  await proxy.until("both changes are seen", () => proxy.happened("certificate_changed").length === 2);
  await assert.rejects(connectExporter(proxy.port(), identity), "the old certificate is still shown");
  const renewed = await successor.issue({ name: "agent-2", usage: ["client"] });
  exporters.push(new Exporter(await connectExporter(proxy.port(), { issued: renewed, ca: successor.pem }), NEWER, 2));
  await collector.until(
    "both are under load",
    () => exporters.every(({ observationDomain }) => (collector.flowsOf(observationDomain).at(-1) ?? 0) > 500),
  );
  // A pair that does not belong together: refused, named, and what was good stays.
  const { certificate } = await successor.issue(AGGREGATOR);
  const { key } = await successor.issue(AGGREGATOR);
  await identities.write("listener", { certificate, key, ca: both });
  await proxy.until("the bad pair is named", () => proxy.happened("certificate_refused").length > 0);
  assert.match(String(proxy.happened("certificate_refused")[0]?.reason), /does not belong/);
  exporters.push(new Exporter(await connectExporter(proxy.port(), { issued: renewed, ca: successor.pem }), NEWER, 3));
  await settle(collector, exporters);
  collector.assertRight();
  const names = proxy.happened("session_opened").map(({ certificateName }) => certificateName);
  assert.deepEqual(names, ["agent-1", "agent-2", "agent-2"]);
});

Deno.test("plaintext to the TLS port is logged, and TLS handshakes still succeed", () =>
  withTlsListener(async ({ collector, proxy, identities: { authority, agent } }) => {
    const plain = await connectExporter(proxy.port());
    const messages = new FlowMessages(NEWER, 1);
    await plain.write(messages.templates).catch(() => {});
    await plain.ended().catch(() => {});
    plain.close();
    await proxy.until("it is named", () => proxy.happened("handshake_failed").length > 0);
    const [line] = proxy.happened("handshake_failed");
    assert.match(String(line?.reason), /not TLS.*plain IPFIX/);
    assert.equal(line?.peer, plain.name);
    await settle(collector, [
      new Exporter(await connectExporter(proxy.port(), { issued: agent, ca: authority.pem }), NEWER, 2),
    ]);
    assert.deepEqual(collector.flowsOf(1), []);
  }));

Deno.test("TLS to the plain port is logged and affects no other session", () =>
  withParts({}, async ({ collector, proxy }) => {
    const authority = await Authority.create("cluster");
    const exporters = await startExporters(proxy, 1);
    await assert.rejects(connectExporter(proxy.port(), { ca: authority.pem }));
    await proxy.until("it is named", () => proxy.happened("message_rejected").length > 0);
    assert.match(String(proxy.happened("message_rejected")[0]?.message), /looks like TLS/);
    const closed = () => proxy.happened("session_closed").filter(({ outcome }) => outcome === "rejected");
    await proxy.until("its session is over", () => closed().length === 1);
    await settle(collector, exporters);
  }));
