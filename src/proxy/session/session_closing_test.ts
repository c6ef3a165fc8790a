import assert from "node:assert/strict";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { until } from "../../../test/support/time/until.ts";
import { openSession, ScriptedCollector, ScriptedExporter } from "../../../test/support/proxy/scripted_session.ts";

Deno.test("a session that waits for its exporter to take the end of the stream stops on request", async () => {
  const exporter = new ScriptedExporter(join(templateMessage(), dataMessage(0)), true);
  const { session, clock } = openSession([new ScriptedCollector(Infinity, Infinity)], { exporter });
  let outcome: string | undefined;
  void session.run().then((ended) => outcome = ended);
  await until("it is answered", () => exporter.answered);
  session.stop("drained");
  await clock.advance(100, 50);
  assert.equal(outcome, "closed");
});

/** A collector that takes all, and does not close its side. */
class OpenCollector extends ScriptedCollector {
  closed = false;

  override closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  override close(): void {
    this.closed = true;
    super.close();
  }
}

Deno.test("while a proxy drains, a collector has as long to read what an exporter left that broke its connection", async () => {
  const collector = new OpenCollector(Infinity, Infinity);
  const exporter = new ScriptedExporter(join(templateMessage(), dataMessage(0)), false);
  const { session, clock } = openSession([collector], { exporter });
  session.drain();
  const ended = session.run();
  await until("it delivers what came", () => session.closing);
  for (let ticks = 0; ticks < 18; ticks++) {
    await clock.advance(50, 50);
    session.tick(50, 100);
    assert.equal(collector.closed, false, `after ${clock.now()} ms`);
  }
  await clock.advance(200, 50);
  assert.equal(await ended, "reset");
  assert.equal(collector.closed, true);
});
