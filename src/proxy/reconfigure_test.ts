import assert from "node:assert/strict";
import { freePort } from "../../test/support/free_port.ts";
import { dataMessage, join, templateMessage } from "../../test/support/proxy/proxy_messages.ts";
import { RFC } from "../../test/conformance/conformance.ts";
import { mediatorOf } from "../../test/support/session.ts";
import { field, message, set, templateSet } from "../../test/support/messages/wire.ts";
import { send } from "../../test/support/proxy/sockets.ts";
import { StandingClock, turn } from "../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../test/support/proxy/test_proxy.ts";
import { until } from "../../test/support/time/until.ts";

/**
 * Sends large data messages, numbered from 0, one after the other; resolves once no more are taken. `stop` gives how
 * many were.
 */
async function floodUntilStalled(exporter: Deno.Conn): Promise<{ stop(): Promise<number> }> {
  let sent = 0;
  let stopped = false;
  const sending = (async () => {
    while (!stopped) {
      await send(exporter, dataMessage(sent, 60_000));
      sent++;
    }
  })();
  let seen = -1;
  let still = 0;
  await until("the collector takes no more", () => {
    still = seen === sent ? still + 1 : 0;
    seen = sent;
    return still > 50;
  });
  return {
    async stop() {
      stopped = true;
      await sending;
      return sent;
    },
  };
}

const tcp = (port: number) => ({ transport: "tcp" as const, address: { hostname: "127.0.0.1", port } });

Deno.test("listeners that stay keep their sessions, new ones are bound, the others accept no more and their sessions end", async () => {
  const collector = new TestCollector();
  const [stays, goes, comes] = [freePort(), freePort(), freePort()];
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, { listeners: [tcp(stays), tcp(goes)], clock, limits: { drain: 5_000 } });
  await proxy.proxy.start();
  const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
  const [kept, quiet, busy] = [await connect(stays), await connect(goes), await connect(goes)];
  await until("all are open", () => proxy.open === 3);
  await proxy.proxy.reconfigure({ listeners: [tcp(comes), tcp(stays)] });
  assert.deepEqual(proxy.proxy.addresses().map(({ address }) => address.port), [comes, stays]);
  await assert.rejects(connect(goes));
  const fresh = await connect(comes);
  for (const [number, exporter] of [kept, quiet, busy, fresh].entries()) await send(exporter, dataMessage(number));
  await until("all arrived", () => collector.records().length === 4);
  for (const exporter of [quiet, busy]) {
    assert.equal(await exporter.read(new Uint8Array(1)), null, "exporters see the end of the stream");
  }
  for (let second = 0; second < 3; second++) {
    await send(busy, dataMessage(10 + second));
    await until("it arrived", () => collector.records().length === 5 + second);
    await clock.advance(1_000);
  }
  await until("the quiet one has ended", () => proxy.happened("session_closed").length === 1);
  for (let second = 0; second < 3; second++) {
    await send(busy, dataMessage(13 + second)).catch(() => {});
    await turn();
    await clock.advance(1_000);
  }
  await until("the busy one too, past the limit", () => proxy.happened("session_closed").length === 2);
  assert.deepEqual(proxy.happened("session_closed").map(({ fields }) => fields["outcome"]), ["drained", "drained"]);
  for (const exporter of [kept, fresh]) await send(exporter, dataMessage(20));
  await until("the others go on", () => collector.records().filter((record) => record === 20).length === 2);
  for (const exporter of [kept, quiet, busy, fresh]) exporter.close();
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  collector.close();
});

Deno.test("an address that cannot be bound changes nothing", async () => {
  const collector = new TestCollector();
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [stands, free] = [freePort(), freePort()];
  const proxy = new TestProxy(collector.port, { listeners: [tcp(stands)] });
  await proxy.proxy.start();
  const change = { listeners: [tcp(free), tcp(taken.addr.port)], limits: { sessions: 1 } };
  await assert.rejects(proxy.proxy.reconfigure(change), { message: new RegExp(`127.0.0.1:${taken.addr.port}`) });
  assert.deepEqual(proxy.proxy.addresses().map(({ address }) => address.port), [stands]);
  assert.equal(proxy.proxy.limits.sessions, 5000);
  Deno.listen({ hostname: "127.0.0.1", port: free }).close();
  const lacking = { listeners: [tcp(stands), { ...tcp(free), transport: "tls" as const }] };
  await assert.rejects(proxy.proxy.reconfigure(lacking), /certificate/);
  await assert.rejects(proxy.proxy.reconfigure({ collector: { ...tcp(1), transport: "tls" } }), /CA/);
  assert.deepEqual(proxy.proxy.addresses().map(({ address }) => address.port), [stands]);
  taken.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("sessions go over to another collector with their next record, template first, and nothing is lost or called lost", async () => {
  const [before, after] = [new TestCollector(), new TestCollector()];
  const proxy = new TestProxy(before.port);
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("the first collector has it", () => before.records().length === 1);
  await proxy.proxy.reconfigure({ collector: tcp(after.port) });
  await send(exporter, dataMessage(1));
  await until("the second has the next", () => after.records().length === 1);
  assert.deepEqual(after.messages(), [{ sequenceNumber: 0, record: "template" }, { sequenceNumber: 0, record: 1 }]);
  assert.deepEqual(before.records(), [0]);
  await until("the first is left in order", () => before.connections[0]?.ended === true);
  assert.equal(proxy.happened("collector_lost").length, 0);
  assert.equal(proxy.proxy.collector().recordsPossiblyLost, 0);
  assert.equal(proxy.happened("session_closed").length, 0);
  exporter.close();
  await proxy.proxy.close();
  before.close();
  after.close();
});

Deno.test("the cap of sessions changes at once", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port);
  await proxy.proxy.start();
  const first = await proxy.connect();
  await until("it is open", () => proxy.open === 1);
  await proxy.proxy.reconfigure({ limits: { sessions: 1 } });
  const second = await proxy.connect();
  assert.equal(await second.read(new Uint8Array(1)).catch(() => null), null);
  assert.equal(proxy.happened("session_refused").length, 1);
  first.close();
  second.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("a change of the treatments has every session map its templates again, and nothing else happens to it", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port);
  await proxy.proxy.start();
  const exporters = await Promise.all(Array.from({ length: 40 }, () => proxy.connect()));
  await until("all are open", () => proxy.open === 40);
  const order: string[] = [];
  await proxy.proxy.reconfigure({
    mediate: () => order.push(`mediate, ${proxy.rewriters.filter(({ remapped }) => remapped > 0).length} remapped`),
  });
  assert.deepEqual(order, ["mediate, 0 remapped"]);
  assert.ok(proxy.rewriters.every(({ remapped }) => remapped === 1));
  assert.equal(proxy.proxy.collector().reconnects, 0);
  for (const exporter of exporters) exporter.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("a collector that expects something else gets a new session from those that are outdated, with nothing made for the old", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port);
  await proxy.proxy.start();
  const [stays, goes] = [await proxy.connect(), await proxy.connect()];
  await until("both are open", () => proxy.rewriters.length === 2);
  for (const exporter of [stays, goes]) await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("it arrived", () => collector.records().length === 2);
  const rewriter = proxy.rewriters[1];
  assert.ok(rewriter !== undefined);
  await proxy.proxy.reconfigure({ mediate: () => rewriter.outdated = true });
  for (const exporter of [stays, goes]) await send(exporter, dataMessage(1));
  await until("both arrived", () => collector.records().length === 4);
  assert.equal(collector.connections.length, 3);
  assert.deepEqual(collector.messages(2), [{ sequenceNumber: 0, record: "template" }, {
    sequenceNumber: 0,
    record: 1,
  }]);
  assert.deepEqual(rewriter.renewedFor, { datagrams: false });
  for (const exporter of [stays, goes]) exporter.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("from observe to rewrite and back: at the end of a message, templates first, each record once", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { mode: "observe" });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  const half = dataMessage(1);
  await send(exporter, join(templateMessage(), dataMessage(0), half.subarray(0, 3)));
  await until("all that came was relayed", () => collector.connections[0]?.length === 28 + 64 + 3);
  await proxy.proxy.reconfigure({ mode: "rewrite" });
  assert.equal(proxy.proxy.mode, "rewrite");
  await send(exporter, half.subarray(3, 20));
  await until("the message that has begun goes on", () => (collector.connections[0]?.length ?? 0) > 28 + 64 + 3);
  assert.equal(collector.connections.length, 1);
  await send(exporter, join(half.subarray(20), dataMessage(2)));
  await until("all arrived", () => collector.records().length === 3);
  assert.deepEqual(collector.messages(0).map(({ record }) => record), ["template", 0, 1]);
  assert.deepEqual(collector.messages(1), [{ sequenceNumber: 0, record: "template" }, {
    sequenceNumber: 0,
    record: 2,
  }]);
  await proxy.proxy.reconfigure({ mode: "observe" });
  await send(exporter, dataMessage(3));
  await until("the next arrived", () => collector.records().length === 4);
  assert.deepEqual(collector.messages(2), [{ sequenceNumber: 0, record: "template" }, {
    sequenceNumber: 3,
    record: 3,
  }]);
  assert.equal(proxy.happened("session_closed").length, 0);
  assert.equal(proxy.proxy.collector().recordsPossiblyLost, 0);
  exporter.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("an observed session goes over to another collector at the end of a message, its templates first", async () => {
  const [before, after] = [new TestCollector(), new TestCollector()];
  const proxy = new TestProxy(before.port, { mode: "observe" });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0).subarray(0, 30)));
  await until("it was relayed", () => before.connections[0]?.length === 58);
  await proxy.proxy.reconfigure({ collector: tcp(after.port) });
  await send(exporter, join(dataMessage(0).subarray(30), dataMessage(1)));
  await until("the rest arrived", () => after.records().length === 1);
  assert.deepEqual(before.records(), [0]);
  assert.deepEqual(after.messages().map(({ record }) => record), ["template", 1]);
  exporter.close();
  await proxy.proxy.close();
  before.close();
  after.close();
});

Deno.test("a collector that takes nothing is left all the same, and what it did not take goes to the next", async () => {
  const clock = new StandingClock();
  const [before, after] = [new TestCollector(), new TestCollector()];
  before.reading = false;
  const proxy = new TestProxy(before.port, { clock });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, templateMessage());
  const flood = await floodUntilStalled(exporter);
  await proxy.proxy.reconfigure({ collector: tcp(after.port) });
  await clock.advance(3_000);
  assert.equal(after.connections.length, 0);
  await clock.advance(4_000);
  await until("the next collector has some", () => after.records().length > 5);
  const sent = await flood.stop();
  await until("and all that was sent", () => after.records().at(-1) === sent - 1);
  before.reading = true;
  await until("the first reads what it was given", () => before.connections[0]?.ended === true);
  const all = [...before.records(), ...after.records()];
  assert.deepEqual(all, Array.from({ length: sent }, (_, number) => number), "each once, in order");
  exporter.close();
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  before.close();
  after.close();
});

Deno.test("while the collector is away it becomes another: what waited for the old one is dropped, counted and said", async () => {
  const clock = new StandingClock();
  const [before, after] = [new TestCollector(), new TestCollector()];
  before.reading = false;
  const proxy = new TestProxy(before.port, { clock, random: () => 0 });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, templateMessage());
  const flood = await floodUntilStalled(exporter);
  before.close();
  await until("it is gone", () => proxy.happened("collector_lost").length === 1);
  assert.ok(proxy.proxy.collector().heldOctets > 0);
  const rewriter = proxy.rewriters[0];
  assert.ok(rewriter !== undefined);
  await proxy.proxy.reconfigure({ collector: tcp(after.port), mediate: () => rewriter.outdated = true });
  await clock.advanceUntil("the new one has some", () => after.records().length > 0, 50);
  const sent = await flood.stop();
  await until("and all that came since", () => after.records().at(-1) === sent - 1);
  const [discarded] = proxy.happened("held_octets_discarded");
  const records = Number(discarded?.fields["records"]);
  assert.ok(records > 0 && Number(discarded?.fields["octets"]) >= records * 60_000);
  assert.equal(after.messages()[0]?.record, "template");
  const arrived = after.records();
  assert.deepEqual(arrived, Array.from({ length: arrived.length }, (_, index) => sent - arrived.length + index));
  exporter.close();
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  after.close();
});

Deno.test("a session that cannot take the change up ends, the others go on", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port);
  await proxy.proxy.start();
  const [bad, good] = [await proxy.connect(), await proxy.connect()];
  await until("both are open", () => proxy.rewriters.length === 2);
  const [first] = proxy.rewriters;
  assert.ok(first !== undefined);
  first.remap = () => {
    throw new RangeError("memory is used up");
  };
  await proxy.proxy.reconfigure({});
  assert.equal(await bad.read(new Uint8Array(1)).catch(() => null), null);
  await until("it has ended", () => proxy.outcome() === "failed");
  assert.match(String(proxy.happened("session_failed")[0]?.fields["reason"]), /memory is used up/);
  assert.equal(proxy.rewriters[1]?.remapped, 1);
  await send(good, dataMessage(0));
  await until("it arrived", () => collector.records().length === 1);
  for (const exporter of [bad, good]) exporter.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("limits hold for sessions that stand; a proxy that drains takes no changes", async () => {
  const clock = new StandingClock();
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { clock });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await until("it is open", () => proxy.open === 1);
  const changed = proxy.proxy.reconfigure({ limits: { idle: 2_000 } });
  await changed;
  await clock.advance(5_000);
  await until("it was silent for too long", () => proxy.outcome() === "idle");
  exporter.close();
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  await assert.rejects(proxy.proxy.reconfigure({}), /draining/);
  collector.close();
});

Deno.test("what a session counted stays with the mode in which it was counted, over a change and the session's end", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { mode: "observe", mediator: mediatorOf(RFC) });
  await proxy.proxy.start();
  const exporter = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  const counted = () => {
    const sums = { observed: 0, rewritten: 0 };
    for (const each of proxy.proxy.counted()) {
      sums[each.observed ? "observed" : "rewritten"] += each.counters.read("recordsDropped").get("unknown_template") ??
        0;
    }
    return sums;
  };
  const unknown = message({}, set(999, Uint8Array.of(1)));
  const known = { id: 256, scope: 0, fields: [field("0/4", 1)] };
  await send(exporter, join(message({}, templateSet(known)), unknown, unknown));
  await until("it is observed", () => counted().observed === 2);
  await proxy.proxy.reconfigure({ mode: "rewrite" });
  await send(exporter, unknown);
  await until("it is rewritten", () => counted().rewritten === 1);
  assert.deepEqual(counted(), { observed: 2, rewritten: 1 });
  await proxy.proxy.reconfigure({ mode: "observe" });
  await send(exporter, unknown);
  await until("it is observed again", () => counted().observed === 3);
  const [session] = proxy.proxy.sessions();
  assert.equal(session?.counters.read("recordsDropped").get("unknown_template"), 4);
  assert.equal(session?.observedCounters.read("recordsDropped").get("unknown_template"), 3);
  exporter.close();
  await until("the session has ended", () => proxy.happened("session_closed").length === 1);
  assert.deepEqual(counted(), { observed: 3, rewritten: 1 });
  assert.equal(proxy.proxy.totals().recordsReceived, 4);
  await proxy.proxy.close();
  collector.close();
});

Deno.test("a change that is overtaken by the end of a drain is refused: nothing listens, and no collector is dialled", async () => {
  const [before, after] = [new TestCollector(), new TestCollector()];
  const proxy = new TestProxy(before.port, { watch: true });
  await proxy.proxy.start();
  const listeners = Array.from({ length: 20 }, () => tcp(freePort()));
  const changed = proxy.proxy.reconfigure({ listeners, collector: tcp(after.port) });
  const drained = proxy.proxy.drain();
  await assert.rejects(changed, /draining/);
  await drained;
  for (const { address } of listeners) await assert.rejects(Deno.connect(address));
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(after.connections.length, 0);
  for (const collector of [before, after]) collector.close();
});

Deno.test("sessions of a listener that is gone end within limits.drain, even if their collector is away", async () => {
  const clock = new StandingClock();
  const [stays, goes] = [freePort(), freePort()];
  const limits = { drain: 5_000, hold: 600_000 };
  const proxy = new TestProxy(freePort(), { listeners: [tcp(stays), tcp(goes)], clock, limits });
  await proxy.proxy.start();
  const exporter = await Deno.connect({ hostname: "127.0.0.1", port: goes });
  await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("its record is held", () => proxy.proxy.collector().heldOctets > 0);
  await proxy.proxy.reconfigure({ listeners: [tcp(stays)] });
  await clock.advance(4_000);
  assert.equal(proxy.open, 1, "the collector may yet come back");
  await clock.advance(2_000);
  await until("it has ended", () => proxy.happened("session_closed").length === 1);
  assert.equal(proxy.outcome(), "drained");
  exporter.close();
  await proxy.proxy.close();
});

Deno.test("what a listener counted that is gone stays in the totals", async () => {
  const collector = new TestCollector();
  const stays = tcp(freePort());
  const udp = { transport: "udp" as const, address: { hostname: "127.0.0.1", port: 0 } };
  const proxy = new TestProxy(collector.port, { listeners: [stays, udp] });
  await proxy.proxy.start();
  const address = proxy.proxy.addresses()[1]?.address;
  assert.ok(address !== undefined);
  const exporter = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await exporter.send(Uint8Array.of(1, 2, 3), { transport: "udp", ...address });
  const rejected = () => [...proxy.proxy.totals().messagesRejected.values()].reduce((sum, count) => sum + count, 0);
  await until("the datagram is rejected", () => rejected() === 1);
  await proxy.proxy.reconfigure({ listeners: [stays] });
  assert.equal(rejected(), 1);
  exporter.close();
  await proxy.proxy.close();
  collector.close();
});
