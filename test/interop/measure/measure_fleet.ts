/** What arrives at one collector from Agents of several releases, as in the middle of an upgrade. */
import { judge, type Judgement, type Pair } from "./judge.ts";
import type { MeasureOptions } from "./measure_pair.ts";
import { Collector, Exporter } from "../peers/peers.ts";
import type { Line } from "../peers/releases.ts";
import { sendRecords } from "../peers/send_records.ts";

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

/** One exporter's part in a fleet. */
interface Part extends Pick<FleetOptions, "transport" | "identities" | "records" | "flavour"> {
  /** Its own among all that send at the same time. */
  readonly observationDomain: number;
  /** Number of the first record, 0 by default. */
  readonly first?: number;
}

/** Sends records of one release by way of an address, and judges those that the collector delivers. */
export async function measureAgent(
  { agent, collector: collectorLine }: Pair,
  collector: Collector,
  address: string,
  { transport = "tcp", identities, records, flavour, observationDomain, first = 0 }: Part,
): Promise<AgentResult> {
  const identity = identities && transport === "tls" ? { identity: identities.exporter } : {};
  await using exporter = await Exporter.start(agent.goIpfix, address, { transport, observationDomain, ...identity });
  const earlier = collector.count;
  const start = `{"observationDomain":${observationDomain},`;
  const own = () => collector.process.stdout.slice(1 + earlier).filter((line) => line.startsWith(start));
  const target = { process: collector.process, effects: () => own().length };
  const closed = await sendRecords(exporter, target, { from: agent, count: records, flavour, first });
  await exporter.close();
  const received = collector.received.slice(earlier).filter((one) => one.observationDomain === observationDomain);
  return { agent: agent.name, ...judge({ agent, collector: collectorLine }, received, flavour), closed };
}

/** Sends records of every one of these releases to one collector. */
export async function measureFleet(
  collectorLine: Line,
  agentLines: readonly Line[],
  options: FleetOptions,
): Promise<Fleet> {
  const { transport = "tcp", identities } = options;
  await using collector = await Collector.start(collectorLine.goIpfix, {
    transport,
    ...(identities && { identity: identities.collector }),
  });
  const between = await options.via?.(collector.address, collectorLine);
  const address = between?.address ?? collector.address;
  const measure = (agent: Line, index: number): Promise<AgentResult> => {
    const observationDomain = options.order === "at once" ? index + 1 : 1;
    return measureAgent({ agent, collector: collectorLine }, collector, address, { ...options, observationDomain });
  };
  try {
    const agents: AgentResult[] = [];
    if (options.order === "at once") agents.push(...await Promise.all(agentLines.map(measure)));
    else for (const [index, agent] of agentLines.entries()) agents.push(await measure(agent, index));
    return { agents, panic: collector.panic ?? null };
  } finally {
    // Releases from v0.5.7 to v0.11 never close their side of a connection, which the proxy waits for: they go first.
    await collector.process.kill();
    await between?.close();
  }
}
