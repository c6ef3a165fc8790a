import assert from "node:assert/strict";
import { denoArguments } from "../support/run_command.ts";
import { PADDING } from "./chains.ts";
import { CollectorProcess } from "./collector.ts";
import { connectExporter, Exporter } from "./exporter.ts";
import { COLLECTOR, PROFILE } from "./fleet.ts";
import { flowLayouts } from "./flows.ts";
import { eventually, moment } from "./support.ts";

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

Deno.test("a log that nobody reads stops nothing: lines are dropped and counted, and the count is logged when it is read again", async () => {
  const layouts = flowLayouts(COLLECTOR);
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/proxy.yaml`,
    JSON.stringify({
      listen: [{ transport: "tcp", address: "127.0.0.1:0" }],
      collector: { transport: "tcp", address: `127.0.0.1:${collector.port}`, profile: PROFILE },
      admin: { address: "127.0.0.1:0" },
      plugins: PADDING,
    }),
  );
  const args = denoArguments("serve", ["--config", `${folder}/proxy.yaml`]);
  const child = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "null", stderr: "piped" }).spawn();
  const log = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let text = "";
    const readUntil = async (pattern: RegExp): Promise<string> => {
      for (;;) {
        const found = text.split("\n").find((line) => pattern.test(line));
        if (found !== undefined) return found;
        const { value, done } = await log.read();
        assert.ok(!done, `the log has ended: ${text.slice(-500)}`);
        text += value;
      }
    };
    const { listen: [listen], admin } = JSON.parse(await readUntil(/"event":"started".*\}$/));
    const port = Number(listen.split(":").at(-1));
    const lost = async () => {
      const metrics = await (await fetch(`http://${admin}/metrics`)).text();
      return Number(/^ipfix_proxy_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
    };
    assert.equal(await lost(), 0);

    const exporter = new Exporter(await connectExporter(port), COLLECTOR, 1);
    await eventually("lines are dropped", async () => {
      // Each session's templates are logged anew.
      const noisy = await connectExporter(port);
      await noisy.write(wideTemplates(25));
      await moment(200);
      noisy.close();
      return await lost() > 0;
    });
    const before = collector.records;
    await collector.until("records are relayed while nobody reads the log", () => collector.records > before + 500);

    const line = JSON.parse(await readUntil(/"event":"log_lines_dropped".*\}$/));
    assert.ok(line.dropped > 0);
    for (const each of text.split("\n")) assert.ok(each.length < 4096);
    await exporter.stop();
    child.kill("SIGTERM");
    await readUntil(/"event":"stopped".*\}$/);
    assert.equal((await child.status).code, 0);
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await log.cancel();
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
});
