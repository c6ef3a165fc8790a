import assert from "node:assert/strict";
import type { ProxyOptions } from "../proxy_options.ts";
import { freePort } from "../../../test/support/free_port.ts";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { closeQuietly, send } from "../../../test/support/proxy/sockets.ts";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../test/support/time/until.ts";

/** A proxy and one exporter, on a clock that stands, closed whatever happens. */
async function withExporter(
  port: number,
  options: Partial<ProxyOptions>,
  run: (parts: { proxy: TestProxy; exporter: Deno.TcpConn; clock: StandingClock }) => Promise<void>,
): Promise<void> {
  const clock = new StandingClock();
  const proxy = new TestProxy(port, { clock, random: () => 1, ...options });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  try {
    await run({ proxy, exporter, clock });
  } finally {
    closeQuietly(exporter);
    const closed = proxy.proxy.close();
    await clock.advance(1);
    await closed;
  }
}

Deno.test("a collector that is not there yet holds the exporter, which notices nothing", async () => {
  const port = freePort();
  await withExporter(port, {}, async ({ proxy, exporter, clock }) => {
    await send(exporter, join(templateMessage(), dataMessage(0), dataMessage(1)));
    await clock.advanceUntil(
      "three attempts failed",
      () => (proxy.proxy.counters.collectorConnections.get("failed") ?? 0) >= 3,
    );
    assert.equal(proxy.proxy.collector().up, false);
    assert.equal(proxy.happened("collector_unreachable").length, 1, "said once, not at every attempt");
    const collector = new TestCollector(port);
    await clock.advanceUntil("all arrived", () => collector.records().length === 2);
    assert.deepEqual(collector.messages().map(({ record }) => record), ["template", 0, 1]);
    assert.equal(proxy.proxy.collector().up, true);
    collector.close();
  });
});

Deno.test("the time between attempts doubles, never beyond hold, and then the exporter is closed", async () => {
  await withExporter(freePort(), { limits: { hold: 3_000 } }, async ({ proxy, exporter, clock }) => {
    await send(exporter, templateMessage());
    const failed = () => proxy.proxy.counters.collectorConnections.get("failed") ?? 0;
    const times: number[] = [];
    await clock.advanceUntil("the session is closed", () => {
      if (failed() > times.length) times.push(clock.now());
      return proxy.happened("session_closed").length === 1;
    });
    assert.equal(proxy.outcome(), "collector_unavailable");
    assert.equal(await exporter.read(new Uint8Array(1)).catch(() => null), null);
    const distances = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.equal(times.length, 6, `attempts at ${times}`);
    distances.slice(0, 4).forEach((distance, index) => {
      const wanted = 100 * 2 ** index;
      assert.ok(distance >= wanted && distance <= wanted + 150, `distance ${index} is ${distance}, wanted ${wanted}`);
    });
    assert.ok(clock.now() >= 3_000 && clock.now() < 3_200, `closed after ${clock.now()} ms`);
  });
});

Deno.test("a collector that goes and comes back gets the template first, sequence numbers from 0, and the exporter stays", async () => {
  let collector = new TestCollector();
  await withExporter(collector.port, {}, async ({ proxy, exporter, clock }) => {
    await send(exporter, join(templateMessage(), dataMessage(0), dataMessage(1)));
    await until("two arrived", () => collector.records().length === 2);
    await clock.advance(2_000);
    collector.close();
    const isNoticed = () => proxy.happened("collector_lost").length === 1;
    await clock.advanceUntil("the loss is noticed though nothing is written", isNoticed);
    assert.equal(proxy.happened("collector_lost")[0]?.fields["possiblyLost"], 0, "it had read them long ago");
    assert.equal(proxy.proxy.collector().recordsPossiblyLost, 0);
    await send(exporter, join(dataMessage(2), dataMessage(3)));
    await until("something is held", () => proxy.proxy.collector().heldOctets >= 128);
    collector = new TestCollector(collector.port);
    await clock.advanceUntil("the rest arrived", () => collector.records().length === 2);
    assert.deepEqual(collector.messages(), [
      { sequenceNumber: 0, record: "template" },
      { sequenceNumber: 0, record: 2 },
      { sequenceNumber: 1, record: 3 },
    ]);
    assert.equal(proxy.proxy.collector().heldOctets, 0);
    assert.equal(proxy.proxy.counters.replayedTemplates, 1);
    assert.equal(proxy.proxy.counters.collectorReconnects, 1);
    assert.equal(proxy.happened("collector_found").length, 1);
    assert.equal(proxy.happened("session_closed").length, 0);
    collector.close();
  });
});

Deno.test("an exporter that half-closes while it is held is finished once the collector is back", async () => {
  let collector = new TestCollector();
  await withExporter(collector.port, {}, async ({ proxy, exporter, clock }) => {
    await send(exporter, templateMessage());
    await until("the template arrived", () => collector.messages().length === 1);
    collector.close();
    await until("the loss is noticed", () => proxy.happened("collector_lost").length === 1);
    await send(exporter, dataMessage(0));
    await exporter.closeWrite();
    await until("it is held", () => proxy.proxy.collector().heldOctets > 0);
    collector = new TestCollector(collector.port);
    await clock.advanceUntil("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.deepEqual(collector.records(), [0]);
    assert.equal(proxy.outcome(), "closed");
    collector.close();
  });
});

Deno.test("a collector killed while it stalls: what its socket took is counted as possibly lost, the rest arrives once and in order", async () => {
  let collector = new TestCollector();
  collector.reading = false;
  await withExporter(collector.port, {}, async ({ proxy, exporter, clock }) => {
    const count = 3_000;
    const octets = join(templateMessage(), ...Array.from({ length: count }, (_, number) => dataMessage(number, 4_000)));
    const sending = send(exporter, octets);
    let before = -1;
    await until("nothing moves any more", () => {
      const { messagesReceived } = proxy.proxy.totals();
      const stands = messagesReceived === before && messagesReceived > 500;
      before = messagesReceived;
      return stands;
    });
    collector.close();
    await until("the loss is noticed", () => proxy.happened("collector_lost").length === 1);
    collector = new TestCollector(collector.port);
    await clock.advanceUntil("the last arrived", () => collector.records().at(-1) === count - 1);
    await sending;
    const records = collector.records();
    const first = records[0] ?? 0;
    assert.deepEqual(
      records,
      Array.from({ length: count - first }, (_, index) => first + index),
      "in order, nothing twice",
    );
    assert.equal(collector.messages()[0]?.record, "template");
    const { recordsPossiblyLost } = proxy.proxy.collector();
    assert.ok(first > 0 && recordsPossiblyLost >= first, `${first} lost, said ${recordsPossiblyLost}`);
    collector.close();
  });
});

Deno.test("a collector that accepts and closes at once is dialled ever more slowly, and given up after hold", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let accepted = 0;
  const accepting = (async () => {
    for await (const socket of listener) {
      accepted++;
      socket.close();
    }
  })();
  await withExporter(listener.addr.port, { limits: { hold: 10_000 } }, async ({ proxy, exporter, clock }) => {
    await send(exporter, join(templateMessage(), dataMessage(0)));
    await clock.advanceUntil("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "collector_unavailable");
    assert.ok(accepted >= 4 && accepted <= 10, `${accepted} attempts within 10 s`);
    assert.ok(clock.now() < 16_000, `given up after ${clock.now()} ms`);
  });
  listener.close();
  await accepting;
});

Deno.test("without hold an exporter is closed with its collector", async () => {
  const collector = new TestCollector();
  await withExporter(collector.port, { limits: { hold: 0 } }, async ({ proxy, exporter }) => {
    await send(exporter, dataMessage(0));
    await until("it arrived", () => collector.records().length === 1);
    collector.close();
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "collector_unavailable");
    assert.equal(await exporter.read(new Uint8Array(1)).catch(() => null), null);
  });
});

Deno.test("what the collector sends is discarded", async () => {
  const collector = new TestCollector();
  await withExporter(collector.port, {}, async ({ exporter, clock }) => {
    await send(exporter, templateMessage());
    await until("the collector is connected", () => collector.connections.length === 1);
    const socket = collector.connections[0]?.socket;
    assert.ok(socket !== undefined);
    let sent = false;
    void send(socket, new Uint8Array(1_000_000)).then(() => sent = true);
    await clock.advanceUntil("all of it is taken", () => sent);
    await send(exporter, dataMessage(0));
    await until("it arrived", () => collector.records().length === 1);
    await exporter.closeWrite();
    let read: number | null | undefined;
    void exporter.read(new Uint8Array(1)).then((length) => read = length);
    await clock.advanceUntil("the session has ended", () => read !== undefined);
    assert.equal(read, null, "the end, and nothing before it");
    collector.close();
    await clock.advance(20, 10);
  });
});
