import assert from "node:assert/strict";
import { Authority, type Issued } from "../../../../test/support/certificates.ts";
import { dataMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { send } from "../../../../test/support/proxy/sockets.ts";
import { TestCollector } from "../../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../../test/support/time/until.ts";
import { describeAlert, handshakeFailure } from "./handshake_failure.ts";
import { checkTlsMaterial, type TlsFiles } from "../../../certificates/tls_material.ts";

const authority = await Authority.create("cluster");
const stranger = await Authority.create("stranger");
const address = { hostname: "127.0.0.1", port: 0 };
const issue = (days?: number) =>
  authority.issue({
    name: "aggregator",
    addresses: ["127.0.0.1"],
    usage: ["server"],
    ...(days === undefined ? {} : { days }),
  });
const agent = await authority.issue({ name: "agent-1", usage: ["client"] });

/** An exporter that checks the listener's certificate, as real ones do; returns why it did not get in. */
async function connect(port: number, pem: TlsFiles & { readonly ca: string }): Promise<Deno.TlsConn | Error> {
  try {
    const { certificate, key, ca } = pem;
    const own = certificate === undefined || key === undefined ? {} : { cert: certificate, key };
    const connection = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [ca], ...own });
    await connection.handshake();
    return connection;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function withListener(certificate: Issued, run: (proxy: TestProxy) => Promise<void>): Promise<void> {
  const collector = new TestCollector();
  const material = checkTlsMaterial({ ...certificate, ca: authority.pem });
  const tls = { credentials: { material, onChange: () => () => {} } };
  const proxy = new TestProxy(collector.port, {
    listeners: [{ transport: "tls", address, tls }],
    skewSettle: 0,
  });
  await proxy.proxy.start();
  try {
    await run(proxy);
  } finally {
    await proxy.proxy.close();
    collector.close();
  }
}

/** The reasons that were counted, each once. */
function counted({ proxy: { counters } }: TestProxy): string[] {
  return [...counters.handshakeFailures].flatMap(([reason, count]) => new Array<string>(count).fill(reason));
}

Deno.test("an expired listener certificate locks every exporter out: counted, said who refused whom, and unknown", async () =>
  await withListener(await issue(-1), async (proxy) => {
    assert.ok(await connect(proxy.port, { ...agent, ca: authority.pem }) instanceof Error);
    await until("it is counted", () => counted(proxy).length === 1);
    assert.deepEqual(counted(proxy), ["listener_refused"]);
    const reason = String(proxy.happened("handshake_failed")[0]?.fields["reason"]);
    assert.match(
      reason,
      /^the exporter refuses the listener's certificate: it has expired .*\(TLS alert CertificateExpired\)$/,
    );
    const verdict = proxy.proxy.verdict();
    assert.equal(verdict.verdict, "unknown");
    assert.equal(verdict.reason, `the TLS handshake of exporter 127.0.0.1 fails: ${reason}`);
    assert.equal(proxy.proxy.failingHandshakes?.exporters, 1);
  }));

Deno.test("an exporter that does not know the listener's CA refuses it; one that gets in clears its address", async () =>
  await withListener(await issue(), async (proxy) => {
    assert.ok(await connect(proxy.port, { ...agent, ca: stranger.pem }) instanceof Error);
    await until("it is counted", () => counted(proxy).length === 1);
    assert.deepEqual(counted(proxy), ["listener_refused"]);
    assert.match(String(proxy.happened("handshake_failed")[0]?.fields["reason"]), /alert UnknownCA/i);
    const good = await connect(proxy.port, { ...agent, ca: authority.pem });
    assert.ok(!(good instanceof Error));
    await until("it has a session", () => proxy.happened("session_opened").length === 1);
    assert.equal(proxy.proxy.failingHandshakes, undefined);
    good.close();
  }));

Deno.test("each failure has its reason: no certificate, a foreign one, plain IPFIX, something else, hung up", async () =>
  await withListener(await issue(), async (proxy) => {
    const foreign = await stranger.issue({ name: "agent-1", usage: ["client"] });
    for (const [pem, reason] of [[{}, "no_certificate"], [foreign, "certificate_refused"]] as const) {
      const before = counted(proxy).length;
      const connection = await connect(proxy.port, { ...pem, ca: authority.pem });
      await until(`${reason} is counted`, () => counted(proxy).length === before + 1);
      assert.ok(counted(proxy).includes(reason), counted(proxy).join());
      if (!(connection instanceof Error)) connection.close();
    }
    assert.match(
      String(proxy.happened("handshake_failed")[0]?.fields["reason"]),
      /^it shows no certificate: it has none that was issued by a CA in the listener's `ca` file$/,
    );
    const spoken: [Uint8Array, string][] = [
      [dataMessage(0), "plain_ipfix"],
      [new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), "not_tls"],
      [Uint8Array.of(0x16, 3, 1, 2, 0), "closed"],
    ];
    for (const [octets, reason] of spoken) {
      const before = counted(proxy).length;
      const connection = await proxy.connect();
      await send(connection, octets);
      if (reason === "closed") await connection.closeWrite();
      await until(`${reason} is counted`, () => counted(proxy).length === before + 1);
      assert.ok(counted(proxy).includes(reason), counted(proxy).join());
      connection.close();
    }
  }));

Deno.test("a scanner that speaks something else is no exporter that waits to be let in", async () =>
  await withListener(await issue(), async (proxy) => {
    const scanner = await proxy.connect();
    await send(scanner, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    await until("it is counted", () => counted(proxy).length === 1);
    assert.equal(proxy.proxy.verdict().reason, "no exporter has connected yet");
    scanner.close();
  }));

Deno.test("alerts say who refused whom, and what of them", () => {
  const alert = (name: string) => new Error(`received fatal alert: ${name}`);
  assert.equal(
    describeAlert(alert("BadCertificate"), "the collector", "the proxy's certificate"),
    "the collector refuses the proxy's certificate: its name, signature or purpose is wrong, or it is not valid today " +
      "(TLS alert BadCertificate)",
  );
  assert.equal(describeAlert(new Error("reset"), "the collector", "the proxy's certificate"), undefined);
  assert.deepEqual(handshakeFailure(alert("ProtocolVersion")), {
    reason: "no_common_version",
    words: "the exporter ended the handshake with TLS alert ProtocolVersion",
  });
  assert.equal(handshakeFailure(alert("InternalError")).reason, "other");
  assert.equal(handshakeFailure("whatever").reason, "other");
});
