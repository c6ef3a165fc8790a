import assert from "node:assert/strict";
import { freePort } from "../../test/support/free_port.ts";
import { dataMessage, join, templateMessage } from "../../test/support/proxy/proxy_messages.ts";
import { closeQuietly, send } from "../../test/support/proxy/sockets.ts";
import { RelayingRewriter } from "../../test/support/proxy/relaying_rewriter.ts";
import { StandingClock } from "../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../test/support/proxy/test_proxy.ts";
import { until } from "../../test/support/time/until.ts";
import { HeapBufferPool } from "./memory/buffer_pool.ts";
import type { SessionFacts } from "../mediation/session/session_rewriter.ts";
import type { ProxyOptions } from "./proxy_options.ts";

/** A collector, a proxy before it and one exporter, closed whatever happens. */
async function withProxy(
  options: Partial<ProxyOptions>,
  run: (parts: { collector: TestCollector; proxy: TestProxy; exporter: Deno.TcpConn }) => Promise<void>,
): Promise<void> {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, options);
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  try {
    await run({ collector, proxy, exporter });
  } finally {
    closeQuietly(exporter);
    await proxy.proxy.close();
    collector.close();
  }
}

Deno.test("what an exporter sends arrives in order, whatever the cuts, and its half-close passes through", () =>
  withProxy({}, async ({ collector, proxy, exporter }) => {
    const octets = join(
      templateMessage(),
      ...Array.from({ length: 50 }, (_, number) => dataMessage(number, 33 + number)),
    );
    for (let start = 0; start < octets.length; start += 97) await send(exporter, octets.subarray(start, start + 97));
    await exporter.closeWrite();
    assert.equal(await exporter.read(new Uint8Array(1)), null, "the proxy closes once the collector has");
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.deepEqual(collector.records(), Array.from({ length: 50 }, (_, number) => number));
    assert.equal(collector.connections[0]?.ended, true);
    assert.equal(proxy.outcome(), "closed");
    assert.equal(proxy.proxy.totals().messagesReceived, 51);
    assert.equal(proxy.rewriters[0]?.closed, true);
    assert.deepEqual(proxy.proxy.counters.sessions.get("tcp")?.get("closed"), 1);
  }));

Deno.test("messages of 65535 octets pass, with small ones around them", () =>
  withProxy({}, async ({ collector, exporter }) => {
    const messages = [
      templateMessage(),
      dataMessage(0, 65535),
      dataMessage(1),
      dataMessage(2, 65535),
      dataMessage(3, 65534),
    ];
    await send(exporter, join(...messages));
    await until("all arrived", () => collector.records().length === 4);
    assert.deepEqual(collector.records(), [0, 1, 2, 3]);
  }));

Deno.test("each exporter has a collector session of its own", () =>
  withProxy({}, async ({ collector, proxy, exporter }) => {
    const other = await proxy.connect();
    await send(exporter, dataMessage(1));
    await until("the first arrived", () => collector.records().length === 1);
    await send(other, dataMessage(2));
    await until("the second arrived", () => collector.records().length === 2);
    assert.deepEqual(collector.connections.map((_, index) => collector.messages(index).length), [1, 1]);
    assert.equal([...proxy.proxy.sessions()].length, 2);
    other.close();
  }));

Deno.test("a broken message costs its own session only, after all before it was delivered, and is said once with its offset", () =>
  withProxy({}, async ({ collector, proxy, exporter }) => {
    const other = await proxy.connect();
    const broken = dataMessage(2);
    broken[1] = 9;
    await send(exporter, join(dataMessage(0), dataMessage(1), broken, dataMessage(3)));
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "rejected");
    assert.deepEqual(collector.records(), [0, 1]);
    const rejections = proxy.happened("message_rejected");
    assert.equal(rejections.length, 1);
    assert.equal(rejections[0]?.fields["offset"], 128);
    assert.equal(rejections[0]?.fields["reason"], "message_version");
    assert.equal(proxy.proxy.totals().messagesRejected.get("message_version"), 1);
    await send(other, dataMessage(4));
    await until("the other session still works", () => collector.records().includes(4));
    other.close();
  }));

const strangers: readonly [string, Uint8Array][] = [
  ["TLS", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0)],
  ["HTTP", new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")],
  ["NetFlow v9", Uint8Array.of(0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
];
for (const [protocol, octets] of strangers) {
  Deno.test(`${protocol} on the plain port is refused and named in the log`, () =>
    withProxy({}, async ({ collector, proxy, exporter }) => {
      await send(exporter, octets);
      await until("the session is closed", () => proxy.happened("session_closed").length === 1);
      assert.equal(proxy.outcome(), "rejected");
      assert.equal(proxy.happened("message_rejected")[0]?.fields["protocol"], protocol);
      assert.ok(proxy.happened("message_rejected")[0]?.message.includes(protocol));
      assert.equal(collector.records().length, 0);
    }));
}

for (const fault of ["throws", "never consumes"] as const) {
  Deno.test(`a rewriter that ${fault} costs its own session only, and all memory comes back`, async () => {
    const pool = new HeapBufferPool();
    const good: RelayingRewriter[] = [];
    const mediator = {
      open: (facts: SessionFacts) => {
        const rewriter = new RelayingRewriter(facts);
        good.push(rewriter);
        if (good.length > 1) return rewriter;
        rewriter.rewrite = () => {
          if (fault === "throws") throw new Error("a fault of the rewriter");
          return new Uint8Array(0);
        };
        return rewriter;
      },
    };
    await withProxy({ mediator, pool }, async ({ collector, proxy, exporter }) => {
      await until("the first was let in", () => good.length === 1);
      const other = await proxy.connect();
      const flood = send(exporter, new Uint8Array(1_000_000)).catch(() => {});
      await until("the first is closed", () => proxy.happened("session_closed").length === 1);
      assert.equal(proxy.outcome(), "failed");
      assert.equal(good[0]?.closed, true);
      await flood;
      await send(other, dataMessage(1));
      await until("the other works", () => collector.records()[0] === 1);
      other.close();
      await until("the other is closed", () => proxy.happened("session_closed").length === 2);
      assert.equal(pool.leased, 0);
    });
  });
}

Deno.test("an exporter that ends inside a message: what is whole arrives, the tail is discarded and counted", () =>
  withProxy({}, async ({ collector, proxy, exporter }) => {
    await send(exporter, join(dataMessage(0), dataMessage(1).subarray(0, 20)));
    exporter.close();
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.deepEqual(collector.records(), [0]);
    assert.equal(collector.connections[0]?.octets.length, 64);
    assert.equal(proxy.happened("message_rejected")[0]?.fields["reason"], "message_truncated");
    assert.equal(proxy.happened("message_rejected")[0]?.fields["offset"], 64);
    assert.equal(proxy.proxy.totals().messagesRejected.get("message_truncated"), 1);
  }));

Deno.test("a collector that stalls stops the reading: the exporter cannot send without end, and nothing is lost", () =>
  withProxy({}, async ({ collector, proxy, exporter }) => {
    collector.reading = false;
    const chunk = join(...Array.from({ length: 64 }, (_, number) => dataMessage(number, 16384)));
    let sent = 0;
    let blocked = false;
    const sending = (async () => {
      for (let index = 0; index < 64; index++) {
        await send(exporter, chunk);
        sent += chunk.length;
      }
      await exporter.closeWrite();
    })();
    let before = -1;
    await until("the exporter is blocked", () => {
      blocked = sent === before && sent > 0 && [...proxy.proxy.sessions()].length === 1;
      before = sent;
      return blocked;
    });
    assert.ok(sent < 64 * chunk.length, `${sent} octets went into a proxy whose collector does not read`);
    collector.reading = true;
    await sending;
    await until("all arrived", () => collector.connections[0]?.ended === true);
    assert.equal(collector.connections[0]?.length, 64 * chunk.length);
  }));

Deno.test("past the cap a newcomer is refused, which is logged once, and open sessions keep working", () =>
  withProxy({ limits: { sessions: 1 } }, async ({ collector, proxy, exporter }) => {
    await until("the first session is open", () => proxy.open === 1);
    for (let index = 0; index < 3; index++) {
      const refused = await proxy.connect();
      assert.equal(await refused.read(new Uint8Array(1)).catch(() => null), null);
      refused.close();
    }
    assert.equal(proxy.happened("session_refused").length, 1);
    assert.equal(proxy.proxy.counters.sessions.get("tcp")?.get("refused"), 3);
    await send(exporter, dataMessage(7));
    await until("the record arrived", () => collector.records()[0] === 7);
  }));

Deno.test("a message that is not complete in time ends its session; one that is slow but complete does not", async () => {
  const clock = new StandingClock();
  await withProxy({ clock, limits: { partialMessage: 30_000 } }, async ({ collector, proxy, exporter }) => {
    const slow = dataMessage(0);
    await send(exporter, slow.subarray(0, 10));
    await until("the session is open", () => proxy.open === 1);
    await clock.advance(25_000);
    await send(exporter, slow.subarray(10));
    await until("it arrived", () => collector.records().length === 1);
    await send(exporter, slow.subarray(0, 10));
    await until("part of the next is read", () => proxy.rewriters[0]?.consumed === 0);
    await clock.advance(25_000);
    assert.equal(proxy.happened("session_closed").length, 0);
    // One octet more does not buy more time.
    await send(exporter, slow.subarray(10, 11));
    await clock.advance(10_000);
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "partial_message");
  });
});

Deno.test("an exporter that says nothing for the idle time is closed; without a limit it stays", async () => {
  for (const idle of [0, 5_000]) {
    const clock = new StandingClock();
    await withProxy({ clock, limits: { idle } }, async ({ proxy, exporter }) => {
      await send(exporter, dataMessage(0));
      await until("it was read", () => proxy.proxy.totals().messagesReceived === 1);
      await clock.advance(3_000);
      await send(exporter, dataMessage(1));
      await until("it was read", () => proxy.proxy.totals().messagesReceived === 2);
      await clock.advance(4_000);
      assert.equal(proxy.happened("session_closed").length, 0);
      await clock.advance(3_000);
      if (idle === 0) return assert.equal(proxy.happened("session_closed").length, 0);
      await until("the session is closed", () => proxy.happened("session_closed").length === 1);
      assert.equal(proxy.outcome(), "idle");
    });
  }
});

Deno.test("drain: no newcomer, what exporters had sent arrives, both sides are closed in order", () =>
  withProxy({}, async ({ collector, proxy, exporter }) => {
    const octets = join(templateMessage(), ...Array.from({ length: 2000 }, (_, number) => dataMessage(number, 1000)));
    await send(exporter, octets);
    await proxy.proxy.drain();
    await assert.rejects(proxy.connect());
    assert.equal(collector.records().length, 2000);
    assert.equal(collector.connections[0]?.ended, true);
    assert.equal(proxy.outcome(), "drained");
    assert.equal([...proxy.proxy.sessions()].length, 0);
  }));

Deno.test("drain ends within its limit although the collector never reads", () =>
  withProxy({ limits: { drain: 300 } }, async ({ collector, proxy, exporter }) => {
    collector.reading = false;
    const sending = send(exporter, new Uint8Array(32 * 1024 * 1024).fill(0)).catch(() => {});
    await until("the session is open", () => proxy.open === 1);
    await proxy.proxy.drain();
    assert.equal([...proxy.proxy.sessions()].length, 0);
    await sending;
  }));

Deno.test("a session is closed on request", () =>
  withProxy({}, async ({ proxy }) => {
    await until("the session is open", () => proxy.open === 1);
    const session = [...proxy.proxy.sessions()][0];
    assert.equal(proxy.proxy.closeSession("no such session"), false);
    assert.equal(proxy.proxy.closeSession(session?.id ?? ""), true);
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "administrator");
  }));

Deno.test("all addresses are bound, or none", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = freePort();
  const listeners = [port, taken.addr.port].map((port) => ({
    transport: "tcp" as const,
    address: { hostname: "127.0.0.1", port },
  }));
  const { proxy } = new TestProxy(1, { listeners });
  await assert.rejects(proxy.start(), { message: new RegExp(`cannot listen on tcp 127.0.0.1:${taken.addr.port}`) });
  Deno.listen({ hostname: "127.0.0.1", port }).close();
  taken.close();
});

Deno.test("observe: every octet passes, broken or not, and the fault is logged once", () =>
  withProxy({ mode: "observe" }, async ({ collector, proxy, exporter }) => {
    const octets = join(dataMessage(5), new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), dataMessage(6));
    for (let start = 0; start < octets.length; start += 50) await send(exporter, octets.subarray(start, start + 50));
    await exporter.closeWrite();
    await until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.deepEqual(collector.connections[0]?.octets, octets);
    assert.equal(proxy.happened("observing_ended").length, 1);
    assert.equal(proxy.happened("observing_ended")[0]?.fields["offset"], 64);
    assert.equal(proxy.outcome(), "closed");
  }));

/** A clock that goes on by so much whenever it is looked at: as if all that happens in between took that long. */
class CostlyClock extends StandingClock {
  cost = 0;
  #added = 0;

  override now(): number {
    return super.now() + (this.#added += this.cost);
  }
}

Deno.test("sessions whose time is up at once end in parts, between which others have a turn", async () => {
  const clock = new CostlyClock();
  await withProxy({ clock, limits: { idle: 5_000 } }, async ({ proxy }) => {
    const dial = () => Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
    const sockets = await Promise.all(Array.from({ length: 39 }, dial));
    await until("all are open", () => [...proxy.proxy.sessions()].length === 40);
    await clock.advance(4_000);
    clock.cost = 1;
    await clock.advance(1_000);
    clock.cost = 0;
    const left = () => [...proxy.proxy.sessions()].filter(({ closing }) => !closing).length;
    await until("the first have ended", () => left() < 40);
    assert.ok(left() >= 30, `${left()} are left`);
    await clock.advance(200, 4);
    await until("all have ended", () => left() === 0);
    for (const socket of sockets) closeQuietly(socket);
  });
});
