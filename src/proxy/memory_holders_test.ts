import assert from "node:assert/strict";
import { dataMessage, templateMessage } from "../../test/support/proxy_messages.ts";
import { closeQuietly, send, StandingClock, TestCollector, TestProxy, until } from "../../test/support/proxy.ts";

const MEBIBYTE = 2 ** 20;

Deno.test("near limits.memory the quietest sessions end, newcomers are refused with a reason, and others go on", async () => {
  const clock = new StandingClock();
  let resident = 100 * MEBIBYTE;
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, {
    clock,
    memoryRelief: { collect: () => {}, resident: () => resident },
  });
  await proxy.proxy.start();
  const exporters: Deno.TcpConn[] = [];
  try {
    for (let number = 0; number < 8; number++) {
      const exporter = await proxy.connect();
      exporters.push(exporter);
      await send(exporter, templateMessage());
      await until("it is open", () => proxy.happened("session_opened").length === number + 1);
      await clock.advance(1_000, 500);
    }
    assert.equal(proxy.proxy.memory?.state, "ample");
    resident = 370 * MEBIBYTE;
    await clock.advance(50, 50);
    assert.equal(proxy.proxy.memory?.state, "full");
    assert.deepEqual(proxy.happened("memory_full").map(({ fields }) => fields["limit"]), [400 * MEBIBYTE]);
    await until("a quarter of them ended", () => proxy.happened("session_closed").length === 2);
    assert.deepEqual(
      proxy.happened("session_closed").map(({ fields }) => [fields["session"], fields["outcome"]]),
      [["1", "evicted"], ["2", "evicted"]],
    );
    const refused = await proxy.connect();
    assert.equal(await refused.read(new Uint8Array(1)).catch(() => null), null);
    refused.close();
    assert.deepEqual(proxy.happened("session_refused").map(({ fields }) => fields["reason"]), ["memory"]);
    assert.match(proxy.proxy.verdict().reason, /refused when limits\.memory \(400 MiB\) was reached/);
    resident = 200 * MEBIBYTE;
    await clock.advance(50, 50);
    assert.equal(proxy.proxy.memory?.state, "ample");
    const admitted = await proxy.connect();
    exporters.push(admitted);
    await send(admitted, templateMessage());
    await send(admitted, dataMessage(7));
    await until("its record arrived", () => collector.records().includes(7));
  } finally {
    for (const exporter of exporters) closeQuietly(exporter);
    await proxy.proxy.close();
    collector.close();
  }
});
