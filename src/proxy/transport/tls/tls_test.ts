import assert from "node:assert/strict";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Authority } from "../../../../test/support/certificates.ts";
import { Turns } from "../../time/turns.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import type { Connection } from "../connection.ts";
import type { ProxyOptions } from "../../proxy_options.ts";
import { dataMessage, join, templateMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { send } from "../../../../test/support/proxy/sockets.ts";
import { StandingClock } from "../../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../../test/support/time/until.ts";
import { Credentials } from "../../../../test/support/tls_credentials.ts";
import type { TlsFiles } from "../../../certificates/tls_material.ts";
import { requireDeno, TlsListener } from "./tls_listener.ts";

const authority = await Authority.create("cluster");
const stranger = await Authority.create("stranger");
const aggregator = await authority.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] });
const agent = await authority.issue({ name: "agent-1", usage: ["client"] });

const address = { hostname: "127.0.0.1", port: 0 };
const listening = () => new Credentials({ ...aggregator, ca: authority.pem });

/** A proxy that listens over TLS, and the plain collector behind it. */
async function withTlsProxy(
  options: Partial<ProxyOptions>,
  run: (parts: { collector: TestCollector; proxy: TestProxy }) => Promise<void>,
): Promise<void> {
  const collector = new TestCollector();
  const listeners = [{ transport: "tls" as const, address, tls: { credentials: listening() } }];
  const proxy = new TestProxy(collector.port, { listeners, ...options });
  await proxy.proxy.start();
  try {
    await run({ collector, proxy });
  } finally {
    await proxy.proxy.close();
    collector.close();
  }
}

/** An exporter over TLS; closes by itself when the proxy does. */
function exporter(port: number, pem: TlsFiles): TLSSocket {
  const { certificate, key, ca = authority.pem } = pem;
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: "flow-aggregator.svc",
    ca,
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  });
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

Deno.test("mutual TLS in, plain out: records arrive, the certificate's name is known, the half-close passes through", () =>
  withTlsProxy({}, async ({ collector, proxy }) => {
    const socket = exporter(proxy.port, agent);
    const count = 3000;
    socket.write(join(templateMessage(), ...Array.from({ length: count }, (_, number) => dataMessage(number, 400))));
    await until("all arrived", () => collector.records().length === count);
    assert.deepEqual(collector.records(), Array.from({ length: count }, (_, number) => number));
    assert.equal([...proxy.proxy.sessions()][0]?.certificateName, "agent-1");
    assert.equal(proxy.rewriters[0]?.facts.certificateName, "agent-1");
    assert.equal(proxy.happened("session_opened")[0]?.fields["certificateName"], "agent-1");
    socket.end();
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "closed");
    assert.equal(collector.connections[0]?.ended, true);
  }));

Deno.test("an exporter that has said that nothing more comes hears the same in TLS's own words, not just the end of TCP", () =>
  withTlsProxy({}, async ({ collector, proxy }) => {
    // The runtime's own TLS: it tells the two apart.
    const local = await authority.issue({ name: "aggregator", addresses: ["127.0.0.1"], usage: ["server"] });
    const credentials = new Credentials({ ...local, ca: authority.pem });
    await proxy.proxy.reconfigure({ listeners: [{ transport: "tls", address, tls: { credentials } }] });
    const pem = { caCerts: [authority.pem], cert: agent.certificate, key: agent.key };
    const connection = await Deno.connectTls({ hostname: "127.0.0.1", port: proxy.port, ...pem });
    await connection.write(join(templateMessage(), dataMessage(0)));
    await connection.closeWrite();
    assert.equal(await connection.read(new Uint8Array(1)), null);
    assert.deepEqual(collector.records(), [0]);
    connection.close();
  }));

for (const way of ["end", "destroy"] as const) {
  Deno.test(`an exporter over TLS that goes (${way}) while the collector is slow is noticed, and what came before arrives`, () =>
    withTlsProxy({}, async ({ collector, proxy }) => {
      collector.reading = false;
      const socket = exporter(proxy.port, agent);
      const count = 2000;
      const written = new Promise((resolve) =>
        socket.write(join(...Array.from({ length: count }, (_, number) => dataMessage(number, 330))), resolve)
      );
      await written;
      if (way === "end") socket.end();
      else socket.destroy();
      collector.reading = true;
      await until("the session is closed", () => proxy.happened("session_closed").length === 1);
      const records = collector.records();
      assert.deepEqual(records, records.map((_, number) => number));
      if (way === "end") assert.equal(records.length, count);
      assert.ok(way === "end" ? proxy.outcome() === "closed" : ["closed", "reset"].includes(String(proxy.outcome())));
    }));
}

Deno.test("a collector that stalls stops an exporter over TLS too", () =>
  withTlsProxy({}, async ({ collector, proxy }) => {
    await until("nothing is open", () => collector.connections.length === 0);
    collector.reading = false;
    const socket = exporter(proxy.port, agent);
    const chunk = join(...Array.from({ length: 64 }, (_, number) => dataMessage(number, 16384)));
    let sent = 0;
    const sending = (async () => {
      for (let index = 0; index < 64; index++) {
        await new Promise((resolve) => socket.write(chunk, resolve));
        sent += chunk.length;
      }
      socket.end();
    })();
    let before = -1;
    let still = 0;
    await until("the exporter is blocked", () => {
      still = sent === before && sent > 0 ? still + 1 : 0;
      before = sent;
      return still >= 50;
    });
    assert.ok(sent < 32 * chunk.length, `${sent} octets went into a proxy whose collector does not read`);
    collector.reading = true;
    await sending;
    await until("all arrived", () => collector.connections[0]?.ended === true);
    assert.equal(collector.connections[0]?.length, 64 * chunk.length);
  }));

Deno.test("a probe that connects to the TLS port and leaves without a word is not logged; one that leaves in the middle is", () =>
  withTlsProxy({}, async ({ proxy }) => {
    const probe = await proxy.connect();
    probe.close();
    const hasty = await proxy.connect();
    await send(hasty, Uint8Array.of(0x16, 3, 1, 2, 0));
    hasty.close();
    await until("the hasty one is said", () => proxy.happened("handshake_failed").length === 1);
    assert.match(String(proxy.happened("handshake_failed")[0]?.fields["reason"]), /left|hung up/);
    const next = exporter(proxy.port, agent);
    await until("the next is let in", () => proxy.happened("session_opened").length === 1);
    assert.equal(proxy.happened("handshake_failed").length, 1);
    next.destroy();
  }));

Deno.test("a silent connection to the TLS port is closed after the handshake timeout", async () => {
  const clock = new StandingClock();
  await withTlsProxy({ clock, limits: { handshake: 4_000 } }, async ({ proxy }) => {
    const silent = await proxy.connect();
    const reading = silent.read(new Uint8Array(1));
    let closed = false;
    reading.then(() => closed = true, () => closed = true);
    await clock.advance(3_000);
    assert.equal(closed, false);
    await clock.advanceUntil("it is closed", () => closed, 1_000);
    assert.match(String(proxy.happened("handshake_failed")[0]?.fields["reason"]), /too long: more than 4000 ms/);
    silent.close();
  });
});

const refused: readonly [string, () => Promise<TlsFiles>][] = [
  ["no certificate", () => Promise.resolve({})],
  ["a foreign certificate", () => stranger.issue({ name: "agent-1", usage: ["client"] })],
  ["an expired certificate", () => authority.issue({ name: "agent-1", usage: ["client"], days: -1 })],
  ["a certificate for another purpose", () => authority.issue({ name: "agent-1", usage: ["server"] })],
  ["a certificate that names nobody", () => authority.issue({ name: "", usage: ["client"] })],
];
for (const [what, certificate] of refused) {
  Deno.test(`an exporter with ${what} is refused: no session, no octet to the collector, one line in the log`, () =>
    withTlsProxy({}, async ({ collector, proxy }) => {
      const socket = exporter(proxy.port, await certificate());
      socket.write(join(templateMessage(), dataMessage(0)));
      await until("it is closed", () => socket.destroyed);
      await until("it is said", () => proxy.happened("handshake_failed").length === 1);
      assert.equal(proxy.happened("session_opened").length, 0);
      assert.equal(collector.connections.length, 0);
      const reason = String(proxy.happened("handshake_failed")[0]?.fields["reason"]);
      assert.match(reason, /shows no certificate|certificate is refused.*a client's|no verified client certificate/);
    }));
}

Deno.test("TLS 1.1 is refused: no session, no octet to the collector", () =>
  withTlsProxy({}, async ({ collector, proxy }) => {
    const socket = await proxy.connect();
    // ClientHello of TLS 1.1: 32 octets of random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    const hello = [3, 2, ...new Array<number>(32).fill(7), 0, 0, 2, 0, 0x2f, 1, 0];
    const handshake = [1, 0, 0, hello.length, ...hello];
    await send(socket, Uint8Array.of(0x16, 3, 1, 0, handshake.length, ...handshake));
    await until("it is said", () => proxy.happened("handshake_failed").length === 1);
    const answer = new Uint8Array(64);
    const length = await socket.read(answer).catch(() => null);
    // An alert or nothing at all, but no ServerHello.
    assert.ok(length === null || answer[0] === 0x15, `${answer}`);
    socket.close();
    assert.equal(proxy.happened("session_opened").length, 0);
    assert.equal(collector.connections.length, 0);
  }));

Deno.test("plaintext on the TLS port is refused and named in the log", () =>
  withTlsProxy({}, async ({ collector, proxy }) => {
    const socket = await proxy.connect();
    await send(socket, join(templateMessage(), dataMessage(0)));
    await until("it is said", () => proxy.happened("handshake_failed").length === 1);
    assert.match(String(proxy.happened("handshake_failed")[0]?.fields["reason"]), /not TLS/);
    while (await socket.read(new Uint8Array(64)).catch(() => null) !== null);
    socket.close();
    assert.equal(collector.connections.length, 0);
  }));

Deno.test("certificates that change are used from the next handshake on; sessions that stand go on", async () => {
  const credentials = listening();
  const listeners = [{ transport: "tls" as const, address, tls: { credentials } }];
  await withTlsProxy({ listeners }, async ({ collector, proxy }) => {
    const before = exporter(proxy.port, agent);
    before.write(dataMessage(0));
    await until("it arrived", () => collector.records().length === 1);
    const rotated = await stranger.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] });
    credentials.change({ ...rotated, ca: stranger.pem });
    const late = exporter(proxy.port, agent);
    await until("the old CA is no longer trusted", () => late.destroyed);
    const after = exporter(proxy.port, {
      ...await stranger.issue({ name: "agent-2", usage: ["client"] }),
      ca: stranger.pem,
    });
    after.write(dataMessage(1));
    await until("the new one is", () => collector.records().includes(1));
    before.write(dataMessage(2));
    await until("the old session goes on", () => collector.records().includes(2));
    before.destroy();
    after.destroy();
  });
});

Deno.test("a reload changes whom a listener lets in from the next handshake on; sessions that stand go on", () =>
  withTlsProxy({}, async ({ collector, proxy }) => {
    const before = exporter(proxy.port, agent);
    before.write(dataMessage(0));
    await until("it arrived", () => collector.records().length === 1);
    const listeners = (requireClientCertificate: boolean) => [
      { transport: "tls" as const, address, tls: { credentials: listening(), requireClientCertificate } },
    ];
    const { port } = proxy;
    await proxy.proxy.reconfigure({ listeners: listeners(false) });
    assert.equal(proxy.port, port);
    const anybody = exporter(proxy.port, {});
    anybody.write(dataMessage(1));
    await until("who shows none is let in", () => collector.records().includes(1));
    await proxy.proxy.reconfigure({ listeners: listeners(true) });
    const nobody = exporter(proxy.port, {});
    await until("and is not any more", () => nobody.destroyed);
    for (const [number, socket] of [before, anybody].entries()) socket.write(dataMessage(10 + number));
    await until("both sessions go on", () => collector.records().length === 4);
    const lacking = { credentials: new Credentials(aggregator), requireClientCertificate: true };
    const wrong = proxy.proxy.reconfigure({ listeners: [{ transport: "tls", address, tls: lacking }] });
    await assert.rejects(wrong, /no CA/);
    before.destroy();
    anybody.destroy();
  }));

Deno.test("handshakes that fail leave nothing behind, not even for a while", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  let failures = 0;
  const listener = await TlsListener.listen(address, { credentials: listening() }, {
    clock: SYSTEM_CLOCK,
    turns: new Turns(SYSTEM_CLOCK),
    handshake: () => 10_000,
    onFailure: () => failures++,
    onError: () => {},
  });
  const accepted = listener.accept((session) => session.close());
  /** Begins a record of 16 KiB, and leaves. Returns the octets of the heap in use after that many times. */
  const heapAfter = async (times: number): Promise<number> => {
    const expected = failures + times;
    for (let time = 0; time < times; time++) {
      const hasty = await Deno.connect({ hostname: "127.0.0.1", port: listener.address.port });
      await send(hasty, Uint8Array.of(0x16, 3, 1, 0x40, 0));
      hasty.close();
    }
    await until("all have failed", () => failures === expected);
    await new Promise((resolve) => setTimeout(resolve, 0));
    collectGarbage();
    return Deno.memoryUsage().heapUsed;
  };
  const before = await heapAfter(50);
  const count = 500;
  const each = (await heapAfter(count) - before) / count;
  assert(each < 2_000, `${Math.round(each)} octets are left of each`);
  listener.close();
  await accepted;
});

Deno.test("past the cap of handshakes the oldest makes room, so that a valid exporter connects; a closed listener admits none", async () => {
  const failures: string[] = [];
  const sessions: Connection[] = [];
  const listener = await TlsListener.listen(address, { credentials: listening() }, {
    clock: SYSTEM_CLOCK,
    turns: new Turns(SYSTEM_CLOCK),
    handshake: () => 10_000,
    handshakes: 4,
    onFailure: ({ words }) => failures.push(words),
    onError: () => {},
  });
  const accepted = listener.accept((session) => sessions.push(session));
  const dial = () => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port });
  const slow: Deno.TcpConn[] = [];
  for (let times = 0; times < 20; times++) {
    const one = await dial();
    await send(one, Uint8Array.of(0x16));
    slow.push(one);
  }
  await until("the oldest have made room", () => failures.length === 16);
  assert.match(failures[0] ?? "", /4 handshakes are under way/);
  for (const one of slow.slice(0, 16)) assert.equal(await one.read(new Uint8Array(1)).catch(() => null), null);
  const good = exporter(listener.address.port, agent);
  await until("a good exporter is let in", () => sessions.length === 1);
  for (const one of slow) one.close();
  const late = exporter(listener.address.port, agent);
  listener.close();
  await accepted;
  await until("who was in the middle of it is closed", () => late.destroyed);
  assert.equal(sessions.length, 1);
  for (const session of sessions) session.close();
  good.destroy();
});

Deno.test("a handshake that has ended takes no place from those under way, and its time no longer runs", async () => {
  const failures: string[] = [];
  const sessions: Connection[] = [];
  const limit = 54_321;
  let running = 0;
  const clock: typeof SYSTEM_CLOCK = {
    ...SYSTEM_CLOCK,
    after(milliseconds, callback) {
      if (milliseconds !== limit) return SYSTEM_CLOCK.after(milliseconds, callback);
      running++;
      const cancel = SYSTEM_CLOCK.after(milliseconds, callback);
      return () => (running--, cancel());
    },
  };
  const listener = await TlsListener.listen(address, { credentials: listening() }, {
    clock,
    turns: new Turns(clock),
    handshake: () => limit,
    handshakes: 4,
    onFailure: ({ words }) => failures.push(words),
    onError: () => {},
  });
  const accepted = listener.accept((session) => sessions.push(session));
  const { port } = listener.address;
  const good: TLSSocket[] = [];
  for (let times = 1; times <= 4; times++) {
    good.push(exporter(port, agent));
    await until("it is let in", () => sessions.length === times);
  }
  await until("no time runs", () => running === 0);
  const slow = Array.from({ length: 4 }, () => connectPlain({ host: "127.0.0.1", port, localAddress: "127.0.0.2" }));
  for (const one of slow) one.on("error", () => {}).write(Uint8Array.of(0x16));
  await until("all are under way", () => running === 4);
  assert.deepEqual(failures, []);
  for (const one of [...slow, ...good]) one.destroy();
  await until("they are over", () => running === 0);
  for (const session of sessions) session.close();
  listener.close();
  await accepted;
});

Deno.test("exporters that come back all at once, many more than there are handshakes at a time, get in at their first attempt", async () => {
  const failures: string[] = [];
  const sessions: Connection[] = [];
  const listener = await TlsListener.listen(address, { credentials: listening() }, {
    clock: SYSTEM_CLOCK,
    turns: new Turns(SYSTEM_CLOCK),
    handshake: () => 0,
    handshakes: 130,
    onFailure: ({ words }) => failures.push(words),
    onError: () => {},
  });
  const accepted = listener.accept((session) => sessions.push(session));
  const { port } = listener.address;
  const dial = () =>
    Deno.connectTls({
      ...address,
      port,
      caCerts: [authority.pem],
      cert: agent.certificate,
      key: agent.key,
      unsafelyDisableHostnameVerification: true,
    });
  const exporters = await Promise.all(Array.from({ length: 200 }, dial));
  await Promise.allSettled(exporters.map((one) => one.handshake()));
  await until("all are let in, or were not", () => sessions.length + failures.length >= 200);
  assert.deepEqual([sessions.length, failures], [200, []]);
  for (const one of [...exporters, ...sessions]) one.close();
  listener.close();
  await accepted;
});

Deno.test("what comes over TLS is read octet for octet, however much at a time", async () => {
  const { promise: admitted, resolve } = Promise.withResolvers<Connection>();
  const listener = await TlsListener.listen(address, { credentials: listening() }, {
    clock: SYSTEM_CLOCK,
    turns: new Turns(SYSTEM_CLOCK),
    handshake: () => 10_000,
    onFailure: () => {},
    onError: () => {},
  });
  const accepted = listener.accept(resolve);
  const socket = exporter(listener.address.port, agent);
  const sent = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251);
  socket.end(sent);
  const session = await admitted;
  let received = 0;
  const view = new Uint8Array(100_000);
  for (let length, size = 1; (length = await session.read(view.subarray(0, size))) !== null; received += length) {
    assert.deepEqual(view.subarray(0, length), sent.subarray(received, received + length));
    size = size * 7 % 99_991;
  }
  assert.equal(received, sent.length);
  session.close();
  listener.close();
  await accepted;
  socket.destroy();
});

Deno.test("two authorities are trusted while one takes over from the other, though their files were put together without a line break", async () => {
  const successor = await Authority.create("successor");
  const credentials = new Credentials({ ...aggregator, ca: authority.pem.trimEnd() + successor.pem });
  const renewed = await successor.issue({ name: "agent-2", usage: ["client"] });
  await withTlsProxy(
    { listeners: [{ transport: "tls", address, tls: { credentials } }] },
    async ({ proxy }) => {
      const names = () => proxy.happened("session_opened").map(({ fields }) => fields["certificateName"]);
      exporter(proxy.port, agent).write(templateMessage());
      await until("the first is in", () => names().length === 1);
      exporter(proxy.port, renewed).write(templateMessage());
      await until("the second is in", () => names().length === 2);
      assert.deepEqual(names(), ["agent-1", "agent-2"]);
    },
  );
});

Deno.test("a listener with a CA requires client certificates unless configured otherwise", async () => {
  await withTlsProxy({}, async ({ collector, proxy }) => {
    const socket = exporter(proxy.port, {});
    socket.write(dataMessage(3));
    await until("it is refused", () => proxy.happened("handshake_failed").length === 1);
    assert.match(String(proxy.happened("handshake_failed")[0]?.fields["reason"]), /certificate/);
    socket.destroy();
    assert.equal(proxy.happened("session_opened").length, 0);
    assert.equal(collector.connections.length, 0);
  });
  const tls = { credentials: listening(), requireClientCertificate: false };
  await withTlsProxy({ listeners: [{ transport: "tls", address, tls }] }, async ({ collector, proxy }) => {
    const socket = exporter(proxy.port, {});
    socket.write(dataMessage(3));
    await until("it arrived", () => collector.records()[0] === 3);
    assert.equal([...proxy.proxy.sessions()][0]?.certificateName, undefined);
    socket.destroy();
  });
  const credentials = new Credentials(aggregator);
  const listeners = [{ transport: "tls" as const, address, tls: { credentials, requireClientCertificate: true } }];
  await assert.rejects(new TestProxy(1, { listeners }).proxy.start(), /no CA/);
});

Deno.test("an older Deno, which lets in everybody, is refused", () => {
  for (const version of ["1.46.3", "2.7.13", "2.8.9"]) assert.throws(() => requireDeno(version), /2\.9/);
  for (const version of ["2.9.0", "2.9.6", "2.10.0", "3.0.0"]) requireDeno(version);
});
