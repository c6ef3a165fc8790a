/** What the test of a collector that is killed over and over does, over one transport. */
import assert from "node:assert/strict";
import { tableLines } from "../../../src/terminal/text_table.ts";
import { CollectorProcess, joinRuns } from "../peers/collector.ts";
import { connectExporter, Exporter } from "../peers/exporter.ts";
import { flowLayouts } from "../peers/flows.ts";
import { Identities } from "../peers/identities.ts";
import { ProxyProcess } from "../proxy.ts";
import { say } from "../support.ts";
import { until } from "../../support/time/until.ts";

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

/** What became of the records around each kill. */
class Kills {
  readonly moments: Moment[] = [];
  /** Of each domain: the last flow that came, and how many are missing before what each collector got. */
  readonly #arrived = new Map(AGENTS.map(({ domain }) => [domain, { last: -1, holes: [] as number[] }]));
  /** How many bounds were announced before each kill, of each exporter. */
  readonly #announcedBefore: number[][] = [];

  constructor(readonly proxy: ProxyProcess, readonly exporters: readonly Exporter[]) {}

  /** Whether this collector has got so many flows of each domain. */
  hasGot(collector: CollectorProcess, flows: number): boolean {
    return [...this.#arrived].every(([domain, { last }]) => lastOf(collector, domain) - Math.max(0, last) >= flows);
  }

  /** Notes what was announced so far: a kill follows. */
  async begin(moment: Moment): Promise<void> {
    this.moments.push(moment);
    await this.proxy.lossesLogged();
    this.#announcedBefore.push(this.#announced().map(({ length }) => length));
  }

  /** Looks at all that a collector got which has ended, and counts what is missing before it. */
  check(ended: CollectorProcess): void {
    ended.assertRight();
    for (const [domain, before] of this.#arrived) {
      const collected = ended.collected().filter(({ observationDomain }) => observationDomain === domain);
      assert.equal(new Set(collected.map(({ connection }) => connection)).size, 1, "one connection a session");
      const [first = -1, last = -1, ...more] = joinRuns(collected);
      assert.deepEqual(more, [], "a hole, or something twice, within a connection");
      assert.ok(first > before.last, `flow ${first} came after ${before.last}`);
      before.holes.push(first - before.last - 1);
      before.last = last;
    }
  }

  /** What each session has lost by each kill, at most what was announced. */
  async losses(): Promise<Loss[]> {
    await this.proxy.lossesLogged();
    return this.#announced().flatMap((said, index) => {
      const [before, ...holes] = [...this.#arrived.values()][index]?.holes ?? [];
      assert.equal(before, 0);
      return holes.map((lost, kill) => {
        // Nearly always one. A process that is being killed may take another connection, and that one is lost with it,
        // too.
        const bounds = said.slice(this.#announcedBefore[kill]?.[index], this.#announcedBefore[kill + 1]?.[index]);
        assert.ok(bounds.length > 0, `kill ${kill} is not reported`);
        const bound = bounds.reduce((sum, one) => sum + one, 0);
        assert.ok(lost <= bound, `kill ${kill}: ${lost} records lost, at most ${bound} reported`);
        return { moment: this.moments[kill] ?? "while it reads", lost, bound };
      });
    });
  }

  /** Bounds that were announced so far, of each exporter. */
  #announced(): number[][] {
    return this.exporters.map(({ socket }) =>
      this.proxy.happened("collector_lost").filter(({ peer }) => peer === socket.name)
        .map(({ possiblyLost }) => Number(possiblyLost))
    );
  }
}

/** When the kill of this number happens, and how many flows of each domain the collector has got by then. */
function plan(kill: number): { readonly moment: Moment; readonly flows: number } {
  if (kill % 10 === 8) return { moment: "just connected", flows: 1 };
  return { moment: kill % 5 === 4 ? "stopped before" : "while it reads", flows: 100 + (kill * 37) % 250 };
}

/** Kills the collector over and over under load, at different moments, and accounts for every record. */
export async function killCollectors(transport: "tcp" | "tls"): Promise<void> {
  await using identities = await Identities.create();
  const { authority, aggregator, agent } = identities;
  const pem = transport === "tcp" ? {} : { ...aggregator, ca: authority.pem };
  await using collectors = new AsyncDisposableStack();
  const newCollector = () =>
    collectors.use(new CollectorProcess({ transport, ...pem, layouts: flowLayouts("v1.15.2") }));
  let [collector, spare] = [newCollector(), newCollector()];
  const port = await collector.bind();
  const tls = transport === "tcp" ? {} : { tls: await identities.collector() };
  await using proxy = await ProxyProcess.start({
    listen: [transport === "tcp" ? { transport } : { transport, tls: await identities.listener() }],
    collector: { transport, port, profile: "antrea/v1.15", ...tls },
  });
  const identity = transport === "tcp" ? undefined : { issued: agent, ca: authority.pem };
  const exporters = await Promise.all(
    AGENTS.map(async ({ release, domain }) =>
      new Exporter(await connectExporter(proxy.port(), identity), release, domain)
    ),
  );
  const kills = new Kills(proxy, exporters);
  for (let kill = 0; kill < KILLS; kill++) {
    const { moment, flows } = plan(kill);
    await collector.until("it has some records of each", () => kills.hasGot(collector, flows));
    await kills.begin(moment);
    if (moment === "stopped before") await stop(collector, exporters);
    await collector.process.kill("SIGKILL");
    kills.check(collector);
    collector = spare;
    await collector.bind(port);
    spare = newCollector();
  }
  await spare.process.kill();
  await collector.until("the last one has some of each", () => kills.hasGot(collector, 1));
  for (const exporter of exporters) await exporter.stop();
  await proxy.until("the sessions are closed", () => proxy.happened("session_closed").length === AGENTS.length);
  const all = () => exporters.every(({ next, observationDomain }) => lastOf(collector, observationDomain) === next - 1);
  await collector.until("all that was sent after the last kill has arrived", all);
  await collector.process.kill("SIGTERM");
  kills.check(collector);
  const losses = await kills.losses();
  assert.equal(losses.length, KILLS * exporters.length);
  // What waited in a stopped collector's socket has to be gone: otherwise the test kills nothing.
  const stopped = losses.filter(({ moment }) => moment === "stopped before");
  assert.ok(stopped.every(({ lost }) => lost >= STOPPED_RECORDS), "records in the socket go down with it");
  for (const { socket, failure } of exporters) {
    assert.equal(failure, undefined, "the exporter notices nothing");
    await socket.ended();
    socket.close();
  }
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
  const haveSent = () => exporters.every(({ next }, index) => next >= (before[index] ?? 0) + STOPPED_RECORDS);
  await until("records wait in its socket", haveSent);
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
