import assert from "node:assert/strict";
import { closeQuietly, send } from "../../../test/support/proxy/sockets.ts";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../test/support/proxy/test_proxy.ts";
import { TestUdpCollector } from "../../../test/support/proxy/test_udp_collector.ts";
import { until } from "../../../test/support/time/until.ts";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";

Deno.test("from its start the proxy holds one connection to the collector, which is no session's", async () => {
  const collector = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, { clock, watch: true });
  await proxy.proxy.start();
  await until("it is watched", () => collector.connections.length === 1);
  assert.equal(proxy.proxy.collector().state, "connected");
  await clock.advance(600_000);
  assert.equal(collector.connections.length, 1);
  assert.equal(collector.connections[0]?.length, 0, "nothing was sent");
  assert.equal([...proxy.proxy.sessions()].length, 0);
  assert.equal(proxy.proxy.counters.collectorConnections.size, 0, "it is counted as no session's connection");
  await proxy.proxy.close();
  await until("it is closed with the proxy", () => collector.connections[0]?.ended === true);
  collector.close();
});

Deno.test("once hold has run out, no exporter is let in until the collector is back", async () => {
  let collector = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, { clock, watch: true, limits: { hold: 3_000 } });
  await proxy.proxy.start();
  const held = await proxy.connect();
  await send(held, templateMessage());
  await until("the template arrived", () => collector.connections.some(({ length }) => length > 0));
  await clock.advance(2_000);
  collector.close();
  await until("it has gone", () => proxy.happened("collector_gone").length === 1);
  const within = await proxy.connect();
  await send(within, templateMessage());
  await until("it is let in while hold runs", () => proxy.happened("session_opened").length === 2);
  await clock.advanceUntil("both are closed", () => proxy.happened("session_closed").length === 2);
  for (let tries = 0; tries < 3; tries++) {
    const late = await proxy.connect();
    assert.equal(await late.read(new Uint8Array(1)).catch(() => null), null, "closed at once");
    closeQuietly(late);
  }
  const refused = proxy.happened("session_refused");
  assert.deepEqual(refused.map(({ fields }) => fields["reason"]), ["collector_unavailable"], "told once");
  assert.equal(proxy.proxy.counters.sessions.get("tcp")?.get("refused"), 3);
  collector = new TestCollector(collector.port);
  await clock.advanceUntil("it is back", () => proxy.proxy.collector().up);
  const again = await proxy.connect();
  await send(again, join(templateMessage(), dataMessage(0)));
  await clock.advanceUntil("its record arrived", () => collector.records().length === 1);
  for (const socket of [held, within, again]) closeQuietly(socket);
  await proxy.proxy.close();
  collector.close();
});

Deno.test("a drain while the collector is away closes the sessions at once", async () => {
  const collector = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, { clock, watch: true });
  await proxy.proxy.start();
  const [silent, held] = [await proxy.connect(), await proxy.connect()];
  await send(held, templateMessage());
  await until("the template arrived", () => collector.connections.some(({ length }) => length > 0));
  await clock.advance(2_000);
  collector.close();
  await until("it has gone", () => proxy.happened("collector_gone").length === 1);
  await send(held, dataMessage(0));
  await until("something is held", () => proxy.proxy.collector().heldOctets > 0);
  const before = clock.now();
  let isDrained = false;
  void proxy.proxy.drain().then(() => isDrained = true);
  // What exporters have written is read until nothing comes for a tenth of a second, and counted.
  await clock.advanceUntil("it is drained", () => isDrained);
  assert.ok(clock.now() - before <= 1_000, `${clock.now() - before} ms`);
  assert.deepEqual(proxy.happened("session_closed").map(({ fields }) => fields["outcome"]), ["drained", "drained"]);
  for (const socket of [silent, held]) closeQuietly(socket);
});

Deno.test("a change that concerns nothing of the collector dials none of its connections anew", async () => {
  const collector = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, { clock, watch: true });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("it arrived", () => collector.records().length === 1);
  const address = { hostname: "127.0.0.1", port: collector.port };
  await proxy.proxy.reconfigure({ skewSettle: 5_000, collector: { transport: "tcp", address } });
  await send(exporter, dataMessage(1));
  await until("it arrived as well", () => collector.records().length === 2);
  assert.equal(collector.connections.length, 2, "the session's and the watch connection");
  exporter.close();
  await until("the session has ended", () => proxy.happened("session_closed").length === 1);
  await proxy.proxy.close();
  collector.close();
});

Deno.test("the end of a session towards a collector over udp is no loss", async () => {
  const collector = new TestUdpCollector();
  const proxy = new TestProxy(collector.port, {
    collector: { transport: "udp", address: { hostname: "127.0.0.1", port: collector.port } },
  });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("both arrived", () => collector.datagrams.length === 2);
  exporter.close();
  await until("the session has ended", () => proxy.happened("session_closed").length === 1);
  assert.deepEqual(proxy.happened("collector_lost"), []);
  assert.equal(proxy.proxy.collector().recordsPossiblyLost, 0);
  await proxy.proxy.close();
  collector.close();
});

Deno.test("the state is that of the current collector, whatever connections to the previous one remain", async () => {
  const before = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(before.port, { clock, watch: true });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("it arrived", () => before.records().length === 1);
  const gone = new TestCollector();
  gone.close();
  const address = { hostname: "127.0.0.1", port: gone.port };
  await proxy.proxy.reconfigure({ collector: { transport: "tcp", address } });
  await clock.advanceUntil("it was tried", () => proxy.happened("collector_unreachable").length === 1);
  const { state, up, address: named, reason } = proxy.proxy.collector();
  assert.deepEqual([state, up, named], ["away", false, `127.0.0.1:${gone.port}`]);
  assert.ok(reason !== undefined);
  await until("nothing watches the one before", () => before.connections.filter(({ ended }) => !ended).length <= 1);
  closeQuietly(exporter);
  await proxy.proxy.close();
  before.close();
});

Deno.test("an exporter over udp that is silent for udpIdle is over for the verdict, and still a session", async () => {
  const collector = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, {
    clock,
    listeners: [{ transport: "udp", address: { hostname: "127.0.0.1", port: 0 } }],
    limits: { udpIdle: 60_000 },
  });
  await proxy.proxy.start();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port: proxy.port } as const;
  await socket.send(templateMessage(), to);
  await until("its template arrived", () => collector.messages().length === 1);
  const silent = () => [...proxy.proxy.sessions()].map((session) => session.silent);
  await clock.advance(50_000);
  assert.deepEqual(silent(), [false]);
  await clock.advance(20_000);
  assert.deepEqual(silent(), [true]);
  await socket.send(dataMessage(0), to);
  await until("its template still holds", () => collector.records().length === 1);
  await clock.advance(2_000);
  assert.deepEqual(silent(), [false]);
  socket.close();
  await proxy.proxy.close();
  collector.close();
});
