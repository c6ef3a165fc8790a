import assert from "node:assert/strict";
import { send, StandingClock, TestCollector, TestProxy, until } from "../../test/support/proxy.ts";
import { templateMessage } from "../../test/support/proxy_messages.ts";
import { SkewWatch } from "./skew_watch.ts";

const NOW = new Date("2026-01-01T00:00:00Z");

Deno.test("skew is over once none was seen for so long, told once, and told anew when it comes again", () => {
  const watch = new SkewWatch(3_000);
  const look = (skewed: number) => watch.look(1_000, { open: 2, skewed }, NOW);
  assert.equal(look(2), "skew_seen");
  assert.equal(look(1), undefined);
  assert.deepEqual([look(0), look(0), watch.over, watch.quiet], [undefined, undefined, false, 2_000]);
  assert.equal(look(1), undefined, "an Agent that came back late");
  assert.deepEqual([look(0), look(0), look(0), look(0)], [undefined, undefined, "skew_over", undefined]);
  assert.deepEqual([watch.over, watch.quiet, watch.lastSeen], [true, 4_000, NOW]);
  assert.equal(look(1), "skew_seen");
  assert.equal(watch.over, false);
});

Deno.test("without any exporter nothing is over", () => {
  const watch = new SkewWatch(0);
  assert.equal(watch.look(9_000, { open: 0, skewed: 0 }, NOW), undefined);
  assert.deepEqual([watch.over, watch.lastSeen], [false, undefined]);
  assert.equal(watch.look(1_000, { open: 1, skewed: 0 }, NOW), "skew_over");
});

Deno.test("a session that needed rewriting and ended between two looks was seen", () => {
  const watch = new SkewWatch(2_000);
  watch.see(NOW);
  assert.equal(watch.look(1_000, { open: 0, skewed: 0 }, NOW), undefined);
  assert.equal(watch.look(1_000, { open: 0, skewed: 0 }, NOW), "skew_over");
});

Deno.test("the proxy logs when skew is seen and when it is over", async () => {
  const clock = new StandingClock();
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { clock, skewSettle: 5_000 });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  try {
    await send(exporter, templateMessage());
    await until("the template arrives", () => collector.messages().length === 1);
    await clock.advance(4_000);
    assert.deepEqual([proxy.proxy.skew.over, proxy.happened("skew_over").length], [false, 0]);
    await clock.advance(1_000);
    assert.deepEqual([proxy.proxy.skew.over, proxy.happened("skew_over").length], [true, 1]);
    const [rewriter] = proxy.rewriters;
    assert.ok(rewriter);
    rewriter.skewed = true;
    await clock.advance(1_000);
    assert.deepEqual([proxy.proxy.skew.over, proxy.happened("skew_seen").length], [false, 1]);
  } finally {
    exporter.close();
    await proxy.proxy.close();
    collector.close();
  }
});
