import assert from "node:assert/strict";
import { dataMessage, join, templateMessage } from "./test_messages.ts";
import { send, TestCollector, TestProxy, until } from "./test_support.ts";

/** A port on which nobody listens now. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

const tcp = (port: number) => ({ transport: "tcp" as const, address: { hostname: "127.0.0.1", port } });

Deno.test("listeners that stay keep their sessions, new ones are bound, the others accept no more", async () => {
  const collector = new TestCollector();
  const [stays, goes, comes] = [freePort(), freePort(), freePort()];
  const proxy = new TestProxy(collector.port, { listeners: [tcp(stays), tcp(goes)] });
  await proxy.proxy.start();
  const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
  const [kept, orphan] = [await connect(stays), await connect(goes)];
  await until("both are open", () => proxy.happened("session_opened").length === 2);
  await proxy.proxy.reconfigure({ listeners: [tcp(comes), tcp(stays)] });
  assert.deepEqual(proxy.proxy.addresses().map(({ address }) => address.port), [comes, stays]);
  await assert.rejects(connect(goes));
  const fresh = await connect(comes);
  for (const [number, exporter] of [kept, orphan, fresh].entries()) await send(exporter, dataMessage(number));
  await until("all arrived", () => collector.records().length === 3);
  assert.equal(proxy.happened("session_closed").length, 0);
  for (const exporter of [kept, orphan, fresh]) exporter.close();
  await proxy.proxy.close();
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
  await until("it is open", () => proxy.happened("session_opened").length === 1);
  await proxy.proxy.reconfigure({ limits: { sessions: 1 } });
  const second = await proxy.connect();
  assert.equal(await second.read(new Uint8Array(1)).catch(() => null), null);
  assert.equal(proxy.happened("session_refused").length, 1);
  first.close();
  second.close();
  await proxy.proxy.close();
  collector.close();
});
