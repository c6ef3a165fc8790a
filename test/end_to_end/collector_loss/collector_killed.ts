/** What the test of a collector that is killed over and over does, over one transport. */
import assert from "node:assert/strict";
import { tableLines } from "../../../src/terminal/text_table.ts";
import { CollectorProcess, joinRuns } from "../peers/collector.ts";
import { connectExporter, Exporter } from "../peers/exporter.ts";
import { flowLayouts } from "../peers/flows.ts";
import { Identities } from "../peers/identities.ts";
import { ProxyProcess } from "../proxy.ts";
import { moment, say } from "../support.ts";

const KILLS = 100;
/** Records that wait in the socket of a collector that was stopped before it was killed, of each exporter, at least. */
const STOPPED_RECORDS = 500;

/** What happens before a kill. */
type Moment = "while it reads" | "just connected" | "stopped before";

/** One kill, as one session felt it. */
interface Loss {
  readonly moment: Moment;
  /** Records that no collector got. */
  readonly lost: number;
  /** What the proxy's log said: so many at most. */
  readonly bound: number;
}

/** One of them is rewritten, one goes through as it is. */
const AGENTS = [{ release: "v2.0.0", domain: 1 }, { release: "v1.15.2", domain: 2 }];

/** Kills the collector under load until nobody can think of another moment for it, and looks at every record. */
export async function killCollectors(transport: "tcp" | "tls"): Promise<void> {
  await using identities = await Identities.create();
  const { authority, aggregator, agent } = identities;
  const pem = transport === "tcp" ? {} : { ...aggregator, ca: authority.pem };
  const newCollector = () => new CollectorProcess({ transport, ...pem, layouts: flowLayouts("v1.15.2") });
  let [collector, spare] = [newCollector(), newCollector()];
  const port = await collector.bind();
  await using proxy = await ProxyProcess.start({
    listen: [transport === "tcp" ? { transport } : { transport, tls: await identities.listener() }],
    collector: {
      transport,
      port,
      profile: "antrea/v1.15",
      ...(transport === "tcp" ? {} : { tls: await identities.collector() }),
    },
  });
  const identity = transport === "tcp" ? undefined : { issued: agent, ca: authority.pem };
  const exporters: Exporter[] = [];
  for (const { release, domain } of AGENTS) {
    exporters.push(new Exporter(await connectExporter(proxy.port(), identity), release, domain));
  }
  const arrived = new Map(AGENTS.map(({ domain }) => [domain, { last: -1, holes: [] as number[] }]));
  /** Looks at all that this collector got, and counts what is missing before it. */
  const check = (finished: CollectorProcess) => {
    finished.assertRight();
    for (const [domain, before] of arrived) {
      const collected = finished.collected().filter(({ observationDomain }) => observationDomain === domain);
      assert.equal(new Set(collected.map(({ connection }) => connection)).size, 1, "one connection a session");
      const [first = -1, last = -1, ...more] = joinRuns(collected);
      assert.deepEqual(more, [], "a hole, or something twice, within a connection");
      assert.ok(first > before.last, `flow ${first} came after ${before.last}`);
      before.holes.push(first - before.last - 1);
      before.last = last;
    }
  };
  const moments: Moment[] = [];
  /** Bounds that were announced so far, of each exporter. */
  const announced = () =>
    exporters.map(({ socket }) =>
      proxy.happened("collector_lost").filter(({ peer }) => peer === socket.name)
        .map(({ possiblyLost }) => Number(possiblyLost))
    );
  /** How many that were before each kill. */
  const announcedBefore: number[][] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const moment: Moment = kill % 5 === 4 ? "stopped before" : kill % 10 === 8 ? "just connected" : "while it reads";
    moments.push(moment);
    const wanted = moment === "just connected" ? 1 : 100 + (kill * 37) % 250;
    const each = () =>
      AGENTS.every(({ domain }) => lastOf(collector, domain) - (arrived.get(domain)?.last ?? 0) >= wanted);
    await collector.until("it has some records of each", each);
    if (moment === "stopped before") await stop(collector, exporters);
    await proxy.lossesLogged();
    announcedBefore.push(announced().map(({ length }) => length));
    await collector.process.kill("SIGKILL");
    check(collector);
    collector = spare;
    await collector.bind(port);
    spare = newCollector();
  }
  await spare.process.kill();
  await collector.until(
    "the last one has some of each",
    () => AGENTS.every(({ domain }) => lastOf(collector, domain) > 0),
  );
  for (const exporter of exporters) await exporter.stop();
  await proxy.until("the sessions are closed", () => proxy.happened("session_closed").length === AGENTS.length);
  const all = () => exporters.every(({ next, observationDomain }) => lastOf(collector, observationDomain) === next - 1);
  await collector.until("all that was sent after the last kill has arrived", all);
  await collector.process.kill("SIGTERM");
  check(collector);
  await proxy.lossesLogged();
  const losses: Loss[] = [];
  for (const [index, { socket, failure, observationDomain }] of exporters.entries()) {
    assert.equal(failure, undefined, "the exporter notices nothing");
    await socket.ended();
    socket.close();
    const said = announced()[index] ?? [];
    const [before, ...holes] = arrived.get(observationDomain)?.holes ?? [];
    assert.equal(before, 0);
    holes.forEach((lost, kill) => {
      // Nearly always one. A process that is being killed may take another connection, and that one is lost with it,
      // too.
      const bounds = said.slice(announcedBefore[kill]?.[index], announcedBefore[kill + 1]?.[index]);
      assert.ok(bounds.length > 0, `kill ${kill} is not reported`);
      const bound = bounds.reduce((sum, one) => sum + one, 0);
      assert.ok(lost <= bound, `kill ${kill}: ${lost} records lost, at most ${bound} reported`);
      losses.push({ moment: moments[kill] ?? "while it reads", lost, bound });
    });
  }
  assert.equal(losses.length, KILLS * exporters.length);
  // What waited in a stopped collector's socket has to be gone: otherwise the test kills nothing.
  const stopped = losses.filter(({ moment }) => moment === "stopped before");
  assert.ok(stopped.every(({ lost }) => lost >= STOPPED_RECORDS), "records in the socket go down with it");
  const sent = exporters.reduce((sum, { next }) => sum + next, 0);
  say(`${transport}: ${sent} records of 2 sessions, ${KILLS} kills\n${lossTable(losses).join("\n")}`);
}

/** The last flow of a domain that a collector got; -1: none. */
function lastOf(collector: CollectorProcess, domain: number): number {
  const runs = collector.collected().findLast(({ observationDomain, runs }) =>
    observationDomain === domain && runs.length > 0
  )?.runs;
  return runs?.at(-1) ?? -1;
}

/** Stops the collector until records wait in its socket: those go down with it. */
async function stop(collector: CollectorProcess, exporters: readonly Exporter[]): Promise<void> {
  collector.process.signal("SIGSTOP");
  // One burst may still be on its way to the collector when it stops.
  const before = exporters.map(({ next, perBurst }) => next + perBurst);
  while (exporters.some(({ next }, index) => next < (before[index] ?? 0) + STOPPED_RECORDS)) await moment();
}

function lossTable(losses: readonly Loss[]): string[] {
  const range = (values: readonly number[]) => {
    const sorted = values.toSorted((one, other) => one - other);
    return `${sorted[0]} / ${sorted[sorted.length >> 1]} / ${sorted.at(-1)}`;
  };
  const rows = Map.groupBy(losses, ({ moment }) => moment).entries().map(([moment, some]) => [
    moment,
    String(some.length),
    range(some.map(({ lost }) => lost)),
    range(some.map(({ bound }) => bound)),
    String(some.filter(({ lost, bound }) => lost > bound).length),
  ]);
  const head = [
    "killed",
    "connections",
    "lost: least / median / most",
    "announced at most: the same",
    "above the bound",
  ];
  return tableLines([head, ...rows], head.map((_, column) => column === 0 ? "left" : "right"));
}
