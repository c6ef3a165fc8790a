import assert from "node:assert/strict";
import type { Connection } from "../../src/proxy/connection.ts";
import { dataMessage, join, templateMessage } from "../../src/proxy/test_messages.ts";
import { Authority } from "../support/certificates.ts";
import { checkConnection, CollectorProcess, ProxyProcess } from "./processes.ts";
import {
  connectTcp,
  connectTls,
  Exporter,
  moment,
  RECORD_OCTETS,
  say,
  SERVER_NAME,
  writeAll,
  writeFiles,
} from "./support.ts";

const STALL_MILLISECONDS = 30_000;
const MEGA = 1_000_000;

/** A collector process, a proxy process before it, killed whatever happens. */
async function withProcesses(
  run: (collector: CollectorProcess, proxy: ProxyProcess) => Promise<void>,
  limits: Record<string, number> = {},
): Promise<void> {
  const collector = new CollectorProcess({ transport: "tcp" });
  const port = await collector.bind();
  const proxy = await ProxyProcess.start({
    listen: [{ transport: "tcp" }],
    collector: { transport: "tcp", port },
    limits,
  });
  try {
    await run(collector, proxy);
  } finally {
    await proxy.process.kill();
    await collector.process.kill();
  }
}

/** The records of every connection, each checked to be whole and in order. */
function recordsByConnection(collector: CollectorProcess): number[] {
  const connections = new Set(collector.collected().map(({ connection }) => connection));
  return [...connections].map((connection) => {
    const range = checkConnection(collector.collected().filter((one) => one.connection === connection));
    assert.equal(range?.first ?? 0, 0);
    return (range?.last ?? -1) + 1;
  });
}

Deno.test("a collector that stalls for 30 s: the exporter waits, memory stays bounded, nothing is lost", () =>
  withProcesses(async (collector, proxy) => {
    const exporter = new Exporter(await connectTcp(proxy.port), 2_000);
    await collector.until("it has records", () => collector.records >= 2_000);
    const before = (await proxy.status()).residentOctets;
    collector.process.signal("SIGSTOP");
    const end = Date.now() + STALL_MILLISECONDS;
    let largest = before;
    for (
      let sent = -1;
      Date.now() < end || exporter.next !== sent;
      await new Promise((resolve) => setTimeout(resolve, 500))
    ) {
      sent = exporter.next;
      largest = Math.max(largest, (await proxy.status()).residentOctets);
    }
    collector.process.signal("SIGCONT");
    await exporter.stop();
    await collector.until("all arrived", () => collector.records === exporter.next);
    assert.deepEqual(recordsByConnection(collector), [exporter.next]);
    assert.equal(proxy.happened("collector_lost").length, 0);
    const grown = (largest - before) / MEGA;
    say(
      `stalled ${STALL_MILLISECONDS / 1000} s: ${exporter.next} records, none lost, memory grew by ${
        grown.toFixed(1)
      } MB`,
    );
    assert.ok(grown < 40, `memory grew by ${grown} MB`);
  }));

Deno.test("5000 idle sessions stay, each in little memory, and the last record of each still arrives", () =>
  withProcesses(async (collector, proxy) => {
    const count = 5_000;
    const before = (await proxy.status()).residentOctets;
    const exporters: Connection[] = [];
    for (let index = 0; index < count; index++) {
      const exporter = await connectTcp(proxy.port);
      await writeAll(exporter, join(templateMessage(), dataMessage(0, RECORD_OCTETS)));
      exporters.push(exporter);
    }
    await collector.until("the first record of each arrived", () => collector.records === count);
    const { residentOctets, sessions } = await proxy.status();
    assert.equal(sessions, count);
    const each = (residentOctets - before) / count / 1000;
    say(`${count} idle sessions: ${(residentOctets / MEGA).toFixed(0)} MB, ${each.toFixed(1)} KB a session`);
    assert.ok(each < 60, `${each} KB a session`);
    for (const exporter of exporters) await writeAll(exporter, dataMessage(1, RECORD_OCTETS));
    await collector.until("the last record of each arrived", () => collector.records === 2 * count);
    for (const exporter of exporters) exporter.close();
    assert.deepEqual(new Set(recordsByConnection(collector)), new Set([2]));
  }));

Deno.test("200 sessions that connect at once all get through, each on its own", () =>
  withProcesses(async (collector, proxy) => {
    const count = 200;
    const records = 100;
    const octets = join(
      templateMessage(),
      ...Array.from({ length: records }, (_, number) => dataMessage(number, RECORD_OCTETS)),
    );
    await Promise.all(Array.from({ length: count }, async () => {
      const exporter = await connectTcp(proxy.port);
      await writeAll(exporter, octets);
      await exporter.closeWrite();
      assert.equal(await exporter.read(new Uint8Array(1)), null);
      exporter.close();
    }));
    await collector.until("all arrived", () => collector.records === count * records);
    assert.deepEqual(recordsByConnection(collector), Array.from({ length: count }, () => records));
  }));

Deno.test("1000 sessions outlive their collector: each is found again, template first, and none of what was held is lost", async () => {
  const count = 1_000;
  let collector = new CollectorProcess({ transport: "tcp" });
  const port = await collector.bind();
  const proxy = await ProxyProcess.start({ listen: [{ transport: "tcp" }], collector: { transport: "tcp", port } });
  try {
    const exporters: Connection[] = [];
    for (let index = 0; index < count; index++) {
      const exporter = await connectTcp(proxy.port);
      await writeAll(exporter, templateMessage());
      exporters.push(exporter);
    }
    await collector.until("all templates arrived", () => collector.collected().length === count);
    await collector.process.kill("SIGKILL");
    await proxy.until("every loss is noticed", () => proxy.happened("collector_lost").length === count);
    for (const exporter of exporters) await writeAll(exporter, dataMessage(0, RECORD_OCTETS));
    collector = new CollectorProcess({ transport: "tcp" });
    await collector.bind(port);
    const begin = performance.now();
    await collector.until("all arrived", () => collector.records === count);
    say(`${count} sessions found their collector again within ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    assert.deepEqual(recordsByConnection(collector), Array.from({ length: count }, () => 1));
    assert.equal((await proxy.status()).heldOctets, 0);
    for (const exporter of exporters) exporter.close();
  } finally {
    await proxy.process.kill();
    await collector.process.kill();
  }
});

Deno.test("SIGTERM under load: the proxy leaves in time and with success, and all that exporters sent before they were told arrives", () =>
  withProcesses(async (collector, proxy) => {
    const exporters = await Promise.all(
      Array.from({ length: 20 }, async () => new Exporter(await connectTcp(proxy.port))),
    );
    await collector.until("load is on", () => collector.records > 5_000);
    proxy.process.signal("SIGTERM");
    // As an Agent does: it sees that the proxy has said goodbye, stops, and closes.
    await Promise.all(exporters.map(async (exporter) => {
      assert.equal(await exporter.connection.read(new Uint8Array(1)), null);
      await exporter.stop();
      exporter.connection.close();
    }));
    await proxy.until("it has left", () => proxy.process.ending !== undefined).catch(() => {});
    assert.equal(proxy.process.ending?.code, 0);
    const sent = exporters.map(({ next }) => next).sort();
    await collector.until("all arrived", () => collector.records === sent.reduce((sum, next) => sum + next, 0));
    assert.deepEqual(recordsByConnection(collector).sort(), sent);
    assert.deepEqual(exporters.map(({ failure }) => failure), exporters.map(() => undefined));
  }));

Deno.test("certificates rotated under load: sessions go on, new ones use the new certificate, no record is lost", async () => {
  const authority = await Authority.create("cluster");
  const issue = () => authority.issue({ name: "aggregator", dns: [SERVER_NAME], usage: ["server"] });
  const agent = await authority.issue({ name: "agent-1", usage: ["client"] });
  const folder = await Deno.makeTempDir();
  const collector = new CollectorProcess({ transport: "tcp" });
  const port = await collector.bind();
  const files = await writeFiles(folder, "listener", { ...await issue(), ca: authority.pem });
  const proxy = await ProxyProcess.start({
    listen: [{ transport: "tls", files }],
    collector: { transport: "tcp", port },
  });
  try {
    const exporters = [new Exporter(await connectTls(proxy.port, authority, agent))];
    for (let round = 1; round <= 3; round++) {
      await writeFiles(folder, "listener", { ...await issue(), ca: authority.pem });
      await proxy.until("the change is seen", () => proxy.happened("certificate_changed").length >= round);
      exporters.push(new Exporter(await connectTls(proxy.port, authority, agent)));
    }
    const before = exporters.map(({ next }) => next);
    while (exporters.some(({ next }, index) => next < (before[index] ?? 0) + 500)) await moment();
    for (const exporter of exporters) await exporter.stop();
    await collector.until(
      "all arrived",
      () => collector.records === exporters.reduce((sum, { next }) => sum + next, 0),
    );
    assert.deepEqual(exporters.map(({ failure }) => failure), exporters.map(() => undefined));
    assert.deepEqual(recordsByConnection(collector).sort(), exporters.map(({ next }) => next).sort());
  } finally {
    await proxy.process.kill();
    await collector.process.kill();
    await Deno.remove(folder, { recursive: true });
  }
});
