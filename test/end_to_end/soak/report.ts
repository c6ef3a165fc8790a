/** Follows every record of a soak to where it came, or to what it was lost with. */
import { tableLines } from "../../../src/terminal/text_table.ts";
import type { LogLine, ProxyProcess } from "../proxy.ts";
import { until } from "../../support/time/until.ts";
import { account, noSums, type Sums } from "./account.ts";
import type { Agent, AgentSession } from "./agent.ts";
import type { MortalCollector } from "./faults.ts";

/** What a soak has left. */
export interface Remains {
  readonly proxy: ProxyProcess;
  readonly collector: MortalCollector;
  readonly agents: readonly Agent[];
  /** Fault → how often. */
  readonly injected: ReadonlyMap<string, number>;
  /** Resident memory of the proxy after each fault, in MB. */
  readonly memory: readonly number[];
}

/** What is said in the end, and whether all is as it should be. */
export interface Verdict {
  readonly lines: readonly string[];
  readonly right: boolean;
}

/** Waits for what is still on its way, ends collector and proxy, and accounts for every record. */
export async function judge({ proxy, collector, agents, injected, memory }: Remains): Promise<Verdict> {
  const streams = agents.flatMap(({ sessions }) => sessions.filter(({ transport }) => transport !== "udp"));
  const over = (session: AgentSession) => proxy.happened("session_closed").some(({ peer }) => peer === session.peer);
  let settled = true;
  await until("the sessions are over", () => streams.every(over)).catch(() => settled = false);
  const metrics = await proxy.metrics();
  const { code } = await proxy.process.kill("SIGTERM");
  await collector.end();
  const wrong: string[] = collector.lives.flatMap((life) => life.collected().flatMap((one) => one.wrong ?? []));
  const byTransport = new Map<string, Sums>();
  const arrived = arrivals(collector);
  const announced = Map.groupBy(proxy.happened("collector_lost"), ({ peer }) => peer);
  for (const session of agents.flatMap(({ sessions }) => sessions)) {
    const sums = byTransport.get(session.transport) ?? noSums();
    byTransport.set(session.transport, sums);
    account(sums, {
      transport: session.transport,
      sent: session.sent(),
      ending: session.ending ?? "by the proxy",
      arrived: arrived.get(session.observationDomain) ?? [],
      announced: (announced.get(session.peer) ?? []).map(({ possiblyLost }) => Number(possiblyLost)),
    });
  }
  const all = [...byTransport.values()];
  const none = (of: keyof Sums) => all.every((sums) => sums[of] === 0);
  // A reload that was under way when the proxy was told to leave is refused.
  const isLate = ({ event, mistakes }: LogLine) => event === "config_refused" && /draining/.test(String(mistakes));
  const failures = proxy.log().filter((line) => line.level === "error" && !isLate(line));
  const right = settled && code === 0 && wrong.length === 0 && none("lost") && none("twice") && failures.length === 0;
  const lines = [
    ...table(["faults injected", "times"], [...injected].map(([name, count]) => [name, String(count)])),
    "",
    ...table(
      ["records over", "sessions", "sent", "arrived", "in killed sockets", "cut with exporter", "UDP", "LOST", "TWICE"],
      [...byTransport].map(([transport, sums]) => [
        transport,
        ...[sums.sessions, sums.sent, sums.arrived, sums.inKilledSocket, sums.withExporter].map(String),
        ...[sums.datagrams, sums.lost, sums.twice].map(String),
      ]),
    ),
    "",
    `wrong: ${wrong.length}${
      wrong.length === 0 ? "" : ` (${wrong[0]?.slice(0, 300)})`
    }; errors in the log: ${failures.length}` +
    `${
      failures.length === 0 ? "" : ` (${JSON.stringify(failures[0]).slice(0, 300)})`
    }; the proxy left with status ${code}`,
    `over UDP the proxy counted ${metrics.of(`records_dropped_total{reason="collector_unavailable"}`)} as dropped, ` +
    `${metrics.of(`records_dropped_total{reason="unknown_template"}`)} without template; kernels drop uncounted`,
    `memory of the proxy: ${quarters(memory).map(megabytes).join(", ")} at the start and after each quarter, ` +
    `${megabytes(metrics.residentMegabytes)} at the end (${
      megabytes((metrics.get("process_heap_bytes") ?? 0) / 1e6)
    } heap)`,
    right ? "nothing lost that a direct connection keeps" : "NOT RIGHT",
  ];
  return { lines, right };
}

/** What came of each observation domain, in order. */
function arrivals({ lives }: MortalCollector): Map<number, { collector: number; first: number; last: number }[]> {
  const arrived = new Map<number, { collector: number; first: number; last: number }[]>();
  for (const [collector, life] of lives.entries()) {
    for (const { observationDomain, runs } of life.collected()) {
      const all = arrived.get(observationDomain) ?? [];
      arrived.set(observationDomain, all);
      for (let index = 0; index < runs.length; index += 2) {
        const [first = 0, last = 0] = [runs[index], runs[index + 1]];
        const before = all.at(-1);
        if (before?.collector === collector && before.last === first - 1) all[all.length - 1] = { ...before, last };
        else all.push({ collector, first, last });
      }
    }
  }
  return arrived;
}

function table(head: string[], rows: string[][]): string[] {
  return tableLines([head, ...rows], head.map((_, column) => column === 0 ? "left" : "right"));
}

/** The first value, and the last of each quarter. */
function quarters(values: readonly number[]): (number | undefined)[] {
  return [0, 1, 2, 3, 4].map((quarter) => values[Math.round(quarter * (values.length - 1) / 4)]);
}

function megabytes(value: number | undefined): string {
  return `${value?.toFixed(0) ?? "?"} MB`;
}
