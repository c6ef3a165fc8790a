import assert from "node:assert/strict";
import { CollectorProcess } from "../peers/collector.ts";
import { connectExporter, type ExporterSocket } from "../peers/exporter.ts";
import { COLLECTOR, NEWER, PROFILE, withParts } from "../peers/fleet.ts";
import { flowLayouts, FlowMessages } from "../peers/flows.ts";
import { ProxyProcess } from "../proxy.ts";
import { moment, say } from "../support.ts";
import { until } from "../../support/time/until.ts";

/** 400 MiB: of a proxy that has just taken 5000 sessions, garbage included that nothing has made it collect yet. */
const MOST_MEGABYTES = 419;
/** Of one in which they have waited for a few seconds, so that it has given back what their coming left behind. */
const MOST_MEGABYTES_AT_REST = 220;

interface Agent {
  readonly socket: ExporterSocket;
  readonly messages: FlowMessages;
}

/** Connects so many Agents, one after the other, each with an observation domain of its own, from 1. */
async function connectAgents(proxy: ProxyProcess, count: number): Promise<Agent[]> {
  const agents: Agent[] = [];
  for (let domain = 1; domain <= count; domain++) {
    const socket = await connectExporter(proxy.port());
    const messages = new FlowMessages(NEWER, domain);
    await socket.write(messages.templates);
    agents.push({ socket, messages });
  }
  return agents;
}

Deno.test("5000 idle sessions stay, in little memory, and the last record of each still arrives", () =>
  withParts({}, async ({ collector, proxy }) => {
    const count = 5_000;
    const before = (await proxy.metrics()).residentMegabytes;
    const agents = await connectAgents(proxy, count);
    for (const { socket, messages } of agents) await socket.write(messages.message(0));
    await collector.untilRecords(count);
    const metrics = await proxy.metrics();
    assert.equal(metrics.of(`sessions{transport="tcp"}`), count);
    const resident = metrics.residentMegabytes;
    const each = (resident - before) * 1000 / count;
    say(`${count} idle sessions: ${resident.toFixed(0)} MB resident, ${each.toFixed(1)} KB a session`);
    assert.ok(resident < MOST_MEGABYTES, `${resident} MB`);
    let rested = resident;
    await until(`${MOST_MEGABYTES_AT_REST} MB are enough`, async () => {
      // As often as one scrapes: the proxy is not to rest only where nobody looks.
      await moment(5_000);
      rested = (await proxy.metrics()).residentMegabytes;
      return rested < MOST_MEGABYTES_AT_REST;
    });
    say(`at rest: ${rested.toFixed(0)} MB resident, ${((rested - before) * 1000 / count).toFixed(1)} KB a session`);
    for (const { socket, messages } of agents) await socket.write(messages.message(1));
    await collector.untilRecords(2 * count);
    for (const { socket } of agents) socket.close();
    await proxy.until("all have ended", () => proxy.occurrences("session_closed") === count);
  }));

Deno.test("200 sessions that connect at once all get through, each on its own", () =>
  withParts({}, async ({ collector, proxy }) => {
    const [count, records] = [200, 100];
    await Promise.all(Array.from({ length: count }, async (_, index) => {
      const messages = new FlowMessages(NEWER, index + 1);
      const socket = await connectExporter(proxy.port());
      await socket.write(messages.templates);
      await socket.write(messages.messages(0, records));
      await socket.closeWrite();
      await socket.ended();
      const endedAt = Date.now();
      socket.close();
      await collector.until("all has come", () => collector.flowsOf(index + 1).at(-1) === records - 1);
      assert.deepEqual(collector.flowsOf(index + 1), [0, records - 1]);
      assert.ok(collector.lastRead(index + 1) <= endedAt, "its records come first, then its end");
    }));
  }));

Deno.test("1000 sessions outlive their collector: all reconnect, templates first, and no held record is lost", async () => {
  const count = 1_000;
  const layouts = flowLayouts(COLLECTOR);
  await using first = await CollectorProcess.start({ transport: "tcp", layouts });
  await using proxy = await ProxyProcess.start({
    listen: [{ transport: "tcp" }],
    collector: { transport: "tcp", port: first.port, profile: PROFILE },
  });
  const agents = await connectAgents(proxy, count);
  const templates = () => first.collected().reduce((sum, one) => sum + one.templates, 0);
  await first.until("all have announced both templates", () => templates() === 2 * count);
  await first.process.kill("SIGKILL");
  await until("every loss is noticed", async () => {
    // A busy kernel may let a session connect to the dying collector once more, and lose that connection too.
    const metrics = await proxy.metrics();
    const of = (outcome: string) => metrics.of(`collector_connections_total{outcome="${outcome}"}`);
    return of("lost") >= count && of("lost") === of("connected");
  });
  for (const { socket, messages } of agents) await socket.write(messages.message(0));
  const begin = performance.now();
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts }, first.port);
  await collector.untilRecords(count);
  say(`${count} sessions found their collector again within ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  collector.assertRight();
  agents.forEach(({ messages }) => assert.deepEqual(collector.flowsOf(messages.observationDomain), [0, 0]));
  for (const { socket } of agents) socket.close();
});
