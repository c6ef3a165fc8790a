/** What arrives at one collector through the proxy from Agents of all releases, each over several transports. */
import type { Identities } from "../peers/identities.ts";
import { uncounted } from "./judge.ts";
import { type AgentResult, measureAgent } from "./measure_fleet.ts";
import { Collector, type Transport } from "../peers/peers.ts";
import { startProxy } from "../proxy.ts";
import type { Line } from "../peers/releases.ts";

export interface TransportsOptions {
  /** Between exporters and the proxy; all at the same time, an observation domain each. */
  readonly from: readonly Transport[];
  /** Between the proxy and the collector. */
  readonly to: Transport;
  readonly identities: Identities;
  /** Data records of each Agent, IPv4 and IPv6 by turns. */
  readonly records: number;
}

export interface TransportResult extends AgentResult {
  readonly transport: Transport;
}

export interface TransportsMeasurement {
  readonly agents: readonly TransportResult[];
  /** What the collector died of. */
  readonly panic: string | null;
  /** The proxy's, for the one who has to find out why something did not arrive. */
  readonly log: readonly string[];
}

/**
 * One collector, one proxy with a listener for each transport. Over each of them a node sends whose Agent is of the
 * collector's own release first, so that the collector knows its template, and then of every release in turn.
 */
export async function measureTransports(
  collectorLine: Line,
  agentLines: readonly Line[],
  { from, to, identities, records }: TransportsOptions,
): Promise<TransportsMeasurement> {
  await using collector = await Collector.start(collectorLine.goIpfix, {
    transport: to,
    ...(to === "tls" && { identity: identities.collector }),
  });
  const profile = `antrea/${collectorLine.name}`;
  const proxy = await startProxy(collector.address, profile, {
    transport: to,
    listen: from,
    identity: identities.proxy,
  });
  try {
    const nodes = await Promise.all(from.map(async (transport, index) => {
      // Old exporters and all collectors take no long datagrams.
      const flavour = transport === "udp" || to === "udp" ? "short" : "extreme";
      const address = proxy.listeners.get(transport) ?? "";
      const part = { transport, identities, flavour, observationDomain: index + 1 } as const;
      const own = { agent: collectorLine, collector: collectorLine };
      await measureAgent(own, collector, address, { ...part, records: 2, first: uncounted });
      const results: TransportResult[] = [];
      for (const agent of agentLines) {
        const result = await measureAgent({ agent, collector: collectorLine }, collector, address, {
          ...part,
          records,
        });
        results.push({ transport, ...result });
      }
      return results;
    }));
    return { agents: nodes.flat(), panic: collector.panic ?? null, log: proxy.process.stderr };
  } finally {
    // Releases from v0.5.7 to v0.11 never close their side of a connection, which the proxy waits for: they go first.
    await collector.process.kill();
    await proxy.close();
  }
}
