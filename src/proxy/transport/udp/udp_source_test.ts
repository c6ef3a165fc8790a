import assert from "node:assert/strict";
import { HeapBufferPool } from "../../memory/buffer_pool.ts";
import { KNOWN_TEMPLATES, scanTemplates } from "./datagram_scan.ts";
import { dataMessage, templateMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { UdpSource } from "./udp_source.ts";

function fixture({ queuedLimit = 1_000_000 } = {}) {
  const pool = new HeapBufferPool();
  const parts = { held: { octets: 0, limit: 100_000 }, queued: { octets: 0, limit: queuedLimit } };
  const dropped = new Map<string, number>();
  const source = (port = 1) =>
    new UdpSource({ hostname: "192.0.2.1", port }, {
      ...parts,
      pool,
      listener: "0.0.0.0:4739",
      time: () => 1_000_000,
      onDrop: (reason, datagrams) => dropped.set(reason, (dropped.get(reason) ?? 0) + datagrams),
      onClose: () => {},
    });
  return { ...parts, pool, dropped, source };
}

const counts = (dropped: Map<string, number>) => Object.fromEntries(dropped);

Deno.test("every datagram that goes nowhere is counted once, whatever it waited for", () => {
  const { source, dropped, held, queued, pool } = fixture();
  const never = source();
  never.receive(dataMessage(0), 0);
  never.receive(dataMessage(1), 3_000);
  never.expire(4_000);
  assert.deepEqual(counts(dropped), {});
  never.expire(5_000);
  assert.deepEqual(counts(dropped), { unknown_template: 2 }, "it is closed, with all that waited");

  const named = source();
  named.receive(dataMessage(0), 0);
  named.expire(5_000, true);
  assert.equal(named.opened, true);
  assert.deepEqual(counts(dropped), { unknown_template: 2 }, "a session reads and counts it");
  named.close();
  assert.deepEqual(counts(dropped), { unknown_template: 2, collector_unavailable: 1 });
  dropped.delete("collector_unavailable");

  const evicted = source();
  evicted.receive(templateMessage(), 0);
  for (const number of [0, 1, 2]) evicted.receive(dataMessage(number, 64 + number), 0);
  evicted.receive(dataMessage(0, 64, 7), 0);
  evicted.close();
  assert.deepEqual(counts(dropped), { unknown_template: 3, collector_unavailable: 4 });
  assert.deepEqual([held.octets, queued.octets, pool.leased], [0, 0, 0], "all memory is given back");
});

Deno.test("datagrams behind one that was read in part are counted exactly, whatever octets it has", async () => {
  const { source, dropped, queued, pool } = fixture();
  const evicted = source();
  evicted.receive(templateMessage(), 0);
  // Its octets look like the shortest of messages, wherever one begins to read.
  const filled = dataMessage(0, 400);
  filled.fill(1, 24);
  evicted.receive(filled, 0);
  for (const number of [1, 2, 3]) evicted.receive(dataMessage(number), 0);
  assert.equal(await evicted.read(new Uint8Array(100)), 100);
  assert.equal(await evicted.read(new Uint8Array(100)), 100);
  evicted.close();
  assert.deepEqual(counts(dropped), { collector_unavailable: 3 });
  assert.deepEqual([queued.octets, pool.leased], [0, 0]);
});

Deno.test("what was held and finds no room in the queue is counted", () => {
  const { source, dropped } = fixture({ queuedLimit: 200 });
  const late = source();
  for (const number of [0, 1, 2]) late.receive(dataMessage(number, 64), 0);
  late.receive(templateMessage(), 0);
  assert.deepEqual(counts(dropped), { collector_unavailable: 1 });
  late.close();
});

Deno.test("all sources together keep no more than their common budget; one that is read always goes on", async () => {
  const { source, dropped, queued } = fixture({ queuedLimit: 1_000 });
  const [slow, read] = [source(1), source(2)];
  for (const one of [slow, read]) one.receive(templateMessage(), 0);
  await read.read(new Uint8Array(1_000));
  for (let number = 0; number < 100; number++) slow.receive(dataMessage(number), 0);
  assert.ok(queued.octets <= 1_000);
  assert.equal(counts(dropped)["collector_unavailable"], 100 - Math.floor((1_000 - 28) / 64));
  const reading = read.read(new Uint8Array(1_000));
  read.receive(dataMessage(0, 500), 0);
  assert.equal(await reading, 500);
  slow.close();
  read.close();
});

Deno.test("a flood of templates is not remembered without end", () => {
  const known = new Set<number>();
  for (let domain = 0; domain < 2 * KNOWN_TEMPLATES; domain++) scanTemplates(templateMessage(domain), known);
  assert.equal(known.size, KNOWN_TEMPLATES);
});

Deno.test("templates hold for three of the intervals at which they were announced, at least for an hour and a half", () => {
  const { source } = fixture();
  const exporter = source();
  exporter.receive(templateMessage(), 0);
  assert.deepEqual(exporter.templateLife, { listener: "0.0.0.0:4739", announcedAt: 1_000_000, lifetime: 5_400_000 });
  exporter.receive(templateMessage(), 3_600_000);
  assert.equal(exporter.templateLife.lifetime, 3 * 3_600_000);
  assert.equal(source().templateLife.lifetime, 300_000, "a source without any is over in minutes");
  const next = source();
  next.recall({ announcedAt: 5, lifetime: 3 * 3_600_000, templates: [templateMessage()] });
  next.receive(dataMessage(0), 0);
  assert.deepEqual(next.templateLife, { listener: "0.0.0.0:4739", announcedAt: 5, lifetime: 3 * 3_600_000 });
});

Deno.test("what is remembered goes ahead of the first message of its domain only, with that message's number and time", async () => {
  const { source } = fixture();
  const exporter = source();
  exporter.recall({ announcedAt: 0, lifetime: 0, templates: [templateMessage(1), templateMessage(2)] });
  const view = new Uint8Array(1_000);
  exporter.receive(dataMessage(77, 64, 2), 0);
  const length = await exporter.read(view) ?? 0;
  const remembered = templateMessage(2);
  new DataView(remembered.buffer).setUint32(8, 77);
  assert.deepEqual(view.subarray(0, 28), remembered);
  assert.deepEqual(view.subarray(28, length), dataMessage(77, 64, 2));
  exporter.receive(dataMessage(78, 64, 2), 0);
  assert.equal(await exporter.read(view), 64);
  exporter.close();
});
