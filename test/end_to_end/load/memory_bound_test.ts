/** Whatever exporters and readers of the admin side do, a proxy with default limits stays below a figure that the README names. */
import assert from "node:assert/strict";
import { peakMemory } from "../../bench/process_usage.ts";
import { join, message, number, set } from "../../support/messages/wire.ts";
import { CollectorProcess } from "../peers/collector.ts";
import { flowLayouts } from "../peers/flows.ts";
import { connectExporter, Exporter, type ExporterSocket } from "../peers/exporter.ts";
import { COLLECTOR, PROFILE, settle, withParts } from "../peers/fleet.ts";
import { ProxyProcess } from "../proxy.ts";
import { say } from "../support.ts";
import { until } from "../../support/time/until.ts";

/** As the README says. */
const MOST_MEBIBYTES = 400;

/** Fills memory. Returns what ends it. */
type Attack = (proxy: ProxyProcess) => Promise<() => void>;

/** By what each fills memory with. */
const attacks = new Map<string, Attack>();

/**
 * Runs an attack beside an exporter that sends as ever: its records arrive, and the resident memory never passes the
 * figure, at no moment of the process' life.
 */
function bounded(what: string, attack: Attack): void {
  attacks.set(what, attack);
  Deno.test(`${what}: below ${MOST_MEBIBYTES} MiB, and another exporter's records arrive`, () =>
    withParts({}, async ({ collector, proxy }) => {
      const end = await attack(proxy);
      const good = new Exporter(await connectExporter(proxy.port()), COLLECTOR, 1);
      await collector.untilRecords(1_000);
      await settle(collector, [good]);
      const peak = await peakMemory(proxy.process.pid) / 2 ** 20;
      end();
      say(`${what}: ${peak.toFixed(0)} MiB at its peak`);
      assert.ok(peak < MOST_MEBIBYTES, `${peak} MiB`);
    }));
}

/** The most fields that a template can have in one message. */
const MOST_FIELDS = 16_301;

/** A message of one template of so many fields; each number makes another layout. */
function hugeTemplate(observationDomain: number, id: number, layout: number, fields = MOST_FIELDS): Uint8Array {
  const specifiers = new DataView(new ArrayBuffer(fields * 4));
  for (let field = 0; field < fields; field++) {
    specifiers.setUint16(4 * field, field === 0 ? 8 : 1 + (field * 31 + layout) % 400);
    specifiers.setUint16(4 * field + 2, 4);
  }
  const record = join(number(id, 2), number(fields, 2), new Uint8Array(specifiers.buffer));
  return message({ observationDomain }, set(2, record));
}

/** Connects so many times, a few at a time. */
async function connectAll(
  proxy: ProxyProcess,
  count: number,
  first: (socket: ExporterSocket, index: number) => Promise<void>,
): Promise<ExporterSocket[]> {
  const sockets: ExporterSocket[] = [];
  for (let index = 0; index < count; index++) {
    const socket = await connectExporter(proxy.port());
    sockets.push(socket);
    void first(socket, index).catch(() => {});
    // Those that are refused or evicted must not use up this process' sockets.
    if (index % 64 === 63) await proxy.live();
  }
  return sockets;
}

function closeAll(sockets: readonly ExporterSocket[]): () => void {
  return () => {
    for (const socket of sockets) socket.close();
  };
}

bounded("32 sessions with two templates of 16,301 fields each", async (proxy) => {
  const sockets = await connectAll(proxy, 32, async (socket, index) => {
    for (const id of [256, 257]) await socket.write(hugeTemplate(100 + index, id, 2 * index + id));
  });
  const taken = async () => {
    const metrics = await proxy.metrics();
    return ["identity", "rewritten", "refused"].reduce(
      (sum, outcome) => sum + metrics.of(`templates_total{outcome="${outcome}"}`),
      0,
    );
  };
  await until("all have been taken or refused", async () => await taken() >= 64);
  return closeAll(sockets);
});

/** A message of one template of elements that no registry knows, other ones for each number. */
function unknownTemplate(id: number, layout: number): Uint8Array {
  const fields = 7_900;
  const specifiers = new DataView(new ArrayBuffer(fields * 8));
  for (let field = 0; field < fields; field++) {
    specifiers.setUint16(8 * field, 0x8000 | 1 + (field * 3 + layout) % 32_000);
    specifiers.setUint16(8 * field + 2, 65_535);
    specifiers.setUint32(8 * field + 4, 100_000 + layout * fields + field);
  }
  return message({}, set(2, join(number(id, 2), number(fields, 2), new Uint8Array(specifiers.buffer))));
}

bounded("100 sessions with four templates each of 7,900 unknown elements, none the same", async (proxy) => {
  const [sessions, templates] = [100, 4];
  const sockets = await connectAll(proxy, sessions, async (socket, index) => {
    for (let each = 0; each < templates; each++) {
      await socket.write(unknownTemplate(256 + each, index * templates + each));
    }
  });
  const refused = async () => (await proxy.metrics()).of(`templates_total{outcome="refused"}`);
  await until("all have been refused", async () => await refused() >= sessions * templates);
  return closeAll(sockets);
});

bounded("4,990 sessions with half a message of 65,530 octets each", async (proxy) => {
  const octets = message({}, set(300, new Uint8Array(65_530 - 20))).subarray(0, 65_000);
  const sockets = await connectAll(proxy, 4_990, (socket) => socket.write(octets));
  await proxy.live();
  return closeAll(sockets);
});

bounded("sixty clients that do not read a session of 16,301 fields, and sixty its page", async (proxy) => {
  const [exporter] = await connectAll(proxy, 1, async (socket) => {
    for (const id of [256, 257]) await socket.write(hugeTemplate(100, id, id));
  });
  const taken = async () => (await proxy.metrics()).of(`templates_total{outcome="rewritten"}`);
  await until("its templates are mapped", async () => await taken() >= 2);
  await proxy.until("its session is logged", () => proxy.happened("session_opened").length > 0);
  const session = proxy.happened("session_opened").at(-1)?.session ?? assert.fail();
  const clients: Deno.TcpConn[] = [];
  for (let number = 0; number < 60; number++) {
    for (const path of [`/api/sessions/${session}`, `/sessions/${session}`]) {
      const client = await Deno.connect({ hostname: "127.0.0.1", port: proxy.adminPort });
      await client.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
      // It reads the status, and nothing more.
      await client.read(new Uint8Array(12));
      clients.push(client);
    }
  }
  return () => {
    exporter?.close();
    for (const client of clients) client.close();
  };
});

bounded("ten clients that send thousands of requests at once and read no answer", async (proxy) => {
  const requests = new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(2_000));
  const clients: Deno.TcpConn[] = [];
  for (let number = 0; number < 10; number++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: proxy.adminPort });
    // It ends with the connection, at the latest with the proxy.
    void client.write(requests).catch(() => {});
    clients.push(client);
  }
  await proxy.live();
  return () => {
    for (const client of clients) client.close();
  };
});

/** Datagrams of so many sources over UDP, each with a socket of its own; loopback has addresses enough. */
async function sendFrom(sources: number, proxy: ProxyProcess, datagrams: readonly Uint8Array[]): Promise<void> {
  const to = { transport: "udp", hostname: "127.0.0.1", port: proxy.port(1) } as const;
  for (let source = 0; source < sources; source++) {
    const hostname = `127.1.${source >> 8}.${source & 0xff}`;
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    for (const datagram of datagrams) await socket.send(datagram, to);
    socket.close();
    // The kernel keeps 200 KB that the proxy has not read.
    if (datagrams.length > 1 || source % 64 === 63) await proxy.live();
  }
}

/** A template of one field and, in other messages, its records: four times what a datagram holds at most. */
const ANNOUNCEMENT = message({}, set(2, join(number(256, 2), number(1, 2), number(4, 2), number(1, 2))));
const DATA = Array.from({ length: 4 }, () => message({}, set(256, new Uint8Array(62_000))));

/** All that single floods fill is full at once, in a process that has seen them all. */
Deno.test("all of that at once, and thousands of sources over UDP without a collector: below 400 MiB", async () => {
  const layouts = flowLayouts(COLLECTOR);
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts });
  await using proxy = await ProxyProcess.start({
    listen: [{ transport: "tcp" }, { transport: "udp" }],
    collector: { transport: "tcp", port: collector.port, profile: PROFILE },
  });
  const below = async (what: string) => {
    const mebibytes = await peakMemory(proxy.process.pid) / 2 ** 20;
    say(`${what}: ${mebibytes.toFixed(0)} MiB at the peak so far`);
    assert.ok(mebibytes < MOST_MEBIBYTES, `${mebibytes} MiB after ${what}`);
  };
  const ends: (() => void)[] = [];
  for (const [what, attack] of attacks) {
    ends.push(await attack(proxy));
    await below(what);
  }
  await sendFrom(3_000, proxy, [ANNOUNCEMENT]);
  await below("3,000 sources over UDP");
  await collector.process.kill("SIGKILL");
  await sendFrom(300, proxy, DATA);
  await below("300 of them whose records find no collector");
  for (const end of ends) end();
  await using next = await CollectorProcess.start(
    { transport: "tcp", layouts: flowLayouts(COLLECTOR) },
    collector.port,
  );
  const left = async () => (await proxy.metrics()).of('memory_state{state="ample"}') === 1;
  await until("memory is free again", left);
  const good = new Exporter(await connectExporter(proxy.port()), COLLECTOR, 1);
  await next.untilRecords(1_000);
  await settle(next, [good]);
  await below("the end");
});
