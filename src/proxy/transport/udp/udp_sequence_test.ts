/** Sequence numbers of exporters over UDP (RFC 7011 §3.1), from the socket to the counter. */
import assert from "node:assert/strict";
import { decodeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { field, message, set, templateSet } from "../../../../test/support/messages/wire.ts";
import { RFC } from "../../../../test/conformance/conformance.ts";
import { mediatorOf } from "../../../../test/support/session.ts";
import { TestCollector } from "../../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../../test/support/time/until.ts";
import type { TemplateSharing } from "../listener.ts";

/**
 * Sends datagrams, each from the port of that index, until this many octets have gone out. Returns the numbers sent
 * and the gaps.
 */
async function play(
  templates: TemplateSharing,
  octets: number,
  datagrams: readonly [port: number, datagram: Uint8Array][],
) {
  const collector = new TestCollector();
  const listen = { transport: "udp" as const, address: { hostname: "127.0.0.1", port: 0 }, templates };
  const proxy = new TestProxy(collector.port, { listeners: [listen], mediator: mediatorOf(RFC) });
  await proxy.proxy.start();
  const sockets = [0, 1].map(() => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }));
  try {
    const to = { transport: "udp" as const, hostname: "127.0.0.1", port: proxy.port };
    for (const [port, datagram] of datagrams) await sockets[port]?.send(datagram, to);
    const sent = () => collector.connections[0]?.octets ?? new Uint8Array(0);
    await until("all went out", () => sent().length === octets);
    const numbers: number[] = [];
    for (let start = 0; start < octets;) {
      const { length, sequenceNumber } = decodeMessageHeader(sent(), start);
      numbers.push(sequenceNumber);
      start += length;
    }
    for (const { id } of proxy.proxy.sessions()) proxy.proxy.closeSession(id);
    await until("the session has ended", () => [...proxy.proxy.sessions()].length === 0);
    const { sequenceGaps, recordsReceived } = proxy.proxy.totals();
    return { numbers, gaps: sequenceGaps, recordsReceived };
  } finally {
    for (const socket of sockets) socket.close();
    await proxy.proxy.close();
    collector.close();
  }
}

const announce = (id: number) => templateSet({ id, scope: 0, fields: [field("0/4", 1)] });
const data = (sequenceNumber: number, exportTime: number, ...values: number[]) =>
  message({ sequenceNumber, exportTime }, set(310, Uint8Array.from(values)));

Deno.test("a set that waited for its template is counted once, and invents no gap", async () => {
  const two = templateSet({ id: 310, scope: 0, fields: [field("0/4", 1), field("0/5", 1)] });
  const datagrams: [number, Uint8Array][] = [
    [0, data(0, 1, 0x11, 0x22)],
    [0, message({ sequenceNumber: 1, exportTime: 1 }, two)],
    [0, data(1, 1, 0x13, 0x22)],
  ];
  const octets = datagrams.reduce((sum, [, { length }]) => sum + length, 0);
  assert.deepEqual(await play("port", octets, datagrams), { numbers: [1, 0, 1], gaps: 0, recordsReceived: 2 });
});

Deno.test("ports of one address that count apart have no gaps; what goes out in their one session is counted", async () => {
  const datagrams: [number, Uint8Array][] = [
    [0, message({ exportTime: 1 }, announce(310))],
    [1, data(500, 1, 1, 2, 3)],
    [0, message({ exportTime: 20 }, announce(310))],
    [1, data(503, 40, 4)],
    [0, message({ exportTime: 60 }, announce(310))],
    [1, data(504, 80, 5)],
  ];
  const octets = datagrams.reduce((sum, [, { length }]) => sum + length, 0);
  const { numbers, gaps } = await play("address", octets, datagrams);
  assert.deepEqual({ numbers, gaps }, { numbers: [0, 0, 3, 3, 4, 4], gaps: 0 });
  const lossy = datagrams.toSpliced(3, 1);
  assert.equal((await play("address", octets - (datagrams[3]?.[1].length ?? 0), lossy)).gaps, 1);
});

Deno.test("ports of one address that share one count have no gaps either", async () => {
  const datagrams: [number, Uint8Array][] = [
    [0, message({ exportTime: 1 }, announce(310))],
    [1, data(0, 20, 1, 2, 3)],
    [0, data(3, 40, 4)],
    [1, data(4, 60, 5)],
    [0, data(5, 80, 6)],
  ];
  const octets = datagrams.reduce((sum, [, { length }]) => sum + length, 0);
  assert.equal((await play("address", octets, datagrams)).gaps, 0);
  const lossy = datagrams.toSpliced(2, 1);
  assert.equal((await play("address", octets - (datagrams[2]?.[1].length ?? 0), lossy)).gaps, 1);
});
