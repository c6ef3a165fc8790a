import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import type { RoomMaker } from "../mediation/templates/template_memory.ts";
import { MessageMemory } from "./memory/message_memory.ts";
import { residentMemory } from "./memory_holders.ts";
import { SYSTEM_CLOCK } from "./time/clock.ts";
import { dataMessage, templateMessage } from "../../test/support/proxy/proxy_messages.ts";
import { closeQuietly, send } from "../../test/support/proxy/sockets.ts";
import { RelayingRewriter } from "../../test/support/proxy/relaying_rewriter.ts";
import { StandingClock } from "../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../test/support/proxy/test_proxy.ts";
import { until } from "../../test/support/time/until.ts";

const MEBIBYTE = 2 ** 20;

Deno.test("near limits.memory the quietest sessions end, newcomers are refused with a reason, and others go on", async () => {
  const clock = new StandingClock();
  let resident = 100 * MEBIBYTE;
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, {
    clock,
    memory: { begin: () => {}, collect: () => {}, resident: () => resident },
  });
  await proxy.proxy.start();
  const exporters: Deno.TcpConn[] = [];
  try {
    for (let number = 0; number < 8; number++) {
      const exporter = await proxy.connect();
      exporters.push(exporter);
      await send(exporter, templateMessage());
      await until("it is open", () => proxy.happened("session_opened").length === number + 1);
      await clock.advance(1_000, 500);
    }
    assert.equal(proxy.proxy.memory?.state, "ample");
    resident = 370 * MEBIBYTE;
    await clock.advance(50, 50);
    assert.equal(proxy.proxy.memory?.state, "full");
    assert.deepEqual(proxy.happened("memory_full").map(({ fields }) => fields["limit"]), [400 * MEBIBYTE]);
    await until("a quarter of them ended", () => proxy.happened("session_closed").length === 2);
    assert.deepEqual(
      proxy.happened("session_closed").map(({ fields }) => [fields["session"], fields["outcome"]]),
      [["1", "evicted"], ["2", "evicted"]],
    );
    const refused = await proxy.connect();
    assert.equal(await refused.read(new Uint8Array(1)).catch(() => null), null);
    refused.close();
    assert.deepEqual(proxy.happened("session_refused").map(({ fields }) => fields["reason"]), ["memory"]);
    assert.match(proxy.proxy.verdict().reason, /refused when limits\.memory \(400 MiB\) was reached/);
    resident = 200 * MEBIBYTE;
    await clock.advance(50, 50);
    assert.equal(proxy.proxy.memory?.state, "ample");
    const admitted = await proxy.connect();
    exporters.push(admitted);
    await send(admitted, templateMessage());
    await send(admitted, dataMessage(7));
    await until("its record arrived", () => collector.records().includes(7));
  } finally {
    for (const exporter of exporters) closeQuietly(exporter);
    await proxy.proxy.close();
    collector.close();
  }
});

Deno.test("the verdict has the limit for which an exporter lost its place, whatever else is short", async () => {
  const clock = new StandingClock();
  let resident = 100 * MEBIBYTE;
  const collector = new TestCollector();
  const makers: (RoomMaker | undefined)[] = [];
  const proxy = new TestProxy(collector.port, {
    clock,
    limits: { sessions: 2 },
    memory: { begin: () => {}, collect: () => {}, resident: () => resident },
    mediator: {
      open(facts) {
        makers.push(facts.roomMaker);
        return new RelayingRewriter(facts);
      },
    },
  });
  await proxy.proxy.start();
  const exporters: Deno.TcpConn[] = [];
  let newcomer: Socket | undefined;
  try {
    for (const number of [1, 2]) {
      const exporter = await proxy.connect();
      exporters.push(exporter);
      await send(exporter, templateMessage());
      await until("it is open", () => proxy.happened("session_opened").length === number);
    }
    makers[0]?.end("templateMemory");
    await until("the first has ended", () => proxy.happened("session_closed").length === 1);
    assert.match(proxy.proxy.verdict().reason, /refused when limits\.templateMemory was reached/);

    const exporter = await proxy.connect();
    exporters.push(exporter);
    await send(exporter, templateMessage());
    await until("all places are taken again", () => proxy.happened("session_opened").length === 3);
    resident = 330 * MEBIBYTE;
    await clock.advance(50, 50);
    assert.equal(proxy.proxy.memory?.state, "tight");
    newcomer = connect({ host: "127.0.0.1", port: proxy.port, localAddress: "127.0.0.2" });
    await until("one has made room", () => proxy.happened("session_closed").length === 2);
    assert.equal(proxy.happened("session_closed")[1]?.fields["outcome"], "evicted");
    assert.match(proxy.proxy.verdict().reason, /refused when limits\.sessions \(2\) was reached/);
  } finally {
    newcomer?.destroy();
    for (const exporter of exporters) closeQuietly(exporter);
    await proxy.proxy.close();
    collector.close();
  }
});

Deno.test("where no templates take much, messages that are slow to come make room in the process' memory", () => {
  let now = 0;
  const messages = new MessageMemory(100 * MEBIBYTE);
  let ended = 0;
  const slow = { owner: "10.0.0.1", partialFor: 5_000, yield: () => void ended++ };
  messages.hold(MEBIBYTE);
  messages.beginPartial(slow, MEBIBYTE);
  const memory = residentMemory(400 * MEBIBYTE, {
    clock: { ...SYSTEM_CLOCK, now: () => now },
    memory: { begin() {}, collect() {}, resident: () => 320 * MEBIBYTE },
    mediator: { relieve: () => 0 },
    messages,
    sessions: { relieve: () => assert.fail("no other session has to end") },
    report: () => {},
  });
  for (; now < 1_000; now += 50) memory.look();
  assert.equal(memory.state, "tight");
  assert.equal(ended, 1);
});
