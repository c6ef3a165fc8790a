import assert from "node:assert/strict";
import { datagramFault } from "../../../ipfix/message/framing.ts";
import { scanTemplates, templateKey } from "./datagram_scan.ts";
import type { ProxyOptions } from "../../proxy_options.ts";
import { dataMessage, join, templateMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { udpDialer } from "./udp_connection.ts";
import { send } from "../../../../test/support/proxy/sockets.ts";
import { StandingClock, turn } from "../../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../../test/support/proxy/test_proxy.ts";
import { TestUdpCollector } from "../../../../test/support/proxy/test_udp_collector.ts";
import { until } from "../../../../test/support/time/until.ts";

const listeners = [{ transport: "udp" as const, address: { hostname: "127.0.0.1", port: 0 } }];

/** Exporters over UDP, a proxy, a collector over TCP. */
async function withUdpProxy(
  options: Partial<ProxyOptions>,
  run: (
    parts: { collector: TestCollector; proxy: TestProxy; exporter: () => (datagram: Uint8Array) => Promise<number> },
  ) => Promise<void>,
): Promise<void> {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { listeners, ...options });
  await proxy.proxy.start();
  const sockets: Deno.DatagramConn[] = [];
  const exporter = () => {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    sockets.push(socket);
    const to = { transport: "udp" as const, hostname: "127.0.0.1", port: proxy.port };
    return (datagram: Uint8Array) => socket.send(datagram, to);
  };
  try {
    await run({ collector, proxy, exporter });
  } finally {
    for (const socket of sockets) socket.close();
    await proxy.proxy.close();
    collector.close();
  }
}

Deno.test("udp in, tcp out: a session for each source port, in order, whatever the size", () =>
  withUdpProxy({}, async ({ collector, proxy, exporter }) => {
    const [first, second] = [exporter(), exporter()];
    await first(templateMessage());
    for (let number = 0; number < 40; number++) await first(dataMessage(number, 40 + number * 30));
    await second(templateMessage());
    await second(dataMessage(100, 9_000));
    await until("all arrived", () => collector.records().length === 41);
    assert.equal(collector.connections.length, 2);
    const [one, two] = collector.connections.map((_, index) => collector.messages(index).map(({ record }) => record));
    assert.deepEqual(one, ["template", ...Array.from({ length: 40 }, (_, number) => number)]);
    assert.deepEqual(two, ["template", 100]);
    assert.deepEqual(proxy.rewriters.map(({ facts }) => facts.reliable), [false, false]);
  }));

Deno.test("no socket to the collector before a good template", () =>
  withUdpProxy({}, async ({ collector, proxy, exporter }) => {
    const sendFrom = exporter();
    await sendFrom(dataMessage(0));
    const incomplete = templateMessage();
    incomplete[22] = 0;
    incomplete[23] = 9; // nine fields, of which one is there
    await sendFrom(incomplete);
    await sendFrom(dataMessage(0).subarray(0, 10));
    await until("the last was seen", () => (proxy.proxy.totals().messagesRejected.get("message_truncated") ?? 0) === 1);
    assert.equal([...proxy.proxy.sessions()].length, 0);
    assert.equal(collector.connections.length, 0);
  }));

Deno.test("data ahead of its template waits for it; without one it is dropped and counted after a while", async () => {
  const clock = new StandingClock();
  await withUdpProxy({ clock }, async ({ collector, proxy, exporter }) => {
    const early = exporter();
    for (const number of [0, 1]) await early(dataMessage(number));
    await early(templateMessage());
    await early(dataMessage(2));
    await until("all arrived", () => collector.records().length === 3);
    assert.deepEqual(collector.messages().map(({ record }) => record), ["template", 0, 1, 2]);
    const never = exporter();
    await never(dataMessage(3));
    await never(dataMessage(0).subarray(0, 20));
    await until("both were seen", () => proxy.proxy.totals().messagesRejected.size === 1);
    await clock.advance(4_000);
    assert.equal([...proxy.proxy.sessions()].length, 1);
    await clock.advance(2_000);
    await until("it has a session, which reads what it sent", () => collector.connections.length === 2);
    await until("its rewriter has it", () => collector.messages(1).length === 1);
    assert.equal([...proxy.proxy.sessions()].length, 2);
    await clock.advance(310_000);
    assert.equal([...proxy.proxy.sessions()].length, 1, "silent for five minutes, without a template");
  });
});

Deno.test("sources that never send a template have sessions up to a limit; the others are counted without one", async () => {
  const clock = new StandingClock();
  await withUdpProxy({ clock }, async ({ collector, proxy, exporter }) => {
    for (let source = 0; source < 80; source++) await exporter()(dataMessage(0));
    await exporter()(dataMessage(0).subarray(0, 20));
    await until("all were seen", () => proxy.proxy.totals().messagesRejected.size === 1);
    await clock.advance(6_000);
    assert.equal([...proxy.proxy.sessions()].length, 64);
    assert.equal(proxy.proxy.totals().recordsDropped.get("unknown_template"), 16);
    const good = exporter();
    await good(templateMessage());
    await good(dataMessage(7));
    await until("a good one is served all the same", () => collector.records().includes(7));
    await clock.advance(310_000);
    assert.equal([...proxy.proxy.sessions()].length, 1);
    const late = exporter();
    await late(dataMessage(9));
    await turn();
    await clock.advance(6_000);
    assert.equal([...proxy.proxy.sessions()].length, 2, "there is room again");
    await late(templateMessage());
    await late(dataMessage(10));
    await until("a template makes it a session like others", () => collector.records().includes(10));
    await clock.advance(310_000);
    assert.equal([...proxy.proxy.sessions()].length, 2);
  });
});

Deno.test("a source that had sent no template, and then does, leaves its place among such sources to another", async () => {
  const clock = new StandingClock();
  await withUdpProxy({ clock }, async ({ proxy, exporter }) => {
    const opened = () => proxy.happened("session_opened").length;
    const early = Array.from({ length: 64 }, exporter);
    for (const send of early) await send(dataMessage(0));
    for (let waited = 0; opened() < 64; waited++) {
      assert.ok(waited < 100, `${opened()} have a session`);
      await clock.advance(1_000);
    }
    for (const send of early) await send(templateMessage());
    await until("all have sent a template", () => proxy.proxy.totals().messagesReceived === 128);
    for (let source = 0; source < 64; source++) await exporter()(dataMessage(0));
    for (let waited = 0; opened() < 128; waited++) {
      assert.ok(waited < 100, `${opened()} have a session`);
      await clock.advance(1_000);
    }
  });
});

Deno.test("templates: address lets one port announce what another sends", () =>
  withUdpProxy(
    { listeners: [{ transport: "udp", address: { hostname: "127.0.0.1", port: 0 }, templates: "address" }] },
    async ({ collector, proxy, exporter }) => {
      const [templates, data] = [exporter(), exporter()];
      await templates(templateMessage());
      for (const number of [0, 1, 2]) await data(dataMessage(number));
      await until("all arrived", () => collector.records().length === 3);
      assert.deepEqual(collector.messages().map(({ record }) => record), ["template", 0, 1, 2]);
      assert.equal([...proxy.proxy.sessions()].length, 1);
    },
  ));

Deno.test("what waits for a template is bounded", () =>
  withUdpProxy({}, async ({ collector, proxy, exporter }) => {
    const sendFrom = exporter();
    for (let number = 0; number < 20; number++) {
      await sendFrom(dataMessage(number, 8_000));
      await turn();
    }
    await until("some were dropped", () => proxy.proxy.totals().recordsDropped.get("unknown_template") === 12);
    await sendFrom(templateMessage());
    await until("the others arrived", () => collector.records().length === 8);
  }));

Deno.test("datagrams that are not one message are counted by what is wrong, logged once, and cost nobody anything", () =>
  withUdpProxy({}, async ({ collector, proxy, exporter }) => {
    const sendFrom = exporter();
    await sendFrom(templateMessage());
    const netflow = dataMessage(0);
    netflow[1] = 9;
    for (const bad of [netflow, netflow, dataMessage(0).subarray(0, 40), join(dataMessage(0), new Uint8Array(3))]) {
      await sendFrom(bad);
    }
    await sendFrom(dataMessage(5));
    await until("the good one arrived", () => collector.records().length === 1);
    assert.deepEqual(collector.records(), [5]);
    const { messagesRejected } = proxy.proxy.totals();
    assert.deepEqual([...messagesRejected], [["message_version", 2], ["message_truncated", 1], ["message_length", 1]]);
    const said = proxy.happened("message_rejected").map(({ fields }) => fields["reason"]);
    assert.deepEqual(said, ["message_version", "message_truncated", "message_length"]);
    assert.equal(proxy.happened("message_rejected")[0]?.fields["protocol"], "NetFlow v9");
  }));

Deno.test("past the cap the least recently heard source is removed; forged sources without templates displace none", () =>
  withUdpProxy({ limits: { sessions: 2 } }, async ({ collector, proxy, exporter }) => {
    const [first, second, third] = [exporter(), exporter(), exporter()];
    await first(templateMessage());
    await second(templateMessage());
    await until("both are open", () => proxy.happened("session_opened").length === 2);
    for (let forged = 0; forged < 20; forged++) await exporter()(dataMessage(forged));
    await first(dataMessage(1));
    await until("the first was heard again", () => collector.records().length === 1);
    await third(templateMessage());
    await until("one had to go", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.happened("session_closed")[0]?.fields["session"], "2");
    assert.equal(proxy.outcome(), "evicted");
    await first(dataMessage(2));
    await third(dataMessage(3));
    await until("the others go on", () => collector.records().length === 3);
  }));

Deno.test("a flood of forged sources with good templates pushes out no exporter that was heard before, and one datagram keeps no session for long", async () => {
  const clock = new StandingClock();
  await withUdpProxy({ clock, limits: { sessions: 20 } }, async ({ collector, proxy, exporter }) => {
    const [good, idle] = [exporter(), exporter()];
    for (const send of [good, idle]) {
      await send(templateMessage());
      await send(dataMessage(1));
    }
    await until("both are heard", () => collector.records().length === 2);
    for (let forged = 0; forged < 50; forged++) await exporter()(templateMessage());
    await until("all had a session", () => proxy.happened("session_opened").length === 52);
    await until("those that were too many are gone", () => proxy.happened("session_closed").length === 32);
    await good(dataMessage(2));
    await until("the exporter's session goes on", () => collector.records().length === 3);
    assert.ok(proxy.happened("session_closed").every(({ fields }) => Number(fields["session"]) > 2));
    await clock.advance(2_200_000, 60_000);
    await until("the forged sources hold no place", () => proxy.happened("session_closed").length === 50);
    await idle(dataMessage(3));
    await until("who was only idle goes on", () => collector.records().length === 4);
  });
});

Deno.test("a source that is silent for one and a half hours is gone; one that refreshes every hour is not", async () => {
  const clock = new StandingClock();
  await withUdpProxy({ clock }, async ({ collector, proxy, exporter }) => {
    const [quick, slow] = [exporter(), exporter()];
    for (const send of [quick, slow, quick, slow]) await send(templateMessage());
    await until("both are open", () => collector.connections.length === 2);
    await clock.advance(3_600_000, 60_000);
    await slow(templateMessage());
    await until("it was refreshed", () => proxy.proxy.totals().messagesReceived === 5);
    await clock.advance(6_000_000, 60_000);
    await until("the quick one is gone", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.happened("session_closed")[0]?.fields["session"], "1");
  });
});

Deno.test("a collector that is away for ten minutes costs an exporter over UDP what came meanwhile and found no room, not its session", async () => {
  const clock = new StandingClock();
  let collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { clock, listeners, limits: { hold: 1_000 } });
  await proxy.proxy.start();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const sendNow = async (datagram: Uint8Array) => {
    await socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port: proxy.port });
    await turn();
  };
  await sendNow(templateMessage());
  await sendNow(dataMessage(0));
  await until("it arrived", () => collector.records().length === 1);
  collector.close();
  await until("the loss is noticed", () => proxy.happened("collector_lost").length === 1);
  const dropped = () => proxy.proxy.totals().recordsDropped.get("collector_unavailable") ?? 0;
  let sent = 1;
  for (; dropped() < 10; sent++) {
    assert.ok(sent < 200, "nothing was dropped although nothing can be sent");
    await sendNow(dataMessage(sent, 8_000));
  }
  const told = () => proxy.happened("records_dropped").map(({ fields }) => [fields["peer"], fields["reason"]]);
  const peer = `127.0.0.1:${socket.addr.transport === "udp" ? socket.addr.port : 0}`;
  assert.deepEqual(told(), [[peer, "collector_unavailable"]], "by name, and not once a datagram");
  await clock.advance(600_000, 5_000);
  assert.equal(proxy.happened("session_closed").length, 0);
  collector = new TestCollector(collector.port);
  await clock.advanceUntil("something arrives", () => collector.records().length > 0, 100);
  await sendNow(dataMessage(1_000));
  await until("the newest arrived", () => collector.records().at(-1) === 1_000);
  const records = collector.records();
  assert.equal(collector.messages()[0]?.record, "template");
  assert.deepEqual(records, [...records].sort((one, other) => one - other));
  // The one that was sent into the dead socket may be gone; none of the others is but those counted.
  assert.ok(records.length >= sent - 1 - dropped(), `${records.length} of ${sent} arrived, ${dropped()} were dropped`);
  socket.close();
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  collector.close();
});

Deno.test("a drain names the exporters over UDP whose data still waits for its template", () =>
  withUdpProxy({}, async ({ proxy, exporter }) => {
    await exporter()(dataMessage(0));
    await turn();
    await proxy.proxy.close();
    assert.deepEqual([...proxy.proxy.totals().recordsDropped], [["unknown_template", 1]]);
    const [told, ...others] = proxy.happened("records_dropped");
    assert.match(String(told?.fields["peer"]), /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([told?.fields["reason"], others], ["unknown_template", []]);
  }));

Deno.test("a template that was lost: data is dropped and counted until it comes again, then everything arrives", async () => {
  const clock = new StandingClock();
  await withUdpProxy({ clock }, async ({ collector, proxy, exporter }) => {
    const sendFrom = exporter();
    for (let number = 0; number < 3; number++) await sendFrom(dataMessage(number));
    await sendFrom(dataMessage(3).subarray(0, 20));
    await until("all were seen", () => proxy.proxy.totals().messagesRejected.size === 1);
    await clock.advance(10_000);
    // The rewriter of these tests passes on what a real one drops and counts.
    await until("what had waited was read", () => collector.records().length === 3);
    await sendFrom(templateMessage());
    await sendFrom(dataMessage(4));
    await sendFrom(templateMessage());
    await sendFrom(dataMessage(5));
    await until("what came since arrived", () => collector.records().length === 5);
    assert.deepEqual(collector.messages().map(({ record }) => record).slice(3), ["template", 4, "template", 5]);
  });
});

Deno.test("datagrams that are late, or come twice, go on as they came: nothing here takes their place in the order", () =>
  withUdpProxy({}, async ({ collector, exporter }) => {
    const sendFrom = exporter();
    await sendFrom(templateMessage());
    for (const number of [0, 2, 1, 1, 3]) await sendFrom(dataMessage(number));
    await until("all arrived", () => collector.records().length === 5);
    assert.deepEqual(collector.records(), [0, 2, 1, 1, 3]);
  }));

Deno.test("tcp in, udp out: each message a datagram from one port, templates again before data after a while", async () => {
  const clock = new StandingClock();
  const collector = new TestUdpCollector();
  const proxy = new TestProxy(0, {
    clock,
    collector: { transport: "udp", address: { hostname: "localhost", port: collector.port } },
  });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0), dataMessage(1)));
  await until("three arrived", () => collector.datagrams.length === 3);
  assert.deepEqual(collector.datagrams.map(({ length }) => length), [28, 64, 64]);
  assert.equal(new Set(collector.ports).size, 1);
  assert.equal(proxy.rewriters[0]?.facts.maxMessageLength, 1024);
  await clock.advance(20_000);
  await send(exporter, dataMessage(2));
  await until("the fourth arrived", () => collector.datagrams.length === 4);
  assert.equal(proxy.rewriters[0]?.announced, 0);
  await clock.advance(15_000);
  await send(exporter, dataMessage(3));
  await until("the fifth arrived", () => collector.datagrams.length === 5);
  assert.equal(proxy.rewriters[0]?.announced, 1);
  exporter.close();
  await until("the session is closed", () => proxy.happened("session_closed").length === 1);
  assert.equal(proxy.outcome(), "closed");
  await proxy.proxy.close();
  collector.close();
});

Deno.test("udp out: a session that has to dial again sends from the same port, another session from another", async () => {
  const collector = new TestUdpCollector();
  const address = { hostname: "127.0.0.1", port: collector.port };
  const [one, other] = [udpDialer(address), udpDialer(address)];
  const signal = new AbortController().signal;
  for (const dial of [one, other, one]) {
    const connection = await dial(signal);
    await connection.write(dataMessage(0));
    connection.close();
  }
  await until("all arrived", () => collector.ports.length === 3);
  assert.equal(collector.ports[0], collector.ports[2]);
  assert.notEqual(collector.ports[0], collector.ports[1]);
  collector.close();
});

Deno.test("udp: what was sent before the drain arrives", () =>
  withUdpProxy({}, async ({ collector, proxy, exporter }) => {
    const sendFrom = exporter();
    await sendFrom(templateMessage());
    await until("the session is open", () => proxy.happened("session_opened").length === 1);
    for (let number = 0; number < 100; number++) await sendFrom(dataMessage(number, 500));
    await proxy.proxy.drain();
    assert.equal(collector.records().length, 100);
    assert.equal(proxy.outcome(), "drained");
  }));

Deno.test("scan: templates and the data that lacks one, never past the end of what is there", () => {
  const known = new Set<number>();
  assert.deepEqual(scanTemplates(dataMessage(0), known), { templates: 0, missing: [16] });
  assert.deepEqual(scanTemplates(templateMessage(7), known), { templates: 1, missing: undefined });
  assert.deepEqual([...known], [templateKey(7, 256)]);
  assert.deepEqual(scanTemplates(dataMessage(0), known), { templates: 0, missing: [16] }, "another observation domain");
  assert.deepEqual(scanTemplates(dataMessage(0, 64, 7), known), { templates: 0, missing: undefined });
  const message = templateMessage();
  for (let length = 0; length <= message.length; length++) scanTemplates(message.subarray(0, length), new Set());
  const withdrawal = templateMessage();
  withdrawal.fill(0, 22, 24);
  assert.equal(scanTemplates(withdrawal, new Set()).templates, 0);
});

Deno.test("a datagram is one message or it is at fault", () => {
  assert.equal(datagramFault(dataMessage(0)), undefined);
  assert.equal(datagramFault(new Uint8Array(0)), "message_truncated");
  assert.equal(datagramFault(new Uint8Array([0, 5])), "message_version");
  assert.equal(datagramFault(dataMessage(0).subarray(0, 63)), "message_truncated");
  assert.equal(datagramFault(join(dataMessage(0), dataMessage(1))), "message_length");
});
