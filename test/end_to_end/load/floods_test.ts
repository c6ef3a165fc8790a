import assert from "node:assert/strict";
import { join, message, number, set } from "../../support/messages/wire.ts";
import { peakMemory } from "../../bench/process_usage.ts";
import type { CollectorProcess } from "../peers/collector.ts";
import { connectExporter, Exporter, type ExporterSocket } from "../peers/exporter.ts";
import { NEWER, settle, startExporters, withParts } from "../peers/fleet.ts";
import { FlowMessages } from "../peers/flows.ts";
import type { ProxyProcess } from "../proxy.ts";
import { say } from "../support.ts";
import { until } from "../../support/time/until.ts";

/** What a flood may add to the proxy's memory, at its peak. */
const GROWTH_MEGABYTES = 150;

/** Floods a proxy under load: those who send as ever lose nothing, and its memory never grows by more than a bound. */
function flood(
  what: string,
  limits: Readonly<Record<string, number>>,
  run: (proxy: ProxyProcess, collector: CollectorProcess) => Promise<void>,
): void {
  Deno.test(`a flood of ${what}: memory stays bounded, other sessions keep working`, () =>
    withParts({ limits }, async ({ collector, proxy }) => {
      const exporters: Exporter[] = await startExporters(proxy, 2);
      await collector.untilRecords(2_000);
      const before = (await proxy.metrics()).residentMegabytes;
      await run(proxy, collector);
      const peak = await peakMemory(proxy.process.pid) / 1e6;
      await settle(collector, exporters);
      say(`flood of ${what}: memory ${before.toFixed(0)} MB before, ${peak.toFixed(0)} MB at its peak`);
      assert.ok(peak < before + GROWTH_MEGABYTES, `${peak} MB at its peak, ${before} before`);
    }));
}

/** Sends without end, until the other side has had enough or all is sent. */
async function pour(socket: ExporterSocket, parts: Iterable<Uint8Array>): Promise<void> {
  try {
    for (const part of parts) await socket.write(part);
  } catch { /* It was closed: so be it. */ }
}

/** A message of a template with so many fields of an element that the collector knows. */
function template(observationDomain: number, fields: number): Uint8Array {
  const specifiers = Array.from({ length: fields }, () => join(number(8, 2), number(4, 2)));
  return message({ observationDomain }, set(2, join(number(256, 2), number(fields, 2), ...specifiers)));
}

/** The same messages over and over, each time with the next number of 16 or 32 bits at this octet. */
function* numbered(messages: Uint8Array, at: readonly number[], octets: 2 | 4, first: number, count: number) {
  const view = new DataView(messages.buffer, messages.byteOffset, messages.byteLength);
  for (let value = first; value < first + count; value++) {
    for (const offset of at) octets === 2 ? view.setUint16(offset, value) : view.setUint32(offset, value);
    yield messages;
  }
}

/** Offsets of the observation domain in messages one behind the other. */
function domainOffsets(messages: Uint8Array): number[] {
  const view = new DataView(messages.buffer, messages.byteOffset, messages.byteLength);
  const offsets: number[] = [];
  for (let start = 0; start < messages.length; start += view.getUint16(start + 2)) offsets.push(start + 12);
  return offsets;
}

flood("templates", { templatesPerSession: 256, templates: 1_000 }, async (proxy) => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => connectExporter(proxy.port())));
  await Promise.all(
    sockets.map((socket, index) => pour(socket, numbered(template(1000 + index, 12), [20], 2, 256, 5_000))),
  );
  const refused = async () => (await proxy.metrics()).of(`templates_total{outcome="refused"}`);
  await until("all but those within the caps are refused", async () => await refused() > 49_000);
  // The caps count those of the sessions that send as ever, too.
  const taken = async () => (await proxy.metrics()).of(`templates_total{outcome="rewritten"}`);
  assert.ok(await taken() <= 1_000, `${await taken()} templates taken`);
  for (const socket of sockets) socket.close();
});

flood("huge templates", {}, async (proxy) => {
  const socket = await connectExporter(proxy.port());
  await pour(socket, numbered(template(1000, 16_000), [20], 2, 256, 100));
  await socket.closeWrite().catch(() => {});
  await socket.ended().catch(() => {});
  socket.close();
});

flood("observation domains", { observationDomainsPerSession: 100 }, async (proxy, collector) => {
  const socket = await connectExporter(proxy.port());
  const messages = new FlowMessages(NEWER, 1000);
  const octets = join(messages.templates, messages.message(0));
  await pour(socket, numbered(octets, domainOffsets(octets), 4, 1000, 10_000));
  const refused = async () => (await proxy.metrics()).of(`templates_total{outcome="refused"}`);
  await until("all but those within the cap are refused", async () => await refused() === 2 * (10_000 - 100));
  await collector.until("those within the cap arrive", () => collector.flowsOf(1_099).length > 0);
  assert.equal(collector.flowsOf(1_100).length, 0);
  socket.close();
});

flood("connections", { sessions: 100 }, async (proxy, collector) => {
  const open: ExporterSocket[] = [];
  const { templates } = new FlowMessages(NEWER, 1000);
  for (const octets of numbered(templates, domainOffsets(templates), 4, 1000, 2_000)) {
    const socket = await connectExporter(proxy.port());
    void socket.write(octets.slice()).catch(() => {});
    open.push(socket);
  }
  const refused = async () => (await proxy.metrics()).of(`sessions_total{transport="tcp",outcome="refused"}`);
  await until("all past the cap are refused", async () => await refused() === 2_000 - 98);
  await proxy.until("it is logged", () => proxy.happened("session_refused").length > 0);
  assert.equal(proxy.happened("session_refused").length, 1, "said once");
  for (const socket of open) socket.close();
  await until("there is room again", async () => (await proxy.metrics()).of(`sessions{transport="tcp"}`) === 2);
  const late = new Exporter(await connectExporter(proxy.port()), NEWER, 3);
  await collector.until("a newcomer gets through", () => collector.flowsOf(3).length > 0);
  await late.stop();
  late.socket.close();
});
