import assert from "node:assert/strict";
import { denoArguments } from "../support/processes/run_command.ts";
import { PADDING } from "./chains.ts";
import { CollectorProcess } from "./peers/collector.ts";
import { connectExporter, Exporter } from "./peers/exporter.ts";
import { COLLECTOR, PROFILE } from "./peers/fleet.ts";
import { flowLayouts } from "./peers/flows.ts";
import { moment } from "./support.ts";
import { PATIENCE, until } from "../support/time/until.ts";

const ROOT = new URL("../../", import.meta.url);
const UNKNOWN_FIELDS = 240;

/** Templates that each log a line of almost 4 KiB: their fields' names. */
function wideTemplates(count: number): Uint8Array {
  const template = 4 + 4 + UNKNOWN_FIELDS * 8;
  const message = new DataView(new ArrayBuffer(16 + 4 + count * template));
  const words = [10 << 16 | message.byteLength, 0x66000000, 0, 77, 2 << 16 | message.byteLength - 16];
  for (let number = 0; number < count; number++) {
    words.push(256 + number << 16 | UNKNOWN_FIELDS + 1, 8 << 16 | 4);
    for (let field = 0; field < UNKNOWN_FIELDS; field++) words.push((0x8000 + 9000 + field) << 16 | 4, 56506);
  }
  words.forEach((word, index) => message.setUint32(index * 4, word));
  return new Uint8Array(message.buffer);
}

/** A proxy whose log is read only when a test asks for a line. */
class UnreadProxy implements AsyncDisposable {
  readonly port: number;
  readonly #admin: string;

  private constructor(
    readonly child: Deno.ChildProcess,
    readonly log: Log,
    readonly folder: string,
    started: { readonly listen: readonly string[]; readonly admin: string },
  ) {
    this.port = Number(started.listen[0]?.split(":").at(-1));
    this.#admin = started.admin;
  }

  static async start(collector: number, limits: Readonly<Record<string, string>> = {}): Promise<UnreadProxy> {
    const folder = await Deno.makeTempDir();
    const configuration = {
      listen: [{ transport: "tcp", address: "127.0.0.1:0" }],
      collector: { transport: "tcp", address: `127.0.0.1:${collector}`, profile: PROFILE },
      admin: { address: "127.0.0.1:0" },
      plugins: PADDING,
      limits,
    };
    await Deno.writeTextFile(`${folder}/proxy.yaml`, JSON.stringify(configuration));
    const args = denoArguments("serve", ["--config", `${folder}/proxy.yaml`]);
    const child = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "null", stderr: "piped" }).spawn();
    const log = new Log(child.stderr);
    return new UnreadProxy(child, log, folder, JSON.parse(await log.until(/"event":"started".*\}$/)));
  }

  async lost(): Promise<number> {
    const metrics = await (await fetch(`http://${this.#admin}/metrics`)).text();
    return Number(/^ipfix_proxy_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
  }

  /** Has it log until nobody has room for its lines. */
  async stall(): Promise<void> {
    assert.equal(await this.lost(), 0);
    await until("lines are dropped", async () => {
      // Each session's templates are logged anew.
      const noisy = await connectExporter(this.port);
      await noisy.write(wideTemplates(25));
      await moment(200);
      noisy.close();
      return await this.lost() > 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.log.close();
    await this.child.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What a process says, read no further than asked. */
class Log {
  text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.text.split("\n").find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const { value, done } = await this.#reader.read();
      assert.ok(!done, `the log has ended: ${this.text.slice(-500)}`);
      this.text += value;
    }
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

Deno.test("an unread log stops nothing: lines are dropped and counted, and the count is logged once it is read again", async () => {
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts: flowLayouts(COLLECTOR) });
  await using proxy = await UnreadProxy.start(collector.port);
  const exporter = new Exporter(await connectExporter(proxy.port), COLLECTOR, 1);
  await proxy.stall();
  const before = collector.records;
  await collector.until("records are relayed while nobody reads the log", () => collector.records > before + 500);

  const line = JSON.parse(await proxy.log.until(/"event":"log_lines_dropped".*\}$/));
  assert.ok(line.dropped > 0);
  for (const each of proxy.log.text.split("\n")) assert.ok(each.length < 4096);
  await exporter.stop();
  proxy.child.kill("SIGTERM");
  await proxy.log.until(/"event":"stopped".*\}$/);
  assert.equal((await proxy.child.status).code, 0);
});

Deno.test("SIGTERM ends a proxy with an unread log as quickly as any other", async () => {
  const drain = 1_000;
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts: flowLayouts(COLLECTOR) });
  await using proxy = await UnreadProxy.start(collector.port, { drain: `${drain}ms` });
  // An exporter that never stops is ended by the time limit.
  const exporter = new Exporter(await connectExporter(proxy.port), COLLECTOR, 1);
  await proxy.stall();
  const begin = performance.now();
  proxy.child.kill("SIGTERM");
  const { code } = await proxy.child.status;
  const took = performance.now() - begin;
  assert.equal(code, 0);
  // The rest is for a machine that runs other tests as well. A proxy that waits for its reader never ends.
  assert.ok(took < drain + PATIENCE, `it took ${took} ms`);
  await exporter.stop().catch(() => {});
  exporter.socket.close();
});
