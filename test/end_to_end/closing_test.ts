import assert from "node:assert/strict";
import { CollectorProcess } from "./peers/collector.ts";
import { connectExporter, connectToReset, Exporter } from "./peers/exporter.ts";
import { COLLECTOR, NEWER, PROFILE, settle, startExporters, withParts } from "./peers/fleet.ts";
import { flowLayouts, FlowMessages } from "./peers/flows.ts";
import { Identities } from "./peers/identities.ts";
import { ProxyProcess } from "./proxy.ts";

for (const transport of ["tcp", "tls"] as const) {
  Deno.test(`half-closed by the exporter, then by the collector, over ${transport}: all arrives, once and in order`, async () => {
    await using identities = await Identities.create();
    const { authority, aggregator, agent } = identities;
    const tls = transport === "tls";
    await using collector = await CollectorProcess.start({
      transport,
      ...(tls ? { ...aggregator, ca: authority.pem } : {}),
      layouts: flowLayouts(COLLECTOR),
    });
    await using proxy = await ProxyProcess.start({
      listen: [tls ? { transport, tls: await identities.listener() } : { transport }],
      collector: {
        transport,
        port: collector.port,
        profile: PROFILE,
        ...(tls ? { tls: await identities.collector() } : {}),
      },
    });
    const connect = () => connectExporter(proxy.port(), tls ? { issued: agent, ca: authority.pem } : undefined);

    // An Agent that says at once that nothing more comes: the proxy passes that on, and says so itself when all is
    // through.
    const short = await connect();
    const messages = new FlowMessages(NEWER, 1);
    await short.write(messages.templates);
    await short.write(messages.messages(0, 5_000));
    await short.closeWrite();
    await short.ended();
    const endedAt = Date.now();
    await collector.until("all has come", () => collector.flowsOf(1).at(-1) === 4_999);
    assert.deepEqual(collector.flowsOf(1), [0, 4_999]);
    assert.ok(collector.lastRead(1) <= endedAt, "all is with the collector before the exporter is let go");
    short.close();
    await proxy.until("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.happened("session_closed")[0]?.["outcome"], "closed");

    // A collector that says that it sends nothing more goes away, in the exporter's eyes: the proxy finds it again.
    const exporter = new Exporter(await connect(), NEWER, 2);
    for (let round = 1; round <= 3; round++) {
      await collector.untilRecords(collector.records + 500);
      await collector.halfClose();
      await proxy.until("it is found again", () => proxy.happened("collector_found").length === round);
    }
    await settle(collector, [exporter]);
    collector.assertRight();
    assert.equal(proxy.happened("collector_lost").length, 3);
  });
}

Deno.test("an exporter reset in the middle of a message: its whole messages arrive, and no other session is affected", () =>
  withParts({}, async ({ collector, proxy }) => {
    const [other] = await startExporters(proxy, 1);
    const messages = new FlowMessages(NEWER, 100);
    const sessions = 20;
    for (let session = 0; session < sessions; session++) {
      const socket = await connectToReset(proxy.port());
      const peer = `127.0.0.1:${socket.localPort}`;
      // Whole messages first, and seen to arrive: a reset takes with it what the other side has not read.
      socket.write(messages.templates);
      socket.write(messages.messages(session * 10, 10, 0));
      await collector.until("they arrive", () => collector.flowsOf(100).at(-1) === session * 10 + 9);
      const half = messages.message(9_999);
      const cut = 1 + session * 17 % (half.length - 1);
      await new Promise((resolve) => socket.write(half.subarray(0, cut), resolve));
      socket.resetAndDestroy();
      const closed = () => proxy.happened("session_closed").find((line) => line.peer === peer);
      await proxy.until("the session is closed", () => closed() !== undefined);
      assert.equal(closed()?.["outcome"], "reset");
    }
    assert.ok(other !== undefined);
    await settle(collector, [other]);
    assert.deepEqual(collector.flowsOf(100), [0, sessions * 10 - 1], "nothing of the half message, all before it once");
  }));

Deno.test("only the exporter that takes too long to send a message is closed", () =>
  withParts({ limits: { partialMessage: "2s" } }, async ({ collector, proxy }) => {
    const exporters = await startExporters(proxy, 2);
    const messages = new FlowMessages(NEWER, 100);
    const slow = await Promise.all(Array.from({ length: 50 }, async () => {
      const socket = await connectExporter(proxy.port());
      await socket.write(messages.templates);
      return socket;
    }));
    // An octet now and then: each alone is no reason to close, a message that is never whole is.
    const octets = messages.message(0);
    const sending = Promise.allSettled(slow.map(async (socket) => {
      for (let sent = 0; sent < octets.length; sent++) {
        await socket.write(octets.subarray(sent, sent + 1));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }));
    // To an exporter the end looks like an end, or like a broken connection where it goes on writing.
    await Promise.all(slow.map((socket) => socket.ended().catch(() => {})));
    const ended = await sending;
    for (const socket of slow) socket.close();
    assert.ok(ended.every(({ status }) => status === "rejected"), "nobody got a message whole");
    const closed = () => proxy.happened("session_closed").filter(({ outcome }) => outcome === "partial_message");
    await proxy.until("all are closed", () => closed().length === slow.length);
    await settle(collector, exporters);
    assert.deepEqual(collector.flowsOf(100), []);
  }));

Deno.test("SIGTERM under load: the proxy leaves in time and with success, and all that it accepted has arrived", () =>
  withParts({}, async ({ collector, proxy }) => {
    const exporters = await startExporters(proxy, 20);
    const all = () => exporters.every(({ observationDomain }) => collector.flowsOf(observationDomain).length > 0);
    await collector.until("all are through", all);
    const before = exporters.map(({ next }) => next);
    proxy.process.signal("SIGTERM");
    // As an Agent does: it sees that the proxy has said goodbye, stops, and closes. What it sent meanwhile may come too
    // late.
    await Promise.all(exporters.map(async (exporter) => {
      await exporter.socket.ended().catch(() => {});
      await exporter.stop().catch(() => {});
      exporter.socket.close();
    }));
    await proxy.left();
    const [stopped] = proxy.happened("stopped");
    const [sent, received] = [stopped?.["recordsSent"], stopped?.["recordsReceived"]];
    assert.equal(sent, received);
    await collector.untilRecords(Number(sent));
    assert.equal(collector.records, sent, "all that was accepted arrives");
    exporters.forEach(({ observationDomain }, index) => {
      const [first, last = -1, ...more] = collector.flowsOf(observationDomain);
      assert.deepEqual([first, more], [0, []], "each once, in order");
      const told = proxy.log().filter(({ peer }) => peer === exporters[index]?.socket.name).slice(-2);
      assert.ok(
        last >= (before[index] ?? 0) - 1,
        `all that was sent before the signal arrives: ${before[index]} flows, not ${last + 1}; ${JSON.stringify(told)}`,
      );
    });
    const outcomes = proxy.happened("session_closed").map(({ outcome }) => outcome);
    assert.deepEqual(outcomes.filter((one) => one !== "closed" && one !== "drained"), []);
  }));
