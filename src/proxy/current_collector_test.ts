import assert from "node:assert/strict";
import { closeQuietly, send } from "../../test/support/proxy/sockets.ts";
import { StandingClock } from "../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../test/support/proxy/test_proxy.ts";
import { until } from "../../test/support/time/until.ts";
import { dataMessage, join, templateMessage } from "../../test/support/proxy/proxy_messages.ts";

const expectation = (profile: string) => ({ profile, dialect: "", key: profile, adopt: () => {} });

/**
 * How often a candidate was in doubt when the collector had ended, `lived` milliseconds after its first templates.
 */
async function doubtsAfter(lived: number): Promise<number> {
  const collector = new TestCollector();
  const clock = new StandingClock();
  const address = { hostname: "127.0.0.1", port: collector.port };
  const candidates = { list: ["v2.7", "v2.0"].map(expectation), acceptedAfter: 10_000 };
  const proxy = new TestProxy(collector.port, {
    clock,
    watch: true,
    collector: { transport: "tcp", address },
    candidates,
  });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  await send(exporter, join(templateMessage(), dataMessage(0)));
  await until("it arrived", () => collector.records().length === 1);
  await clock.advance(lived);
  collector.close();
  await until("it has gone", () => proxy.happened("collector_gone").length === 1);
  await clock.advanceUntil("it is tried again", () => proxy.happened("collector_unreachable").length > 0, 50);
  closeQuietly(exporter);
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  return proxy.happened("candidate_in_doubt").length;
}

Deno.test("a candidate is in doubt if the collector ends soon after its templates, not once it has accepted them", async () => {
  assert.equal(await doubtsAfter(2_000), 1);
  assert.equal(await doubtsAfter(15_000), 0);
});

Deno.test("sessions begin anew for another expectation of the living process, and leaving the old connection is no loss", async () => {
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { expectation: expectation("v2.0") });
  await proxy.proxy.start();
  let opened = 0;
  const open = async () => {
    const exporter = await proxy.connect();
    await send(exporter, join(templateMessage(), dataMessage(0)));
    opened++;
    await until("it arrived", () => collector.records().length === opened);
    return exporter;
  };
  const exporters = [await open()];
  await proxy.proxy.reconfigure({ expectation: expectation("v2.7") });
  assert.equal(proxy.happened("profile_waits").length, 1);
  exporters.push(await open());
  assert.match(proxy.proxy.verdict().reason, /^the collector 127\.0\.0\.1:\d+ is to be v2\.7 once it restarts, and /);
  for (const rewriter of proxy.rewriters) rewriter.outdated = true;
  await proxy.proxy.adoptNext();
  assert.doesNotMatch(proxy.proxy.verdict().reason, /restarts/);
  for (const exporter of exporters) await send(exporter, dataMessage(1));
  await until("the next arrived", () => collector.records().length === 4);
  for (const connection of [2, 3]) {
    const messages = [{ sequenceNumber: 0, record: "template" }, { sequenceNumber: 0, record: 1 }];
    assert.deepEqual(collector.messages(connection), messages);
  }
  assert.equal(proxy.happened("collector_lost").length, 0);
  assert.equal(proxy.proxy.collector().recordsPossiblyLost, 0);
  for (const exporter of exporters) exporter.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("a candidate's time to be accepted begins anew with each connection that the collector closes", async () => {
  const clock = new StandingClock();
  const collector = new TestCollector();
  const candidates = { list: ["v2.7", "v2.0", "v1.1"].map(expectation), acceptedAfter: 100_000 };
  const proxy = new TestProxy(collector.port, { clock, watch: true, candidates, random: () => 0 });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  let sent = 0;
  const doubts = () => proxy.happened("candidate_in_doubt").length + proxy.happened("candidate_rejected").length;
  const rejectAfter = async (milliseconds: number) => {
    await send(exporter, join(templateMessage(), dataMessage(sent++)));
    await clock.advanceUntil("it arrived", () => collector.records().length === sent, 50);
    await clock.advance(milliseconds);
    const before = doubts();
    const used = collector.connections.findLast(({ length }) => length > 0);
    assert.ok(used !== undefined);
    closeQuietly(used.socket);
    await clock.advanceUntil("the candidate is in doubt", () => doubts() > before, 50);
  };
  // In all, v2.0 is in use for longer than it takes to be accepted, but never in one go.
  for (const milliseconds of [1_000, 1_000, 60_000, 60_000]) await rejectAfter(milliseconds);
  assert.deepEqual(
    proxy.happened("candidate_rejected").map(({ fields }) => fields["rejected"]),
    ["v2.7", "v2.0"],
  );
  closeQuietly(exporter);
  const closed = proxy.proxy.close();
  await clock.advance(1);
  await closed;
  collector.close();
});
