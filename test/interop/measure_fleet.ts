/** What arrives at one collector from Agents of several releases, as in the middle of an upgrade. */
import { judge, type Judgement } from "./judge.ts";
import type { MeasureOptions } from "./measure_pair.ts";
import { Collector, Exporter } from "./peers.ts";
import type { Line } from "./releases.ts";
import { sendRecords } from "./send_records.ts";

export interface FleetOptions extends Omit<MeasureOptions, "scenario"> {
  /**
   * `in turn`: one node whose Agent is replaced again and again, always the same observation domain. `at once`: a node
   * each, all sending at the same time.
   */
  readonly order: "in turn" | "at once";
}

export interface AgentResult extends Judgement {
  readonly agent: string;
  /** Whether the exporter lost its connection. */
  readonly closed: boolean;
}

export interface Fleet {
  readonly agents: readonly AgentResult[];
  /** What the collector died of. */
  readonly panic: string | null;
}

/** Sends records of every one of these releases to one collector. */
export async function measureFleet(
  collectorLine: Line,
  agentLines: readonly Line[],
  options: FleetOptions,
): Promise<Fleet> {
  const { transport = "tcp", identities, records, flavour } = options;
  await using collector = await Collector.start(collectorLine.goIpfix, {
    transport,
    ...(identities && { identity: identities.collector }),
  });
  const between = await options.via?.(collector.address, collectorLine);
  const address = between?.address ?? collector.address;
  const measure = async (agent: Line, index: number): Promise<AgentResult> => {
    const observationDomain = options.order === "at once" ? index + 1 : 1;
    const exporterOptions = { transport, observationDomain, ...(identities && { identity: identities.exporter }) };
    await using exporter = await Exporter.start(agent.goIpfix, address, exporterOptions);
    const earlier = collector.count;
    const start = `{"observationDomain":${observationDomain},`;
    const own = () => collector.process.stdout.slice(1 + earlier).filter((line) => line.startsWith(start));
    const target = { process: collector.process, effects: () => own().length };
    const closed = await sendRecords(exporter, target, { from: agent, count: records, flavour });
    await exporter.close();
    const received = collector.received.slice(earlier).filter((one) => one.observationDomain === observationDomain);
    return { agent: agent.name, ...judge({ agent, collector: collectorLine }, received, flavour), closed };
  };
  try {
    const agents: AgentResult[] = [];
    if (options.order === "at once") agents.push(...await Promise.all(agentLines.map(measure)));
    else for (const [index, agent] of agentLines.entries()) agents.push(await measure(agent, index));
    return { agents, panic: collector.panic ?? null };
  } finally {
    await between?.close();
  }
}
