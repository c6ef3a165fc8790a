/** Over UDP: broken datagrams, late templates, forged sources. */
import assert from "node:assert/strict";
import { TestUdpCollector } from "../../support/proxy/test_udp_collector.ts";
import { deliver } from "../../support/delivered.ts";
import { field, join, message, number, set, text, variable } from "../../support/messages/wire.ts";
import { announcement, assertMessages, COUNT, counted, data, GO, plain, RFC, template } from "../conformance.ts";
import { send, turn, until, withTransport } from "./transport.ts";

const GOOD = [announcement(), data(0, 1)];

for (const to of [RFC, GO]) {
  Deno.test(`a datagram longer or shorter than its message is refused and counted, the session goes on (${to.name})`, () =>
    withTransport({ to, udp: true }, async ({ udpExporter, received, proxy }) => {
      const datagram = udpExporter();
      for (const octets of GOOD) await datagram(octets);
      await datagram(join(data(1, 9), Uint8Array.of(0)));
      await datagram(join(data(1, 9), data(2, 9)));
      await datagram(data(1, 9).subarray(0, 28));
      await datagram(data(1, 9).subarray(0, 15));
      await datagram(new Uint8Array(0));
      await datagram(message({ length: 15 }, set(256, counted(9))));
      await datagram(data(1, 2));
      await received([...GOOD, data(1, 2)]);
      const { messagesRejected } = proxy.proxy.totals();
      assert.deepEqual(plain(messagesRejected), { message_length: 3, message_truncated: 3 });
      assert.equal(proxy.happened("session_closed").length, 0);
      const said = proxy.happened("message_rejected").map(({ fields }) => fields["reason"]);
      assert.deepEqual(said.toSorted(), ["message_length", "message_truncated"], "each kind is said once");
    }));

  Deno.test(`a broken message over UDP is lost alone: what is before and behind it arrives (${to.name})`, () =>
    withTransport({ to, udp: true }, async ({ udpExporter, received, proxy }) => {
      const datagram = udpExporter();
      const broken = [
        message({ sequenceNumber: 1 }, template(256, [field("0/4", 1)]), set(256, counted(9), 14)),
        message({ sequenceNumber: 1 }, set(256, counted(9)), Uint8Array.of(1)),
        message({ sequenceNumber: 1 }, set(256, counted(9), 3)),
        message({ sequenceNumber: 1 }, set(2, join(number(256, 2), number(65_535, 2), number(0, 8)))),
        message({ sequenceNumber: 1 }, template(7, COUNT)),
      ];
      for (const octets of GOOD) await datagram(octets);
      for (const octets of [...broken, ...broken]) await datagram(octets);
      await datagram(data(1, 2));
      await received([...GOOD, data(1, 2)]);
      assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), {
        set_overrun: 2,
        trailing_octets: 2,
        set_length: 2,
        template_truncated: 2,
        template_id: 2,
      });
      assert.equal(proxy.happened("message_rejected").length, 5, "each kind is said once");
      assert.equal(proxy.happened("session_closed").length, 0);
    }));

  Deno.test(`withdrawals over UDP are ignored, a different template replaces, an identical one goes out again (${to.name})`, () =>
    withTransport({ to, udp: true }, async ({ udpExporter, proxy, collector }) => {
      const datagram = udpExporter();
      const other = message({ sequenceNumber: 2 }, template(256, [field("0/4", 1)]));
      const input = [
        ...GOOD,
        message({ sequenceNumber: 1 }, set(2, number(256 * 0x10000, 4)), set(256, counted(2))),
        other,
        message({ sequenceNumber: 2 }, set(256, Uint8Array.of(6))),
        message({ sequenceNumber: 3 }, template(256, [field("0/4", 1)])),
      ];
      for (const octets of input) await datagram(octets);
      const expected = [...GOOD, data(1, 2), ...input.slice(3)];
      await until("all arrived", () => (collector.connections[0]?.length ?? 0) >= join(...expected).length);
      assertMessages(collector.connections[0]?.octets ?? new Uint8Array(), expected);
      assert.equal(proxy.happened("warning").length, 2);
    }));
}

Deno.test("data before its template over UDP is held briefly: it arrives behind the template", () =>
  withTransport({ to: GO, udp: true }, async ({ udpExporter, received, proxy }) => {
    const datagram = udpExporter();
    await datagram(data(0, 1));
    await datagram(data(1, 2));
    await datagram(announcement());
    await datagram(data(2, 3));
    await received([announcement(), data(0, 1), data(1, 2), data(2, 3)]);
    assert.deepEqual(plain(proxy.proxy.totals().recordsDropped), {});
  }));

Deno.test("data before its template over UDP is held for no more than some seconds, then dropped and counted", () =>
  withTransport({ to: GO, udp: true }, async ({ udpExporter, received, proxy, clock, collector }) => {
    const datagram = udpExporter();
    await datagram(announcement({ observationDomain: 2 }));
    await until("the session is open", () => collector.connections.length === 1);
    await datagram(data(0, 1));
    await turn();
    await clock.advance(7_000);
    await until("it is dropped", () => proxy.proxy.totals().recordsDropped.get("unknown_template") === 1);
    await datagram(announcement({ sequenceNumber: 1 }));
    await datagram(data(1, 2));
    await until("what came since arrived", () => (collector.connections[0]?.length ?? 0) >= 93);
    await received([announcement({ observationDomain: 2 }), announcement({ sequenceNumber: 1 }), data(1, 2)]);
  }));

Deno.test("data before its template over UDP is held within bounds; the excess is dropped and counted", () =>
  withTransport({ to: GO, udp: true }, async ({ udpExporter, proxy, collector }) => {
    const datagram = udpExporter();
    const texts = message({}, template(256, [field("0/82", 65535)]));
    const large = (index: number) =>
      message({ sequenceNumber: index }, set(256, variable(new Uint8Array(8_000).fill(65))));
    for (let index = 0; index < 30; index++) {
      await datagram(large(index));
      await turn();
    }
    await until("some were dropped", () => (proxy.proxy.totals().recordsDropped.get("unknown_template") ?? 0) > 0);
    await datagram(texts);
    const dropped = proxy.proxy.totals().recordsDropped.get("unknown_template") ?? 0;
    assert.ok(dropped >= 20 && dropped < 30, `${dropped} of 30 were dropped`);
    const records = () => deliver(collector.connections[0]?.octets ?? new Uint8Array()).items.length - 1;
    await until(
      "the others arrived",
      () =>
        collector.connections.length === 1 &&
        collector.connections[0]?.length === texts.length + (30 - dropped) * large(0).length,
    );
    assert.equal(records(), 30 - dropped);
  }));

Deno.test("spoofed UDP sources open no socket to the collector before a valid template, whatever they send", () =>
  withTransport({ udp: true }, async ({ udpExporter, proxy, collector }) => {
    const nearly = [
      data(0, 1),
      message({}, set(2, new Uint8Array())),
      message({}, set(2, number(256 * 0x10000, 4))),
      message({}, template(255, COUNT)),
      message({}, set(2, join(number(256, 2), number(9, 2), number(0, 8)))),
      text("GET / HTTP/1.1\r\n\r\n"),
      message({}),
    ];
    for (const octets of nearly) await udpExporter()(octets);
    const good = udpExporter();
    await good(announcement());
    await until("the good one is open", () => collector.connections.length === 1);
    await good(data(0, 1));
    await until("its record arrived", () => collector.connections[0]?.length === 61);
    assert.equal(collector.connections.length, 1);
    assert.equal(proxy.happened("session_opened").length, 1);
  }));

Deno.test("past the cap of UDP sources the least recently used is out, and may come back", () =>
  withTransport({ udp: true, limits: { sessions: 2 } }, async ({ udpExporter, proxy, collector }) => {
    const [one, two, three] = [udpExporter(), udpExporter(), udpExporter()];
    await one(announcement());
    await until("one is open", () => collector.connections.length === 1);
    await two(announcement());
    await until("two are open", () => collector.connections.length === 2);
    await one(data(0, 1));
    await until("one was heard again", () => collector.connections[0]?.length === 61);
    await three(announcement());
    await until("one had to go", () => proxy.happened("session_closed").length === 1);
    assert.deepEqual([proxy.outcome(), proxy.happened("session_closed")[0]?.fields["session"]], ["evicted", "2"]);
    await one(data(1, 2));
    await until("the others go on", () => collector.connections[0]?.length === 90);
  }));

Deno.test("two UDP sources of one address, same domain and id, different layouts: the port tells them apart", () =>
  withTransport({ to: GO, udp: true }, async ({ udpExporter, received, collector }) => {
    const [one, two] = [udpExporter(), udpExporter()];
    await one(announcement());
    await until("one is open", () => collector.connections.length === 1);
    await two(message({}, template(256, [field("0/4", 1)])));
    await until("two are open", () => collector.connections.length === 2);
    await one(data(0, 1));
    await two(message({}, set(256, Uint8Array.of(6))));
    await received([announcement(), data(0, 1)], 0);
    await received([message({}, template(256, [field("0/4", 1)])), message({}, set(256, Uint8Array.of(6)))], 1);
  }));

Deno.test("while a collector stalls, datagrams beyond the bound are dropped and counted, and the rest arrives in order", () =>
  withTransport({ to: GO, udp: true }, async ({ udpExporter, proxy, collector }) => {
    const datagram = udpExporter();
    const texts = message({}, template(256, [field("0/82", 65535)]));
    const large = (index: number) =>
      message({ sequenceNumber: index }, set(256, variable(join(number(index, 4), new Uint8Array(30_000).fill(65)))));
    await datagram(texts);
    await until("the session is open", () => collector.connections.length === 1);
    collector.reading = false;
    const dropped = () => proxy.proxy.totals().recordsDropped.get("collector_unavailable") ?? 0;
    let sent = 0;
    for (; dropped() < 5; sent++) {
      assert.ok(sent < 20_000, "nothing is dropped though nobody reads");
      await datagram(large(sent));
      if (sent % 8 === 0) await turn();
    }
    assert.ok([...proxy.proxy.sessions()].length === 1, "the session stays");
    collector.reading = true;
    const numbers = () => {
      const octets = collector.connections[0]?.octets ?? new Uint8Array();
      const found: number[] = [];
      for (let at = texts.length; at + large(0).length <= octets.length; at += large(0).length) {
        found.push(new DataView(octets.buffer, octets.byteOffset).getUint32(at + 8));
      }
      return found;
    };
    await until(
      "what could wait arrived",
      () => proxy.proxy.totals().recordsSent > 0 && numbers().length === proxy.proxy.totals().recordsSent,
    );
    assert.ok(numbers().length + dropped() <= sent, "nothing twice");
    assert.deepEqual(numbers(), numbers().toSorted((one, other) => one - other), "in order");
    assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), {});
  }));

Deno.test("each message to a collector over UDP is a datagram within its limit; larger ones are split or dropped", async () => {
  const collector = new TestUdpCollector();
  try {
    await withTransport({
      to: GO,
      collector: { transport: "udp", address: { hostname: "127.0.0.1", port: collector.port }, maxMessageLength: 1024 },
    }, async ({ exporter, proxy }) => {
      const socket = await exporter();
      const texts = message({}, template(257, [field("0/82", 65535)]));
      const many = Array.from({ length: 300 }, (_, index) => index % 256);
      const tooBig = message({ sequenceNumber: 300 }, set(257, variable(new Uint8Array(1_100).fill(65))));
      await send(socket, join(announcement(), texts, data(0, ...many), tooBig, data(301, 7)));
      await until("all datagrams arrived", () => collector.datagrams.length === 6);
      assertMessages(join(...collector.datagrams), [
        announcement(),
        texts,
        data(0, ...many.slice(0, 111)),
        data(111, ...many.slice(111, 222)),
        data(222, ...many.slice(222)),
        data(300, 7),
      ]);
      for (const { length } of collector.datagrams) assert.ok(length <= 1024);
      assert.deepEqual(plain(proxy.proxy.totals().recordsDropped), { record_too_long: 1 });
      const wide = Array.from({ length: 251 }, () => field("0/4", 1));
      await send(
        socket,
        join(
          message({ sequenceNumber: 302 }, template(300, wide)),
          message({ sequenceNumber: 302 }, set(300, new Uint8Array(251))),
        ),
      );
      await until("the template is refused", () => proxy.happened("template_refused").length === 1);
      assert.equal(proxy.happened("template_refused")[0]?.level, "warning");
      await until(
        "its data is dropped and counted",
        () => proxy.proxy.totals().recordsDropped.get("template_too_long") === 1,
      );
      assert.equal(collector.datagrams.length, 6);
    });
  } finally {
    collector.close();
  }
});

Deno.test("templates are sent again periodically to a collector over UDP, before data, with correct sequence numbers", async () => {
  const collector = new TestUdpCollector();
  try {
    await withTransport({
      to: GO,
      collector: { transport: "udp", address: { hostname: "127.0.0.1", port: collector.port }, maxMessageLength: 1024 },
    }, async ({ exporter, clock }) => {
      const socket = await exporter();
      await send(socket, join(announcement(), data(0, 1), data(1, 2)));
      await until("three datagrams arrived", () => collector.datagrams.length === 3);
      await clock.advance(120_000);
      await send(socket, data(2, 3));
      await until("five datagrams arrived", () => collector.datagrams.length === 5);
      assertMessages(join(...collector.datagrams), [
        announcement(),
        data(0, 1),
        data(1, 2),
        announcement({ sequenceNumber: 2 }),
        data(2, 3),
      ]);
      assert.equal(new Set(collector.ports).size, 1);
    });
  } finally {
    collector.close();
  }
});

Deno.test("a UDP port that never sent a template has a session, under whose name its losses are reported", () =>
  withTransport({ to: GO, udp: true }, async ({ udpExporter, proxy, clock }) => {
    const datagram = udpExporter();
    await datagram(data(0, 1));
    await datagram(data(1, 2));
    await turn();
    await clock.advance(6_000);
    await until("both are counted", () => proxy.proxy.totals().recordsDropped.get("unknown_template") === 2);
    const [session] = [...proxy.proxy.sessions()];
    assert.equal(session?.counters.recordsDropped.get("unknown_template"), 2);
    const [dropped] = proxy.happened("records_dropped");
    assert.equal(dropped?.fields["peer"], session?.peer);
    assert.deepEqual([dropped?.fields["reason"], dropped?.fields["template"]], ["unknown_template", 256]);
  }));
