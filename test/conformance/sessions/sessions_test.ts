/** Exporters that are slow, gone, half closed, or too many. */
import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { TcpConnection } from "../../../src/proxy/transport/tcp/tcp_connection.ts";
import { checkTlsMaterial } from "../../../src/certificates/tls_material.ts";
import { TestCollector } from "../../support/proxy/test_collector.ts";
import { Authority } from "../../support/certificates.ts";
import { field, join, message, set, text } from "../../support/messages/wire.ts";
import { announcement, assertMessages, data, GO, plain, RFC, template } from "../conformance.ts";
import { ended, send, turn, until, withTransport } from "./transport.ts";

const GOOD = [announcement(), data(0, 1)];

Deno.test("a slow sender of a partial message is closed after the limit, however it trickles; its neighbour is not", () =>
  withTransport({ to: GO, limits: { partialMessage: 30_000 } }, async ({ exporter, proxy, clock, received }) => {
    const [slow, other] = [await exporter(), await exporter()];
    await send(slow, join(...GOOD, data(1, 2).subarray(0, 5)));
    await until("the good part arrived", () => proxy.proxy.totals().recordsSent === 1);
    for (let octet = 5; octet < 15 && proxy.happened("session_closed").length === 0; octet++) {
      await clock.advance(4_000);
      await send(slow, data(1, 2).subarray(octet, octet + 1)).catch(() => {});
      await turn();
    }
    assert.deepEqual(await ended(proxy, 1), ["partial_message"]);
    assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), { message_truncated: 1 });
    await send(other, join(...GOOD));
    await received(GOOD, proxy.happened("session_closed")[0]?.fields["session"] === "1" ? 1 : 0);
  }));

Deno.test("half-open connections: keep-alive is on, at both sides, and Nagle's algorithm off", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [accepted, dialled] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  for (const socket of [accepted, dialled]) {
    const said: string[] = [];
    socket.setKeepAlive = (on) => void said.push(`keep-alive ${on}`);
    socket.setNoDelay = (on) => void said.push(`no delay ${on}`);
    new TcpConnection(socket);
    assert.deepEqual(said.toSorted(), ["keep-alive true", "no delay true"]);
    socket.close();
  }
  listener.close();
});

Deno.test("half-close: what came before it arrives, then the collector's side is closed, then the exporter's", () =>
  withTransport({ to: GO }, async ({ exporter, proxy, collector, received }) => {
    const socket = await exporter();
    const messages = [announcement(), ...Array.from({ length: 3_000 }, (_, index) => data(index, index % 256))];
    await send(socket, join(...messages));
    await socket.closeWrite();
    assert.equal(await socket.read(new Uint8Array(1)), null);
    assert.equal(collector.connections[0]?.ended, true, "the collector's side first");
    await received(messages);
    assert.deepEqual(await ended(proxy, 1), ["closed"]);
    assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), {});
  }));

Deno.test("a flood of connections: past the cap new ones are refused and reported once, open ones work, and an end frees a place", () =>
  withTransport({ to: GO, limits: { sessions: 3 } }, async ({ exporter, proxy, received, collector }) => {
    const standing = [await exporter(), await exporter(), await exporter()];
    await until("three are open", () => proxy.open === 3);
    for (let index = 0; index < 30; index++) {
      const refused = await exporter();
      assert.equal(await refused.read(new Uint8Array(1)).catch(() => null), null);
    }
    assert.equal(proxy.happened("session_refused").length, 1);
    assert.equal(proxy.proxy.counters.sessions.get("tcp")?.get("refused"), 30);
    assert.equal(collector.connections.length, 0, "nobody has sent anything yet");
    await send(standing[0] ?? await exporter(), join(...GOOD));
    await until("what stands works", () => proxy.proxy.totals().recordsSent === 1);
    standing[1]?.close();
    await until("one has ended", () => proxy.happened("session_closed").length === 1);
    await send(await exporter(), join(...GOOD));
    await received(GOOD, 1);
  }));

Deno.test("a reset in the middle of a message: the partial message is discarded and counted, whole ones arrive", () =>
  withTransport({ to: GO }, async ({ proxy, received, collector }) => {
    const socket = connectSocket({ host: "127.0.0.1", port: proxy.port });
    socket.on("error", () => {});
    await new Promise((resolve) => socket.write(join(...GOOD, data(1, 2).subarray(0, 20)), resolve));
    await received(GOOD);
    socket.resetAndDestroy();
    assert.deepEqual(await ended(proxy, 1), ["reset"]);
    await until("the collector is told", () => collector.connections[0]?.ended === true);
    await received(GOOD);
    assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), { message_truncated: 1 });
  }));

Deno.test("an exporter that is killed between messages: all that it had sent arrives, and no other session feels it", () =>
  withTransport({ to: GO }, async ({ proxy, received, exporter }) => {
    const other = await exporter();
    await send(other, join(...GOOD));
    await received(GOOD);
    const socket = connectSocket({ host: "127.0.0.1", port: proxy.port });
    socket.on("error", () => {});
    await new Promise((resolve) => socket.write(join(...GOOD, data(1, 2)), resolve));
    await received([...GOOD, data(1, 2)], 1);
    socket.resetAndDestroy();
    await ended(proxy, 1);
    assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), {});
    await send(other, data(1, 3));
    await received([...GOOD, data(1, 3)]);
  }));

Deno.test("drain, as SIGTERM does: no newcomer, all that was sent arrives, both sides are closed", () =>
  withTransport({ to: GO }, async ({ proxy, exporter, collector, clock, received }) => {
    const messages = [announcement(), ...Array.from({ length: 2_000 }, (_, index) => data(index, index % 256))];
    await send(await exporter(), join(...messages));
    await until("the session is open", () => proxy.open === 1);
    let drained = false;
    const draining = proxy.proxy.drain().then(() => drained = true);
    await assert.rejects(proxy.connect());
    await clock.advanceUntil("it is drained", () => drained, 50);
    await draining;
    await received(messages);
    assert.equal(collector.connections[0]?.ended, true);
    assert.deepEqual(await ended(proxy, 1), ["drained"]);
  }));

for (const to of [RFC, GO]) {
  Deno.test(`a collector that is killed: the templates go first after it returns, numbers from 0, nothing in hand is lost (${to.name})`, async () => {
    let collector = new TestCollector();
    const address = { hostname: "127.0.0.1", port: collector.port };
    await withTransport(
      { to, collector: { transport: "tcp", address }, random: () => 1 },
      async ({ exporter, proxy, clock }) => {
        const socket = await exporter();
        const other = message({ sequenceNumber: 2 }, template(300, [field("0/4", 1)]));
        await send(socket, join(...GOOD, data(1, 2), other));
        const before = [...GOOD, data(1, 2), other];
        await until("all arrived", () => collector.connections[0]?.length === join(...before).length);
        assertMessages(collector.connections[0]?.octets ?? new Uint8Array(), before);
        collector.close();
        await until("the loss is noticed", () => proxy.happened("collector_lost").length === 1);
        await send(socket, join(data(2, 3), message({ sequenceNumber: 3 }, set(300, Uint8Array.of(6)))));
        await turn();
        collector = new TestCollector(address.port);
        const after = [
          announcement(),
          message({}, template(300, [field("0/4", 1)])),
          data(0, 3),
          message({ sequenceNumber: 1 }, set(300, Uint8Array.of(6))),
        ];
        const isThere = () => (collector.connections.at(-1)?.length ?? 0) >= join(...after).length;
        await clock.advanceUntil("what was held arrives", isThere, 50);
        assertMessages(collector.connections.at(-1)?.octets ?? new Uint8Array(), after);
        await send(socket, data(4, 4));
        await until("it goes on", () => (collector.connections.at(-1)?.length ?? 0) > join(...after).length);
        assertMessages(collector.connections.at(-1)?.octets ?? new Uint8Array(), [...after, data(2, 4)]);
        assert.equal(proxy.happened("session_closed").length, 0, "the exporter notices nothing");
      },
    );
    collector.close();
  });
}

const authority = await Authority.create("cluster");
const aggregator = await authority.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] });
const tls = {
  credentials: { material: checkTlsMaterial({ ...aggregator, ca: authority.pem }), onChange: () => () => {} },
};
const listeners = [{ transport: "tls" as const, address: { hostname: "127.0.0.1", port: 0 }, tls }];

for (
  const [what, octets] of [
    ["IPFIX without TLS", join(...GOOD)],
    ["HTTP", text("GET / HTTP/1.1\r\n\r\n")],
    ["zeros", new Uint8Array(1_000)],
    ["the beginning of a handshake", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)],
    ["nothing", new Uint8Array(0)],
  ] as const
) {
  Deno.test(`junk on the TLS port (${what}): closed within the time that a handshake may take, no octet to the collector`, () =>
    withTransport({ listeners, limits: { handshake: 4_000 } }, async ({ exporter, proxy, clock, collector }) => {
      const socket = await exporter();
      await send(socket, octets);
      let closed = false;
      const reading = (async () => {
        const view = new Uint8Array(1_000);
        // An alert may come first.
        while (await socket.read(view).catch(() => null) !== null);
        closed = true;
      })();
      await clock.advanceUntil("it is closed", () => closed, 100);
      assert.ok(clock.now() <= 20_000, `it was closed after ${clock.now()} ms`);
      await reading;
      await until("it is said", () => proxy.happened("handshake_failed").length === 1);
      assert.equal(proxy.happened("session_opened").length, 0);
      assert.equal(collector.connections.length, 0);
    }));
}
