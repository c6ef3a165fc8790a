import assert from "node:assert/strict";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy_messages.ts";
import { RelayingRewriter, StandingClock, turn } from "../../../test/support/proxy.ts";
import { HeapBufferPool } from "../memory/buffer_pool.ts";
import { OutputBuffer } from "../memory/output_buffer.ts";
import { ReadBuffer } from "../memory/read_buffer.ts";
import { costlyUse, Turns } from "../time/turns.ts";
import { connectionPair } from "../transport/tls/memory_connection.ts";
import { Remainder } from "./remainder.ts";

/** What a session has left whose collector is gone, and what it reports. */
function remainderOf() {
  const clock = new StandingClock();
  const pool = new HeapBufferPool();
  const [exporter, accepted] = connectionPair();
  const reports: string[] = [];
  const remainder = new Remainder({
    exporter: accepted,
    rewriter: new RelayingRewriter({ reliable: true }),
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
