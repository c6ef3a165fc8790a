import assert from "node:assert/strict";
import { CollectorProcess } from "./peers/collector.ts";
import { connectExporter, DatagramExporter } from "./peers/exporter.ts";
import { COLLECTOR, NEWER, PROFILE } from "./peers/fleet.ts";
import { flowLayouts, FlowMessages } from "./peers/flows.ts";
import { ProxyProcess } from "./proxy.ts";
import { say } from "./support.ts";
import { until } from "../support/time/until.ts";

interface Parts {
  readonly collector: CollectorProcess;
  readonly proxy: ProxyProcess;
}

/** A collector over UDP, a proxy before it that listens over UDP, and over TCP as its second listener. */
async function withUdp(run: (parts: Parts) => Promise<void>): Promise<void> {
  await using collector = await CollectorProcess.start({ transport: "udp", layouts: flowLayouts(COLLECTOR) });
  await using proxy = await ProxyProcess.start({
    listen: [{ transport: "udp" }, { transport: "tcp" }],
    collector: { transport: "udp", port: collector.port, profile: PROFILE },
  });
  await run({ collector, proxy });
  collector.assertRight();
}

/** The single messages of some flows. */
function each(messages: FlowMessages, first: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => messages.message(first + index));
}

/** Both templates as datagrams. */
function templates(messages: FlowMessages, release = NEWER): Uint8Array[] {
  return [messages.template(release, 0), messages.template(release, 1)];
}

Deno.test("UDP: datagrams ahead of their template wait for it, and come out in order behind it", () =>
  withUdp(async ({ collector, proxy }) => {
    const messages = new FlowMessages(NEWER, 1);
    const exporter = new DatagramExporter(proxy.port());
    const [first, second] = templates(messages);
    assert.ok(first !== undefined && second !== undefined);
    await exporter.send(...each(messages, 0, 10), first, ...each(messages, 10, 10), second, ...each(messages, 20, 10));
    await collector.untilRecords(30);
    // Those of the first family could go when its template came, those of the other a little later.
    const flows = expand(collector.flowsOf(1));
    for (const family of [0, 1]) {
      const those = flows.filter((flow) => flow % 2 === family);
      assert.deepEqual(those, those.toSorted((one, other) => one - other));
    }
    assert.deepEqual(flows.toSorted((one, other) => one - other), Array.from({ length: 30 }, (_, flow) => flow));
    exporter.close();
  }));

Deno.test("UDP: datagrams twice and out of order go out as they came, and are counted", () =>
  withUdp(async ({ collector, proxy }) => {
    const messages = new FlowMessages(NEWER, 1);
    const exporter = new DatagramExporter(proxy.port());
    await exporter.send(...templates(messages), ...each(messages, 0, 3));
    await exporter.send(messages.message(5), messages.message(4), messages.message(3), messages.message(3));
    await collector.untilRecords(7);
    assert.deepEqual(expand(collector.flowsOf(1)), [0, 1, 2, 5, 4, 3, 3]);
    assert.ok((await proxy.metrics()).of("exporter_sequence_gaps_total") > 0);
    exporter.close();
  }));

Deno.test("UDP: a template that is lost: its data is held, then dropped and counted, and flows once the template is sent again", () =>
  withUdp(async ({ collector, proxy }) => {
    const messages = new FlowMessages(NEWER, 1);
    const exporter = new DatagramExporter(proxy.port());
    const [first, lost] = templates(messages);
    assert.ok(first !== undefined && lost !== undefined);
    await exporter.send(first, ...each(messages, 0, 10));
    await collector.untilRecords(5);
    const dropped = async () => (await proxy.metrics()).of(`records_dropped_total{reason="unknown_template"}`);
    assert.equal(await dropped(), 0);
    await until("what waited too long is dropped and counted", async () => await dropped() === 5);
    await exporter.send(...each(messages, 10, 5), lost, ...each(messages, 15, 5));
    await collector.untilRecords(15);
    assert.deepEqual(expand(collector.flowsOf(1)).filter((flow) => flow < 10), [0, 2, 4, 6, 8]);
    assert.deepEqual(
      expand(collector.flowsOf(1)).filter((flow) => flow >= 10).toSorted(),
      Array.from({ length: 10 }, (_, index) => 10 + index),
    );
    exporter.close();
  }));

Deno.test("UDP: no datagram is longer than 1024 octets, whatever is sent over UDP or TCP, and no record is lost for it", () =>
  withUdp(async ({ collector, proxy }) => {
    const datagrams = new FlowMessages(NEWER, 1);
    const exporter = new DatagramExporter(proxy.port());
    await exporter.send(...templates(datagrams));
    // 60 records of one message, some 40 KB: a datagram of this size is legal, and far more than a Flow Aggregator
    // takes.
    for (let round = 0; round < 5; round++) {
      await exporter.send(datagrams.severalOf(round * 120, 60, round * 60));
      await collector.untilRecords((round + 1) * 60);
    }
    const flows = expand(collector.flowsOf(1));
    assert.deepEqual(flows, Array.from({ length: 300 }, (_, index) => Math.trunc(index / 60) * 120 + index % 60 * 2));
    exporter.close();
    const stream = new FlowMessages(NEWER, 2);
    const socket = await connectExporter(proxy.port(1));
    await socket.write(stream.templates);
    await socket.write(stream.severalOf(0, 90, 0));
    await collector.untilRecords(390);
    assert.equal(expand(collector.flowsOf(2)).length, 90);
    socket.close();
  }));

Deno.test("UDP: an exporter keeps one source port towards the collector; a new exporter on its port is read by its own templates", () =>
  withUdp(async ({ collector, proxy }) => {
    const before = new DatagramExporter(proxy.port());
    const { port } = before;
    const messages = new FlowMessages(COLLECTOR, 1);
    await before.send(...templates(messages, COLLECTOR), ...each(messages, 0, 20));
    await collector.untilRecords(20);
    before.close();
    // The Agent is upgraded and gets the very same port: same domain, same template ids, other layouts.
    const after = new DatagramExporter(proxy.port(), { port });
    const upgraded = new FlowMessages(NEWER, 1);
    await after.send(...templates(upgraded), ...each(upgraded, 20, 20));
    await collector.untilRecords(40);
    assert.deepEqual(collector.flowsOf(1), [0, 39]);
    assert.equal(new Set(collector.collected().map(({ connection }) => connection)).size, 1, "one source port");
    // The log comes by a pipe, after the records.
    await until("the log has all four templates", () => proxy.happened("template_mapped").length >= 4);
    assert.deepEqual(proxy.happened("template_mapped").map(({ replaced }) => replaced), [false, false, true, true]);
    // Another exporter has another.
    const other = new DatagramExporter(proxy.port());
    const others = new FlowMessages(NEWER, 2);
    await other.send(...templates(others), ...each(others, 0, 10));
    await collector.untilRecords(50);
    assert.equal(new Set(collector.collected().map(({ connection }) => connection)).size, 2);
    after.close();
    other.close();
  }));

Deno.test("UDP: thousands of sources that never send a good template cost no socket, little memory, and no session its place", () =>
  withUdp(async ({ collector, proxy }) => {
    const messages = new FlowMessages(NEWER, 1);
    const exporter = new DatagramExporter(proxy.port());
    await exporter.send(...templates(messages), ...each(messages, 0, 10));
    await collector.untilRecords(10);
    const before = (await proxy.metrics()).residentMegabytes;
    const socketsBefore = countSockets(proxy);
    const forged = new FlowMessages(NEWER, 666);
    const broken = forged.template(NEWER, 0).slice(0, 60);
    broken[3] = broken.length;
    const data = forged.message(0);
    let most = 0;
    const sources = 4_000;
    for (let source = 0; source < sources; source++) {
      // Every address of 127/8 is this machine: each is a source of its own.
      const hostname = `127.1.${source >> 8}.${source & 255 || 1}`;
      const stranger = new DatagramExporter(proxy.port(), { hostname });
      await stranger.send(data, broken, data, new Uint8Array([0, 9, 0, 4]));
      stranger.close();
      if (source % 500 === 0) most = Math.max(most, countSockets(proxy));
    }
    // What finds the socket's queue full, the kernel drops.
    await until("the proxy has taken what they sent", () => queuedOctets(proxy.port()) === 0);
    await exporter.send(...each(messages, 10, 10));
    await collector.untilRecords(20);
    assert.deepEqual(collector.flowsOf(1), [0, 19]);
    assert.equal(collector.flowsOf(666).length, 0);
    assert.equal(proxy.happened("session_opened").length, 1);
    assert.ok(most <= socketsBefore + 2, `${most} sockets, ${socketsBefore} before`);
    const metrics = await proxy.metrics();
    say(
      `${sources} forged sources: memory ${before.toFixed(0)} → ${
        metrics.residentMegabytes.toFixed(0)
      } MB, ${most} sockets`,
    );
    assert.ok(metrics.residentMegabytes < before + 60, `${metrics.residentMegabytes} MB, ${before} before`);
    exporter.close();
  }));

/** Flows of runs, one by one. */
function expand(runs: readonly number[]): number[] {
  const flows: number[] = [];
  for (let index = 0; index < runs.length; index += 2) {
    for (let flow = runs[index] ?? 0; flow <= (runs[index + 1] ?? -1); flow++) flows.push(flow);
  }
  return flows;
}

/** Octets of datagrams that wait in the kernel for whoever listens at this port. */
function queuedOctets(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = Deno.readTextFileSync("/proc/net/udp").split("\n").map((line) => line.trim().split(/\s+/));
  const queues = rows.find(([, address]) => address?.endsWith(local))?.[4];
  return parseInt(queues?.split(":")[1] ?? assert.fail(`nobody listens at ${port}`), 16);
}

/** Sockets that the proxy has open. */
function countSockets(proxy: ProxyProcess): number {
  const folder = `/proc/${proxy.process.pid}/fd`;
  let sockets = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    try {
      if (Deno.readLinkSync(`${folder}/${name}`).startsWith("socket:")) sockets++;
    } catch { /* It is closed by now. */ }
  }
  return sockets;
}
