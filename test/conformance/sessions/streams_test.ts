/** Broken and cut streams: which session is closed, which are not affected, and what is logged. */
import assert from "node:assert/strict";
import { field, join, message, number, set, text, variable } from "../../support/messages/wire.ts";
import { announcement, COUNT, counted, data, GO, plain, RFC, template } from "../conformance.ts";
import { ended, send, until, withTransport } from "./transport.ts";

const GOOD = [announcement(), data(0, 1)];
const start = join(...GOOD).length;
const LONG = 2_000;

/** What breaks a session, with the reason, the octet of the message, and what is said of it. */
const BROKEN: readonly [what: string, octets: Uint8Array, reason: string, offset: number, protocol?: string][] = [
  ["NetFlow v5", join(number(5, 2), number(30, 2), new Uint8Array(1400)), "message_version", 0, "NetFlow v5"],
  ["NetFlow v9", join(number(9, 2), number(2, 2), new Uint8Array(1400)), "message_version", 0, "NetFlow v9"],
  ["sFlow", join(number(5, 4), number(1, 4), new Uint8Array(200)), "message_version", 0, "sFlow v5"],
  ["HTTP", text("GET / HTTP/1.1\r\nHost: flow-aggregator:4739\r\n\r\n"), "message_version", 0, "HTTP"],
  ["HTTP/2", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "message_version", 0, "HTTP"],
  ["TLS", join(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), new Uint8Array(400)), "message_version", 0, "TLS"],
  ["message length 0", message({ length: 0 }, set(256, counted(2))), "message_length", 2],
  ["set length 3", message({}, set(256, counted(2), 3)), "set_length", 18],
  ["a set that overruns", message({}, set(256, counted(2), 14)), "set_overrun", 16],
  ["trailing octets", message({}, set(256, counted(2)), new Uint8Array(3)), "trailing_octets", 29],
  [
    "a field count of 65,535",
    message({}, set(2, join(number(300, 2), number(65_535, 2), new Uint8Array(12)))),
    "template_truncated",
    24,
  ],
  ["a template id below 256", message({}, template(255, COUNT)), "template_id", 20],
  [
    "a scope count of 0",
    message({}, set(3, join(number(300, 2), number(2, 2), new Uint8Array(10)))),
    "scope_field_count",
    24,
  ],
];

for (const [what, octets, reason, offset, protocol] of BROKEN) {
  for (const to of [RFC, GO]) {
    Deno.test(`${what}: its own session is closed, all before it arrives, it is logged once with its place, others are not affected (${to.name})`, () =>
      withTransport({ to }, async ({ proxy, exporter, received, collector }) => {
        const other = await exporter();
        await send(other, join(...GOOD));
        await received(GOOD);
        const broken = await exporter();
        await send(broken, join(...GOOD, octets, ...GOOD));
        await received(GOOD, 1);
        assert.deepEqual(await ended(proxy, 1), ["rejected"]);
        assert.equal(await broken.read(new Uint8Array(1)).catch(() => null), null, "the exporter is told");
        await until("the collector is told", () => collector.connections[1]?.ended === true);
        await received(GOOD, 1);

        assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), { [reason]: 1 });
        const said = proxy.happened("message_rejected");
        assert.equal(said.length, 1);
        assert.equal(said[0]?.level, "warning");
        assert.equal(said[0]?.fields["reason"], reason);
        assert.equal(said[0]?.fields["offset"], start + offset);
        assert.equal(said[0]?.fields["protocol"], protocol);
        if (protocol !== undefined) assert.ok(said[0]?.message.includes(protocol), said[0]?.message);
        else assert.equal(said[0]?.fields["observationDomain"], 1);

        await send(other, data(1, 2));
        await received([...GOOD, data(1, 2)]);
      }));
  }
}

Deno.test("fewer than 16 octets, then the end: whole messages arrive, the rest is discarded and counted", async () => {
  for (const length of [1, 2, 4, 15]) {
    await withTransport({}, async ({ proxy, exporter, received }) => {
      const socket = await exporter();
      await send(socket, join(...GOOD, data(1, 2).subarray(0, length)));
      await socket.closeWrite();
      await received(GOOD);
      assert.deepEqual(await ended(proxy, 1), ["closed"]);
      assert.deepEqual(plain(proxy.proxy.totals().messagesRejected), { message_truncated: 1 });
      assert.equal(proxy.happened("message_rejected")[0]?.fields["offset"], start);
    });
  }
});

Deno.test("messages of any size in one write, many, cut anywhere: they arrive in order, octet for octet", () =>
  withTransport({}, async ({ exporter, received }) => {
    const texts = message({}, template(257, [field("0/82", 65535)]));
    const sizes = [0, 254, 255, 65_500, 1, 40_000];
    const messages = [
      announcement(),
      texts,
      ...Array.from(
        { length: LONG },
        (_, index) =>
          index % 400 === 7
            ? message({ sequenceNumber: index }, set(257, variable(new Uint8Array(sizes[index % 6] ?? 0).fill(65))))
            : data(index, index % 256),
      ),
    ];
    const socket = await exporter();
    const octets = join(...messages);
    for (let at = 0; at < octets.length; at += 77_777) await send(socket, octets.subarray(at, at + 77_777));
    await received(messages);
  }));

Deno.test("the same domain and template id from several exporters with different layouts, each in a session of its own", () =>
  withTransport({ to: GO }, async ({ exporter, received }) => {
    const layouts = [COUNT, [field("0/4", 1)], [field("0/82", 65535)], [field("0/2", 8), field("0/4", 1)]];
    const records = [counted(1), Uint8Array.of(6), variable(text("eth0")), join(number(1, 8), Uint8Array.of(6))];
    const exporters = [];
    for (const [index, layout] of layouts.entries()) {
      const socket = await exporter();
      exporters.push(socket);
      await send(socket, message({}, template(256, layout)));
      await received([message({}, template(256, layout))], index);
    }
    for (const [index, socket] of exporters.entries()) {
      await send(socket, message({}, set(256, records[index] ?? counted(0))));
    }
    for (const [index, layout] of layouts.entries()) {
      await received([message({}, template(256, layout)), message({}, set(256, records[index] ?? counted(0)))], index);
    }
  }));

Deno.test("a collector that stalls stops the exporter over TCP; nothing is lost and nothing is held without bound", () =>
  withTransport({}, async ({ collector, proxy, exporter }) => {
    collector.reading = false;
    const texts = message({}, template(256, [field("0/82", 65535)]));
    const large = message({}, set(256, variable(new Uint8Array(60_000).fill(65))));
    const socket = await exporter();
    let sent = 0;
    const sending = (async () => {
      await send(socket, texts);
      for (let index = 0; index < 800; index++) {
        await send(socket, large);
        sent += large.length;
      }
      await socket.closeWrite();
    })();
    let before = -1;
    await until("the exporter is stopped", () => {
      const stands = sent === before && sent > 0;
      before = sent;
      return stands;
    });
    assert.ok(sent < 800 * large.length, "the exporter went on though nobody reads");
    collector.reading = true;
    await sending;
    await until("all arrived", () => collector.connections[0]?.ended === true);
    assert.equal(collector.connections[0]?.length, texts.length + 800 * large.length);
    assert.deepEqual(plain(proxy.proxy.totals().recordsDropped), {});
  }));

Deno.test("octets that come from the collector are discarded: the exporter never sees them, and goes on", () =>
  withTransport({ to: GO }, async ({ collector, exporter, received }) => {
    const socket = await exporter();
    await send(socket, join(...GOOD));
    await received(GOOD);
    const connection = collector.connections[0]?.socket;
    assert.ok(connection !== undefined);
    await send(connection, text("HTTP/1.1 400 Bad Request\r\n\r\n"));
    // Less than the system holds: the proxy pauses between its reads, by a clock that stands here.
    await send(connection, new Uint8Array(100_000));
    let got: unknown = "nothing";
    const reading = socket.read(new Uint8Array(1)).then((length) => got = length, () => {});
    await send(socket, data(1, 2));
    await received([...GOOD, data(1, 2)]);
    assert.equal(got, "nothing");
    socket.close();
    await reading;
  }));
