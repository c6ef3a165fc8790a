/** What is held and never taken is counted: received, and dropped as `collector_unavailable`. */
import assert from "node:assert/strict";
import { TestCollector } from "../../support/proxy/test_collector.ts";
import { announcement, data } from "../conformance.ts";
import { send, until, withTransport } from "./transport.ts";
import type { Transport } from "./transport.ts";

const RECORDS = 1_000;

/** Every record that was received is sent, dropped or in hand. */
function balance({ proxy }: Transport) {
  const { recordsReceived, recordsSent, recordsDropped } = proxy.proxy.totals();
  let inHand = 0;
  for (const session of proxy.proxy.sessions()) inHand += session.recordsInHand;
  const dropped = [...recordsDropped.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(recordsSent + dropped + inHand, recordsReceived);
  assert.equal(proxy.proxy.collector().recordsInHand, inHand);
  return {
    received: recordsReceived,
    sent: recordsSent,
    unavailable: recordsDropped.get("collector_unavailable") ?? 0,
    inHand,
  };
}

/** An exporter whose collector is there and is then lost, and who sends so many records to nobody. */
async function sendToNobody(transport: Transport, records: number): Promise<void> {
  const { collector, proxy, exporter } = transport;
  const socket = await exporter();
  await send(socket, announcement());
  await until("the template arrived", () => collector.messages().length === 1);
  await transport.clock.advance(2_000);
  collector.close();
  await until("the loss is noticed", () => !proxy.proxy.collector().up);
  for (let sequence = 0; sequence < records; sequence++) await send(socket, data(sequence, sequence % 200));
}

for (const lost of [true, false]) {
  const when = lost ? "lost" : "never reached";
  Deno.test(`hold runs out for a collector that was ${when}: what lay in the kernels is counted, too`, () =>
    withTransport({ limits: { hold: 3_000 } }, async (transport) => {
      const { collector, proxy, exporter } = transport;
      if (lost) await sendToNobody(transport, RECORDS);
      else {
        collector.close();
        const socket = await exporter();
        await send(socket, announcement());
        for (let sequence = 0; sequence < RECORDS; sequence++) await send(socket, data(sequence, sequence % 200));
      }
      await transport.clock.advanceUntil("the session is closed", () => proxy.happened("session_closed").length === 1);
      assert.equal(proxy.outcome(), "collector_unavailable");
      assert.deepEqual(balance(transport), { received: RECORDS, sent: 0, unavailable: RECORDS, inHand: 0 });
      assert.equal(
        proxy.happened("held_octets_discarded").reduce((sum, { fields }) => sum + Number(fields["records"]), 0),
        RECORDS,
      );
    }));
}

Deno.test("a drain counts what lay in the kernels for a collector that is away", () =>
  withTransport({}, async (transport) => {
    const { proxy } = transport;
    await sendToNobody(transport, RECORDS);
    await until("they are held", () => proxy.proxy.collector().heldOctets > 0);
    void proxy.proxy.drain();
    await transport.clock.advanceUntil("the session is closed", () => proxy.happened("session_closed").length === 1);
    assert.equal(proxy.outcome(), "drained");
    assert.deepEqual(balance(transport), { received: RECORDS, sent: 0, unavailable: RECORDS, inHand: 0 });
  }));

Deno.test("datagrams that were held for a collector that never came are counted when the proxy ends", () =>
  withTransport({ udp: true }, async (transport) => {
    const { collector, proxy, udpExporter } = transport;
    collector.close();
    const datagram = udpExporter();
    await datagram(announcement());
    for (let sequence = 0; sequence < 50; sequence++) await datagram(data(sequence, sequence));
    await until("all are held", () => proxy.proxy.collector().heldOctets >= 50 * data(0, 0).length);
    const closed = proxy.proxy.close();
    await transport.clock.advance(1);
    await closed;
    assert.deepEqual(balance(transport), { received: 50, sent: 0, unavailable: 50, inHand: 0 });
  }));

Deno.test("records held while a collector is away are sent once it is back, and count once as sent", () =>
  withTransport({}, async (transport) => {
    const { collector, proxy } = transport;
    await sendToNobody(transport, 10);
    await until("they are held", () => proxy.proxy.collector().heldOctets > 0);
    balance(transport);
    const back = new TestCollector(collector.port);
    try {
      await transport.clock.advanceUntil("all arrived", () => balance(transport).sent === 10);
      assert.deepEqual(balance(transport), { received: 10, sent: 10, unavailable: 0, inHand: 0 });
    } finally {
      back.close();
    }
  }));
