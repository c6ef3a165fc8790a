import assert from "node:assert/strict";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { RelayingRewriter } from "../../../test/support/proxy/relaying_rewriter.ts";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { HeapBufferPool } from "../memory/buffer_pool.ts";
import { OutputBuffer } from "../memory/output_buffer.ts";
import { ReadBuffer } from "../memory/read_buffer.ts";
import { costlyUse, Turns } from "../time/turns.ts";
import { connectionPair } from "../transport/tls/memory_connection.ts";
import { Remainder } from "./remainder.ts";

/** What a session has left whose collector is gone, and what it reports. */
function remainderOf(rewriter = new RelayingRewriter({ reliable: true })) {
  const clock = new StandingClock();
  const pool = new HeapBufferPool();
  const [exporter, accepted] = connectionPair();
  const reports: string[] = [];
  const remainder = new Remainder({
    exporter: accepted,
    rewriter,
    input: new ReadBuffer(pool),
    output: new OutputBuffer(pool),
    clock,
    turns: new Turns(clock),
    use: costlyUse(),
    brief: false,
    report: (_level, _event, message) => void reports.push(message),
  });
  return { remainder, exporter, clock, reports };
}

Deno.test("what the kernels hold is counted until nothing has come for a while, however long that takes", async () => {
  const { remainder, exporter, clock, reports } = remainderOf();
  await exporter.write(join(templateMessage(), dataMessage(0)));
  let dropped = false;
  void remainder.drop(true).then(() => dropped = true);
  for (let record = 1; record < 10; record++) {
    await clock.advance(60, 20);
    await exporter.write(dataMessage(record));
    await turn();
  }
  assert.equal(dropped, false);
  await clock.advance(120, 20);
  assert.equal(dropped, true);
  await assert.rejects(exporter.write(dataMessage(10)), "nothing is taken that would not be counted");
  assert.deepEqual(reports, [
    "dropped 10 records that the collector had not accepted: the collector did not come back in time",
  ]);
});

Deno.test("an exporter that goes on sending does not keep its session for longer than two seconds", async () => {
  const { remainder, exporter, clock, reports } = remainderOf();
  await exporter.write(templateMessage());
  let dropped = false;
  void remainder.drop(true).then(() => dropped = true);
  let records = 0;
  for (; !dropped && records < 100; records++) {
    await exporter.write(dataMessage(records)).catch(() => {});
    await clock.advance(50, 50);
  }
  assert.ok(records >= 39 && records <= 42, `${records}`);
  assert.match(reports[0] ?? "", /^dropped (39|40|41) records/);
});

/** Takes nothing before a plugin has answered. */
class PendingRewriter extends RelayingRewriter {
  readonly #answer = Promise.withResolvers<void>();
  override waiting: Promise<void> | undefined = undefined;
  #answered = false;

  override rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    this.waiting = input.length > 0 && !this.#answered ? this.#answer.promise : undefined;
    return super.rewrite(this.#answered ? input : input.subarray(0, 0), output);
  }

  answer(): void {
    this.#answered = true;
    this.#answer.resolve();
  }
}

Deno.test("what waits for a plugin when the collector does not come back is counted once the plugin has answered", async () => {
  const rewriter = new PendingRewriter({ reliable: true });
  const { remainder, exporter, clock, reports } = remainderOf(rewriter);
  for (let record = 0; record < 40; record++) await exporter.write(dataMessage(record, 4_000));
  let dropped = false;
  void remainder.drop(true).then(() => dropped = true);
  await clock.advance(1_000, 50);
  assert.equal(dropped, false);
  rewriter.answer();
  await clock.advance(1_000, 50);
  assert.equal(dropped, true);
  assert.match(reports[0] ?? "", /^dropped 40 records/);
});

Deno.test("a wait for a plugin ends with the session: what waits counts as a record a message", async () => {
  const rewriter = new PendingRewriter({ reliable: true });
  const { remainder, exporter, clock, reports } = remainderOf(rewriter);
  await exporter.write(join(templateMessage(), dataMessage(0)));
  let dropped = false;
  void remainder.drop(true).then(() => dropped = true);
  await clock.advance(500, 50);
  remainder.stop();
  await clock.advance(50, 50);
  assert.equal(dropped, true);
  assert.match(reports[0] ?? "", /^dropped 2 records/);
});
