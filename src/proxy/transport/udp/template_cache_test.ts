import assert from "node:assert/strict";
import type { ProxyEvent } from "../../reporting/proxy_event.ts";
import { type CacheDisk, DISK, TemplateCache } from "./template_cache.ts";
import { decodeCacheFile, encodeCacheFile, encodeExporter } from "./template_cache_file.ts";
import type { CachedExporter } from "./cached_exporter.ts";
import { dataMessage, join, templateMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { StandingClock, turn } from "../../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../../test/support/time/until.ts";

const LISTENER = { hostname: "127.0.0.1", port: 4739 };
const exporter = (port: number, more: Partial<CachedExporter> = {}): CachedExporter => ({
  listener: "127.0.0.1:4739",
  address: "192.0.2.1",
  port,
  announcedAt: 0,
  lifetime: 5_400_000,
  templates: [templateMessage()],
  ...more,
});

/** A disk in memory. */
class MemoryDisk implements CacheDisk {
  file: Uint8Array | undefined;
  writes = 0;
  failure: Error | undefined;

  read() {
    return Promise.resolve(this.file);
  }

  replace(_path: string, octets: Uint8Array) {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.file = octets;
    this.writes++;
    return Promise.resolve();
  }

  prepare() {
    return Promise.resolve();
  }
}

async function fixture(disk: MemoryDisk, { size = 1_000_000, clock = new StandingClock() } = {}) {
  const events: ProxyEvent[] = [];
  const options = { file: "templates", interval: 30_000, size };
  const cache = await TemplateCache.open(options, clock, (event) => events.push(event), disk);
  return { cache, clock, events, happened: () => events.map(({ event }) => event) };
}

Deno.test("what was written is read, and given to the exporter that it is of, once", async () => {
  const disk = new MemoryDisk();
  const { cache, clock } = await fixture(disk);
  cache.follow(
    () => [exporter(1), exporter(2, { announcedAt: 7, templates: [templateMessage(1), templateMessage(9)] })],
  );
  await clock.advance(30_000);
  await cache.close();
  const { cache: next, happened } = await fixture(disk);
  assert.deepEqual(happened(), ["cache_read"]);
  assert.equal(next.recall(LISTENER, { hostname: "192.0.2.1", port: 3 }), undefined);
  assert.equal(
    next.recall({ ...LISTENER, port: 1 }, { hostname: "192.0.2.1", port: 2 }),
    undefined,
    "another listener",
  );
  const recalled = next.recall(LISTENER, { hostname: "192.0.2.1", port: 2 });
  assert.deepEqual(recalled?.templates, [templateMessage(1), templateMessage(9)]);
  assert.equal(next.recall(LISTENER, { hostname: "192.0.2.1", port: 2 }), undefined);
  await next.close();
});

Deno.test("nothing is written more often than every interval, nor where nothing was announced", async () => {
  const disk = new MemoryDisk();
  const { cache, clock } = await fixture(disk);
  let announcedAt = 1;
  let encoded = 0;
  cache.follow(() => [{
    ...exporter(1, { announcedAt }),
    get templates() {
      encoded++;
      return [templateMessage()];
    },
  }]);
  await clock.advance(29_000);
  assert.equal(disk.writes, 0);
  await clock.advance(2_000);
  assert.equal(disk.writes, 1);
  const before = encoded;
  await clock.advance(300_000);
  assert.deepEqual([disk.writes, encoded], [1, before], "not even looked at");
  announcedAt = 2;
  await clock.advance(300_000);
  assert.equal(disk.writes, 2);
  await cache.close();
  announcedAt = 3;
  await clock.advance(300_000);
  assert.equal(disk.writes, 2, "closed");
});

Deno.test("templates that are too old are forgotten; those of exporters not heard yet are kept until then", async () => {
  const disk = new MemoryDisk();
  disk.file = encodeCacheFile([
    encodeExporter(exporter(1, { lifetime: 60_000 })),
    encodeExporter(exporter(2, { lifetime: 100_000 })),
  ]);
  const clock = new StandingClock();
  const { cache } = await fixture(disk, { clock });
  await clock.advance(40_000);
  assert.deepEqual(decodeCacheFile(disk.file).map(({ port }) => port), [1, 2]);
  await clock.advance(40_000);
  assert.equal(cache.recall(LISTENER, { hostname: "192.0.2.1", port: 1 }), undefined);
  assert.deepEqual(decodeCacheFile(disk.file).map(({ port }) => port), [2]);
  assert.equal(cache.recall(LISTENER, { hostname: "192.0.2.1", port: 2 })?.port, 2);
  await cache.close();
});

Deno.test("a file that is damaged, cut short, foreign or of another version is ignored with a warning, wherever it is broken", async () => {
  const good = encodeCacheFile([encodeExporter(exporter(1))]);
  const broken: [string, Uint8Array][] = [
    ["not a template cache", new Uint8Array(0)],
    ["not a template cache", new TextEncoder().encode("listen: []\n")],
    ["not a template cache", new Uint8Array(100_000)],
    ["octets of", good.subarray(0, good.length - 1)],
    ["has version 2", new TextEncoder().encode(new TextDecoder().decode(good).replace('"version":1', '"version":2'))],
    ["does not describe an exporter", encodeCacheFile(["{}\n"])],
    ["does not describe an exporter", encodeCacheFile(["nonsense\n"])],
    ["does not describe an exporter", encodeCacheFile([encodeExporter(exporter(70_000))])],
    ["does not describe an exporter", encodeCacheFile([encodeExporter(exporter(1, { templates: [dataMessage(1)] }))])],
    [
      "does not describe an exporter",
      encodeCacheFile([encodeExporter(exporter(1, { templates: [new Uint8Array(16)] }))]),
    ],
  ];
  for (const [reason, file] of broken) {
    const disk = new MemoryDisk();
    disk.file = file;
    const { cache, events } = await fixture(disk);
    assert.deepEqual(events.map(({ event, level }) => [event, level]), [["cache_ignored", "warning"]]);
    assert.match(String(events[0]?.fields["reason"]), new RegExp(reason));
    await cache.close();
  }
  for (let at = 0; at < good.length; at++) {
    const damaged = good.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    let exporters: CachedExporter[] = [];
    try {
      exporters = decodeCacheFile(damaged);
    } catch { /* as it should be */ }
    assert.deepEqual(exporters, [], `octet ${at} can be changed without a word`);
  }
});

Deno.test("past its size the cache keeps those that were heard last, and says so once", async () => {
  const disk = new MemoryDisk();
  const line = encodeExporter(exporter(10, { announcedAt: 10 })).length;
  const { cache, clock, happened } = await fixture(disk, { size: 3 * line + 1 });
  let latest = 15;
  cache.follow(() =>
    Array.from({ length: 5 }, (_, index) => exporter(10 + index, { announcedAt: latest - 4 + index }))
  );
  await clock.advance(30_000);
  assert.deepEqual(decodeCacheFile(disk.file ?? new Uint8Array(0)).map(({ port }) => port), [14, 13, 12]);
  latest++;
  await clock.advance(30_000);
  assert.equal(disk.writes, 2);
  assert.deepEqual(happened(), ["cache_full"]);
  await cache.close();
});

Deno.test("a failing disk is reported once, and tried again", async () => {
  const disk = new MemoryDisk();
  const { cache, clock, happened } = await fixture(disk);
  cache.follow(() => [exporter(1)]);
  disk.failure = new Error("no space left on device");
  await clock.advance(120_000);
  assert.deepEqual(happened(), ["cache_write_failed"]);
  const { since, ...fault } = cache.fault ?? assert.fail();
  assert.deepEqual(fault, { file: "templates", reason: "no space left on device" });
  assert.deepEqual(cache.writes, { written: 0, failed: 4 });
  disk.failure = new Error("another");
  await clock.advance(30_000);
  assert.deepEqual([cache.fault?.since, cache.fault?.reason], [since, "another"]);
  disk.failure = undefined;
  await clock.advance(30_000);
  assert.equal(disk.writes, 1);
  assert.equal(cache.fault, undefined);
  assert.deepEqual(cache.writes, { written: 1, failed: 5 });
  assert.deepEqual(happened(), ["cache_write_failed", "cache_recovered"]);
  await cache.close();
});

Deno.test("a folder that vanishes, or anything else in the file's place, is reported in one line and does no harm", async () => {
  const folder = await Deno.makeTempDir();
  const [directory, file] = [`${folder}/cache`, `${folder}/cache/templates`];
  await Deno.writeTextFile(`${folder}/target`, "precious");
  const events: ProxyEvent[] = [];
  const clock = new StandingClock();
  const cache = await TemplateCache.open({ file, interval: 30_000, size: 100_000 }, clock, (event) => {
    events.push(event);
  });
  const others: [RegExp, () => Promise<unknown>][] = [
    [/No such file or directory/, () => Deno.remove(directory, { recursive: true })],
    [/Not a directory/, () => Deno.writeTextFile(directory, "a file")],
    [/is a directory/, () => Deno.remove(directory).then(() => Deno.mkdir(file, { recursive: true }))],
    [/is a symbolic link/, () => Deno.remove(file).then(() => Deno.symlink(`${folder}/target`, file))],
    [/is a pipe/, () => Deno.remove(file).then(() => new Deno.Command("mkfifo", { args: [file] }).output())],
  ];
  try {
    let port = 1;
    cache.follow(() => [exporter(port)]);
    await cache.save();
    for (const [reason, change] of others) {
      await change();
      for (let time = 0; time < 3; time++) {
        port++;
        await cache.save();
      }
      assert.match(cache.fault?.reason ?? "", reason);
      assert.equal(events.length, 1);
    }
    assert.equal(await Deno.readTextFile(`${folder}/target`), "precious");
    await Deno.remove(file);
    await cache.save();
    assert.equal(cache.fault, undefined);
    assert.deepEqual(events.map(({ event }) => event), ["cache_write_failed", "cache_recovered"]);
    assert.deepEqual(decodeCacheFile(await Deno.readFile(file)).map((one) => one.port), [port]);
  } finally {
    await cache.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("closing writes what was there when it began", async () => {
  const disk = new MemoryDisk();
  const { cache } = await fixture(disk);
  let templates = [templateMessage()];
  cache.follow(() => [{
    ...exporter(1),
    get templates() {
      return templates;
    },
  }]);
  const finished = cache.finish();
  templates = [];
  await finished;
  assert.deepEqual(decodeCacheFile(disk.file ?? new Uint8Array(0)).map(({ templates }) => templates.length), [1]);
});

Deno.test("on a real disk the file is replaced atomically and readable by its owner only; an unwritable folder is named", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/new/templates`;
  await DISK.prepare(file);
  assert.equal(await DISK.read(file, 10), undefined);
  await DISK.replace(file, Uint8Array.of(1, 2));
  await DISK.replace(file, Uint8Array.of(3));
  assert.deepEqual(await DISK.read(file, 10), Uint8Array.of(3));
  await assert.rejects(DISK.read(file, 0), /1 octets long; at most 0 are allowed/);
  await assert.rejects(DISK.read(folder, 1_000_000));
  assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(`${folder}/new`)].map(({ name }) => name), ["templates"]);
  await Deno.writeTextFile(`${folder}/a-file`, "");
  await assert.rejects(DISK.prepare(`${folder}/a-file/templates`));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a file that cannot be written leaves nothing behind, however often it is tried", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/templates`;
  await DISK.replace(file, Uint8Array.of(1));
  const full = {
    length: 1,
    subarray: () => {
      throw new Error("no space is left");
    },
  };
  for (let times = 0; times < 3; times++) {
    await assert.rejects(DISK.replace(file, full as unknown as Uint8Array), /no space is left/);
  }
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["templates"]);
  assert.deepEqual(await DISK.read(file, 10), Uint8Array.of(1), "what was written before is still there");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("data of a known exporter over UDP goes on at once after a restart of the proxy, its template first", async () => {
  const disk = new MemoryDisk();
  const listeners = [{ transport: "udp" as const, address: { hostname: "127.0.0.1", port: 0 } }];
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  let port = 0;
  const sendNow = async (datagram: Uint8Array) => {
    await socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port });
    await turn();
  };
  const lives: { records: unknown[]; gaps: number }[] = [];
  for (const messages of [[templateMessage(), dataMessage(0)], [dataMessage(5), dataMessage(6), templateMessage(7)]]) {
    const collector = new TestCollector();
    const { cache } = await fixture(disk);
    const proxy = new TestProxy(collector.port, {
      listeners: port === 0 ? listeners : [{ transport: "udp", address: { hostname: "127.0.0.1", port } }],
      recall: (...of) => cache.recall(...of),
    });
    cache.follow(() => proxy.proxy.cachedExporters());
    await proxy.proxy.start();
    port = proxy.port;
    assert.equal(collector.connections.length, 0, "nobody is dialled for what is only remembered");
    for (const message of messages) await sendNow(message);
    await until(
      "all arrived",
      () => collector.connections[0]?.length === join(...messages).length + (lives.length * 28),
    );
    await cache.finish();
    lives.push({ records: collector.messages().map(({ record }) => record), gaps: proxy.proxy.totals().sequenceGaps });
    await proxy.proxy.close();
    collector.close();
  }
  assert.deepEqual(lives.map(({ records }) => records), [["template", 0], ["template", 5, 6, "template"]]);
  socket.close();
});

Deno.test("on a real disk nothing but a file is read or replaced: the target of a link, a pipe and a directory stay as they are", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/templates`;
    await Deno.writeTextFile(`${folder}/target`, "precious");
    const others: [string, RegExp, () => Promise<unknown>][] = [
      ["link", /is a symbolic link/, () => Deno.symlink(`${folder}/target`, file)],
      ["directory", /is a directory/, () => Deno.mkdir(file)],
      ["pipe", /is a pipe or a device/, () => new Deno.Command("mkfifo", { args: [file] }).output()],
    ];
    for (const [what, message, make] of others) {
      await make();
      await assert.rejects(DISK.prepare(file), message, what);
      await assert.rejects(DISK.replace(file, Uint8Array.of(1)), message, what);
      await assert.rejects(DISK.read(file, 100), message, what);
      assert.equal(await Deno.readTextFile(`${folder}/target`), "precious");
      await Deno.remove(file);
    }
    // The name that the new file once had.
    await Deno.symlink(`${folder}/target`, `${file}.new`);
    await DISK.prepare(file);
    await DISK.replace(file, Uint8Array.of(1));
    assert.equal(await Deno.readTextFile(`${folder}/target`), "precious");
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "target",
      "templates",
      "templates.new",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
