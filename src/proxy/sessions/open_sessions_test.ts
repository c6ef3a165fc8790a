import assert from "node:assert/strict";
import type { ProxyOptions } from "../proxy_options.ts";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { mediatorOf } from "../../../test/support/session.ts";
import { RFC } from "../../../test/conformance/conformance.ts";
import { send } from "../../../test/support/proxy/sockets.ts";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../test/support/time/until.ts";

const loopback = { hostname: "127.0.0.1", port: 0 };
const tcp = { transport: "tcp" as const, address: loopback };
const udp = { transport: "udp" as const, address: loopback };

interface Parts {
  readonly proxy: TestProxy;
  readonly collector: TestCollector;
  readonly clock: StandingClock;
}

async function withProxy(options: Partial<ProxyOptions>, run: (parts: Parts) => Promise<void>): Promise<void> {
  const clock = new StandingClock();
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { clock, ...options });
  await proxy.proxy.start();
  try {
    await run({ proxy, collector, clock });
  } finally {
    await proxy.proxy.close();
    collector.close();
  }
}

/** Sends one datagram from a port of its own. */
async function sendDatagram(port: number, datagram: Uint8Array): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port });
  socket.close();
}

Deno.test("UDP sources take no place from an exporter over TCP", () =>
  withProxy({ listeners: [tcp, udp], limits: { sessions: 5 } }, async ({ proxy, collector }) => {
    const port = proxy.proxy.addresses()[1]?.address.port ?? 0;
    for (let source = 0; source < 20; source++) await sendDatagram(port, templateMessage());
    await until("the sources have sessions", () => proxy.happened("session_opened").length === 20);
    const exporters = await Promise.all(Array.from({ length: 5 }, () => proxy.connect()));
    for (const exporter of exporters) await send(exporter, join(templateMessage(), dataMessage(0)));
    await until("all are let in", () => collector.records().length === 5);
    assert.equal(proxy.happened("session_refused").length, 0);
    for (const exporter of exporters) exporter.close();
  }));

Deno.test("a health probe opens no connection to the collector, and says nothing at info", () =>
  withProxy({ skewSettle: 1_000 }, async ({ proxy, collector, clock }) => {
    const probe = await proxy.connect();
    await until("it is accepted", () => proxy.open === 1);
    await clock.advance(2_000);
    probe.close();
    await until("it is gone", () => proxy.open === 0);
    assert.equal(collector.connections.length, 0);
    assert.deepEqual(proxy.events.filter(({ level }) => level !== "debug"), []);
    assert.equal(proxy.proxy.verdict().reason, "no exporter has connected yet", "no exporter has come");
  }));

Deno.test("an exporter whose data has no template costs the collector no connection over UDP", () =>
  withProxy({ listeners: [udp], mediator: mediatorOf(RFC) }, async ({ proxy, collector, clock }) => {
    await sendDatagram(proxy.port, dataMessage(0));
    for (let waited = 0; proxy.happened("session_opened").length === 0; waited++) {
      assert.ok(waited < 100, "its losses have no name");
      await clock.advance(1_000);
    }
    await until("its losses are counted", () => proxy.proxy.totals().recordsDropped.get("unknown_template") === 1);
    assert.equal(collector.connections.length, 0);
  }));

Deno.test("with no place free, connections silent for 15 seconds make room, the oldest first, and no others do", () =>
  withProxy({ limits: { sessions: 2 } }, async ({ proxy, collector, clock }) => {
    const silent = [await proxy.connect(), await proxy.connect()];
    const closed = silent.map(() => false);
    silent.forEach((one, index) => void one.read(new Uint8Array(1)).catch(() => null).then(() => closed[index] = true));
    await until("all places are taken", () => proxy.open === 2);
    await clock.advance(14_000);
    const early = await proxy.connect();
    assert.equal(await early.read(new Uint8Array(1)).catch(() => null), null, "none has been silent for long enough");
    early.close();
    await clock.advance(2_000);
    assert.deepEqual(closed, [false, false], "nobody needs their places");
    const good = await proxy.connect();
    await send(good, join(templateMessage(), dataMessage(7)));
    await until("a good exporter is let in", () => collector.records()[0] === 7);
    await until("the oldest is closed", () => closed[0] === true);
    assert.equal(closed[1], false);
    assert.equal(proxy.happened("session_refused").length, 1);
    for (const one of [...silent, good]) one.close();
  }));
